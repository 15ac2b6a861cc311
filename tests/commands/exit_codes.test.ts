/**
 * What exit codes mean, over all commands: each ends only with codes that its help names, and one that asks before it changes something
 * says in its help what happens where nobody can be asked. The commands are those of deno.json and of `deno task log`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../src/commands/command.ts";
import { endsOf, expectUndecided, settled, stateOf } from "../recovery/undecided.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";

const ROOT = new URL("../../", import.meta.url);
const TEST_MS = 120_000;
/** They go on until they are stopped, with an exit code of the stop. */
const LONG = ["start", "demo", "broker"];
/** Runs before packages exist, and takes no arguments. */
const FRAMELESS = ["install", "install:dev"];

/** Of commands that a failed test has not seen end. */
const running = new Set<ChildProcess>();

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command, such as `log adopt`, without a terminal. */
function run(
  command: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<Ended> {
  const [program, words, environment] = invocation(command, args);
  return ended(spawn(program, words, {
    env: { ...process.env, ...environment, NO_COLOR: "1", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  }));
}

function invocation(
  command: string,
  args: readonly string[],
): [string, string[], Readonly<Record<string, string>>] {
  const [task, ...words] = command.split(" ");
  const { args: before, environment } = taskCommand(task!);
  return [process.execPath, [...before, ...words, ...args], environment];
}

function ended(child: ChildProcess, onOut = (_out: string) => {}): Promise<Ended> {
  running.add(child);
  let out = "", err = "";
  child.stdout?.on("data", (chunk) => onOut(out += chunk));
  child.stderr?.on("data", (chunk) => err += chunk);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, out, err });
    });
  });
}

let folder: string;
/** The help of every command. */
const helps = new Map<string, string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-exit-codes-"));
  const { tasks } = JSON.parse(readFileSync(new URL("deno.json", ROOT), "utf8")) as {
    tasks: Record<string, { command: string }>;
  };
  const names = Object.entries(tasks).filter(([name, { command }]) =>
    / src\/(commands\/\w+|main)\.ts$/.test(command) && !FRAMELESS.includes(name)
  ).map(([name]) => name);
  const { out } = await run("log", ["--help"], {});
  const ofLog = [...out.matchAll(/^ {2}(\w+) {2,}\w/gm)].map(([, name]) => `log ${name}`);
  expect(ofLog.length).toBeGreaterThan(5);
  for (const name of [...names, ...ofLog]) {
    const { code, out, err } = await run(name, ["--help"], {});
    expect([name, code, err]).toEqual([name, 0, ""]);
    helps.set(name, out);
  }
}, TEST_MS);
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** What the help says of each exit code. */
function codesOf(command: string): ReadonlyMap<number, string> {
  const help = helps.get(command)!;
  const lines = help.slice(help.indexOf("exit code  0")).matchAll(
    /^(?:exit code| *) {1,2}(\d+) {2}(.+)/gm,
  );
  return new Map([...lines].map(([, code, text]) => [Number(code), text!]));
}

const asks = (command: string) => /^ {2}--yes /m.test(helps.get(command)!);
const commands = () => [...helps.keys()];

test("every command's help names its exit codes", () => {
  for (const command of commands()) {
    const codes = [EXIT.DONE, EXIT.FAILED, EXIT.USAGE];
    const all = LONG.includes(command) ? codes : [...codes, EXIT.INTERRUPTED];
    expect([command, [...codesOf(command).keys()]]).toEqual([command, all]);
  }
});

test("docs/commands.md says what each exit code means", () => {
  const page = readFileSync(new URL("docs/commands.md", ROOT), "utf8");
  const section = page.split("## Exit codes")[1]!.split("\n## ")[0]!;
  for (const code of Object.values(EXIT)) {
    expect(section).toMatch(new RegExp(`^\\| ${code} +\\| \\w`, "m"));
  }
});

test("a command that asks, and only such a one, says what happens without a terminal", () => {
  expect(commands().filter(asks).length).toBeGreaterThanOrEqual(4);
  for (const command of commands()) {
    const says = /no terminal is there to ask, and --yes is missing/.test(
      codesOf(command).get(EXIT.USAGE)!,
    );
    expect([command, says]).toEqual([command, asks(command)]);
  }
});

