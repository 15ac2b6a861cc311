/**
 * What every command does with a wrong command line: one line that says what to do, and an exit code that its help lists. Each runs
 * with the permissions of its task, and no service is there.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileText, rows } from "../support/summary_file.ts";
import { taskCommand } from "../support/task_command.ts";

const COMMANDS = [
  "start",
  "demo",
  "status",
  "backfill",
  "extract",
  "ingest",
  "replay",
  "rebuild",
  "parse",
  "broker",
  "backup",
  "restore",
] as const;
type Command = typeof COMMANDS[number];
const TEST_MS = 60_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-bad-input-"));
});
afterAll(() => rm(folder, { recursive: true }));

const shell = (command: string) => ended("/bin/sh", ["-c", command], {}, folder);

function run(
  command: Command,
  args: readonly string[],
  settings: Record<string, string> = {},
  cwd = folder,
) {
  const { args: task, environment } = taskCommand(command);
  return ended(process.execPath, [...task, ...args], { ...environment, ...settings }, cwd);
}

function ended(
  program: string,
  args: readonly string[],
  settings: Record<string, string>,
  cwd: string,
) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    const { PATH, HOME } = process.env;
    const child = spawn(program, args, {
      cwd,
      env: { PATH, HOME, NO_COLOR: "1", ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => out += chunk);
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

const takesFiles = (command: Command) => command === "parse" || command === "ingest";

describe.each(COMMANDS)("%s", (command) => {
  test("--help is on standard output and lists every exit code", async () => {
    for (const args of [["--help"], ["--", "--help"], ["-h"]]) {
      const { code, out, err } = await run(command, args);
      expect(err).toBe("");
      expect(out).toMatch(new RegExp(`^usage: (DATA_DIR=NEW )?deno task ${command}`, "m"));
      for (const listed of [0, 1, 2]) {
        expect(out).toMatch(new RegExp(`^.{9,11} ${listed} {2}\\S`, "m"));
      }
      expect(code).toBe(0);
    }
  }, TEST_MS);

  test("an option that there is not is refused in one line", async () => {
    const { code, out, err } = await run(command, ["--fast", ...takesFiles(command) ? ["x"] : []]);
    expect(err).toBe(
      `${command}: there is no option --fast; see deno task ${command} --help\n`,
    );
    expect(out).toBe("");
    expect(code).toBe(2);
  }, TEST_MS);

  test(
    "what stands where nothing belongs is refused in one line, and so is nothing where a file belongs",
    async () => {
      const { code, err } = await run(command, takesFiles(command) ? [] : ["2024"]);
      expect(err).toMatch(
        takesFiles(command)
          ? new RegExp(`^${command}: no file is given; see deno task ${command} --help\n$`)
          : new RegExp(
            `^${command}: unexpected argument "2024"; see deno task .* --help\n$`,
          ),
      );
      expect(code).toBe(2);
    },
    TEST_MS,
  );
});

// parse has no settings.
test.each(COMMANDS.filter((command) => command !== "parse"))(
  "%s names a setting that can't work, and what is allowed",
  async (command) => {
    const args: Partial<Record<Command, string[]>> = {
      ingest: [join(import.meta.dirname!, "bad_input.test.ts")],
      backfill: ["--all"],
      replay: ["--all"],
      backup: ["--to", "copy"],
      restore: ["--from", "copy"],
    };
    const { code, err } = await run(command, args[command] ?? [], { KAFKA_PORT: "many" });
    expect(err).toMatch(/^error: bad settings:\n {2}KAFKA_PORT="many": must be a port number/);
    expect(err).toMatch(/hint: Correct them in the environment or in \.env/);
    expect(code).toBe(1);
  },
  TEST_MS,
);

describe.each(["parse", "ingest"] as const)("%s", (command) => {
  test("names a file that is not there, and a folder", async () => {
    for (const [file, reason] of [["none.txt", /No such file|ENOENT/i], [".", /./]] as const) {
      const { code, err } = await run(command, [file]);
      expect(err.split("\n")).toHaveLength(2);
      expect(err.startsWith(`${file}: `)).toBe(true);
      expect(err).toMatch(reason);
      expect(code).toBe(command === "parse" ? 2 : 1);
    }
  }, TEST_MS);
});

test("a file is looked for from where the person is, not from the project's folder", async () => {
  const file = join(folder, "here.txt");
  await writeFile(file, fileText(rows(2)));
  const elsewhere = { INIT_CWD: folder };
  const root = join(import.meta.dirname!, "../..");
  const { code, err } = await run("parse", ["here.txt"], elsewhere, root);
  expect(err).toMatch(/^here\.txt: 2 rows/);
  expect(code).toBe(0);
  expect(await run("parse", ["here.txt"], {}, root)).toMatchObject({ code: 2 });
  // What it is given it tries to read: there is no service, and the settings are wrong.
  const refused = await run("ingest", ["here.txt"], { ...elsewhere, KAFKA_PORT: "many" }, root);
  expect(refused.err).toMatch(/KAFKA_PORT/);
}, TEST_MS);

test("a rebuild where there is no log is refused, and makes none", async () => {
  const DATA_DIR = join(folder, "nothing here");
  const { code, err } = await run("rebuild", [], { DATA_DIR });
  expect(err).toMatch(
    /^from the log of .*nothing here\nerror: there is no log in .*\nhint: set DATA_DIR/,
  );
  expect(code).toBe(1);
  expect(existsSync(DATA_DIR)).toBe(false);
}, TEST_MS);

test("an output on a full disk is no stack trace", async () => {
  for (const command of COMMANDS) {
    const { args } = taskCommand(command);
    const words = [process.execPath, ...args, "--help"].map((word) => `'${word}'`).join(" ");
    const { code, err } = await shell(`${words} >/dev/full`);
    expect(err).toBe("");
    expect(code).toBe(1);
  }
}, TEST_MS);

describe.each(["status", "backfill", "extract"] as const)("%s", (command) => {
  test("says what to do where no service runs", async () => {
    const { code, err } = await run(command, command === "backfill" ? ["--all"] : []);
    expect(err).toMatch(
      /^error: no service runs on \S+\nhint: start one with deno task start.*\n$/,
    );
    expect(code).toBe(1);
  }, TEST_MS);
});

test("options with a wrong value are refused in one line", async () => {
  const cases: [Command, string[], RegExp][] = [
    ["replay", ["--stage", "soup"], /--stage soup is not one of read, fetch, decode, load/],
    ["replay", ["--from", "soon"], /soon is not a time such as/],
    ["replay", [], /say which dead letters/],
    ["rebuild", ["--topic"], /--topic/],
    ["broker", ["--kafka-port", "many"], /--kafka-port many is not a whole number from 0 to 65535/],
    ["broker", ["--partitions", "0"], /--partitions 0 is not a whole number from 1 to 1000/],
    ["extract", ["--days", "ten"], /--days ten is not a whole number/],
    ["backfill", [], /say what to read/],
    ["status", ["--server", "here"], /--server here is not an http/],
  ];
  for (const [command, args, reason] of cases) {
    const { code, err } = await run(command, args);
    expect(err).toMatch(reason);
    expect(err).toMatch(new RegExp(`^${command}: .*; see deno task ${command} --help\n$`));
    expect(code).toBe(2);
  }
}, TEST_MS);