test("a wrong option is refused in one line, with a code of the help", async () => {
  for (const command of commands()) {
    const { code, out, err } = await run(command, ["--fast"], {});
    expect([command, code, out]).toEqual([command, EXIT.USAGE, ""]);
    expect(err).toMatch(new RegExp(`^${command}: .*--fast.*; see deno task ${command} --help\n$`));
  }
}, TEST_MS);

test(
  "a database that does not answer ends a command that asks, instead of making it wait for ever",
  async () => {
    const settings = {
      DATA_DIR: join(folder, "own"),
      BROKER: "embedded",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      // A port on which nothing can listen: connecting to it is refused at once.
      DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
    };
    const { code, err } = await run("log adopt", ["--yes"], settings);
    expect(err).toMatch(
      /\nerror: the database can't be reached .*\nhint: check that PostgreSQL runs at the address in DATABASE_URL\n$/,
    );
    expect(code).toBe(EXIT.FAILED);
  },
  TEST_MS,
);

test("log without a command, or with a wrong one, is refused; -h is its help", async () => {
  const none = await run("log", [], {});
  expect([none.code, none.out, none.err]).toEqual([EXIT.USAGE, "", helps.get("log")]);
  const wrong = await run("log", ["paint"], {});
  expect(wrong.err).toMatch(
    /^log: there is no command "paint", only status, .*; see deno task log --help\n$/,
  );
  expect(wrong.code).toBe(EXIT.USAGE);
  expect(await run("log", ["-h"], {})).toEqual({ code: EXIT.DONE, out: helps.get("log"), err: "" });
}, TEST_MS);

describe("with an undecided log", () => {
  let whole: TestService;
  beforeAll(async () => {
    whole = await startTestService({ sample: { days: 2, meteorsPerDay: 20 } });
    await whole.run("/backfill", { all: true });
    await settled(whole);
    // As if another log were at the address.
    await whole.database.sql`update log_binding set log_id = gen_random_uuid()::text`;
    await expectUndecided(whole, "another", await stateOf(whole));
  }, TEST_MS);
  afterAll(() => whole[Symbol.asyncDispose](), TEST_MS);

  test(
    "without a terminal and --yes nothing is changed, and the code is the one of the help",
    async () => {
      const before = await stateOf(whole);
      for (const command of commands().filter(asks)) {
        const { code, err } = await run(command, [], { DATA_DIR: whole.config.dataDirectory });
        expect([command, code]).toEqual([command, EXIT.USAGE]);
        expect(err).toBe(
          `${command}: no terminal is there to ask, so nothing was changed: add --yes to confirm it; ` +
            `see deno task ${command} --help\n`,
        );
      }
      expect(await stateOf(whole)).toEqual(before);
    },
    TEST_MS,
  );

  test("repair publishes nothing into a log about which nobody has decided", async () => {
    await whole.database.sql`update meteor set topic_offset = -1 where topic_partition = 0`;
    const before = await stateOf(whole);
    const ends = await endsOf(whole);
    const { code, out, err } = await run("log repair", ["--yes"], {
      DATA_DIR: whole.config.dataDirectory,
    });
    expect(err).toMatch(/^error: this is another log .*\nhint: decide with deno task log refill/);
    expect({ code, out }).toEqual({ code: EXIT.FAILED, out: "" });
    expect(await endsOf(whole)).toEqual(ends);
    expect(await stateOf(whole)).toEqual(before);
  }, TEST_MS);

  test.skipIf(!existsSync("/usr/bin/script")).each([
    ["another word", "no\r"],
    ["the end of the input", "\x04"],
  ])("%s on the terminal is no", async (_what, keys) => {
    const before = await stateOf(whole);
    const [program, args, environment] = invocation("log adopt", []);
    const line = [program, ...args].map((word) => `'${word}'`).join(" ");
    const child = spawn("/usr/bin/script", ["-qec", line, "/dev/null"], {
      env: {
        ...process.env,
        ...environment,
        NO_COLOR: "1",
        DATA_DIR: whole.config.dataDirectory,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let isAnswered = false;
    const { code, out } = await ended(child, (said) => {
      if (isAnswered || !said.includes("Type adopt to confirm:")) return;
      isAnswered = true;
      child.stdin.write(keys);
    });
    expect(out.trimEnd()).toMatch(/nothing was changed$/);
    expect(code).toBe(EXIT.FAILED);
    expect(await stateOf(whole)).toEqual(before);
  }, TEST_MS);
});
