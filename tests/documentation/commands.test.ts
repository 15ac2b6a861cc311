/**
 * The documentation's commands, as a user types them: in a fresh clone, through `deno task` with the task's own permissions, against
 * a running demo, once on a terminal and once in a pipe.
 *
 * An unknown command fails the test: every command on a page needs an entry in `known_commands.ts` with its expected output.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { readAddresses } from "../../src/service/address_file.ts";
import { fileText, rows } from "../support/summary_file.ts";
import { askOrInstall } from "../clients/install/debian.ts";
import { lastLine } from "../clients/install/command.ts";
import { installPython } from "../clients/install/python.ts";
import { until } from "../support/poll.ts";
import { blocksOf, commandsOf, type DocumentedCommand, pagesOf } from "./blocks.ts";
import { type FreshClone, freshClone } from "../support/fresh_clone.ts";
import {
  COMMANDS_NOT_RUN,
  type Demo,
  KNOWN_COMMANDS,
  type KnownCommand,
  NOT_COMMANDS,
} from "./known_commands.ts";
import { type Connection, runAsUser, type RunOptions, userEnvironment } from "./user_shell.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
const CONNECTIONS: readonly Connection[] = ["terminal", "pipe"];
/** Characters from the end of a failed command's output that are reported first: its error with its hint. */
const LAST_WORDS = 400;
/** For a command on a machine that is busy with other tests. */
const COMMAND_MS = 60_000;
/** For a start that has to unpack packages. */
const DEMO_MS = 120_000;
/** For installing packages of other languages over a slow network. */
const INSTALL_MS = 8 * 60_000;

const blocks = pagesOf(ROOT).flatMap((page) => blocksOf(ROOT, page));
const documented = blocks.filter(({ language }) => language === "sh").flatMap(commandsOf);
const at = ({ page, line }: { page: string; line: number }) => `${page}:${line}`;
const notRun = (text: string) => COMMANDS_NOT_RUN.find(({ command }) => text.startsWith(command));
const known = (text: string) => KNOWN_COMMANDS.find(({ command }) => command === text);

let clone: FreshClone;
let demoProcess: ChildProcess;
let demo: Demo;
/** Free ports, because other tests run at the same time. */
const settings = {
  HTTP_PORT: "0",
  KAFKA_PORT: "0",
  SCHEMA_REGISTRY_PORT: "0",
  POSTGRES_PORT: "0",
};

/** Debian packages of the programs that the documentation uses, and how to check that each is installed. */
const PROGRAMS: Readonly<Record<string, { readonly package: string; readonly ask: string }>> = {
  curl: { package: "curl", ask: "--version" },
  kcat: { package: "kcat", ask: "-V" },
  psql: { package: "postgresql-client", ask: "--version" },
};

/** Installs the program that a command begins with if it is missing; returns the reason when that fails. */
async function missingProgram(text: string): Promise<string | null> {
  const name = text.split(" ")[0]!;
  const program = PROGRAMS[name];
  if (program === undefined) return null;
  const { ok, output } = await askOrInstall(program.package, name, [program.ask]);
  return ok ? null : `${name} can't be installed: ${lastLine(output)}`;
}

async function startDemo(): Promise<Omit<Demo, "failedRunId" | "deadLetterId">> {
  demoProcess = spawn("npx", ["--yes", "deno@2.9.6", "task", "demo"], {
    cwd: clone.directory,
    env: { ...userEnvironment(), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  demoProcess.stdout?.on("data", (chunk) => said += chunk);
  demoProcess.stderr?.on("data", (chunk) => said += chunk);
  const loaded = /first run [0-9a-f-]{36} is loaded/;
  await until("the demo's first run is loaded", () => {
    if (demoProcess.exitCode !== null) throw new Error(`the demo ended:\n${said}`);
    return loaded.test(said);
  }, DEMO_MS).catch((error) => {
    throw new Error(`${error.message}\n${said}`);
  });
  const addresses = await readAddresses(join(clone.directory, "data/demo"));
  return {
    http: addresses!.http!,
    kafka: addresses!.brokers[0]!,
    registry: addresses!.schemaRegistryUrl,
    databaseUrl: addresses!.databaseUrl,
    project: clone.directory,
  };
}

/** Creates what the documentation assumes: the reader's own files, a failed run, a dead letter. */
async function prepare(http: string): Promise<Pick<Demo, "failedRunId" | "deadLetterId">> {
  const file = (name: string) => join(clone.directory, name);
  await writeFile(file("my_summaries.txt"), fileText(rows(3)));
  await writeFile(file("traj_summary_20241201_solrange_248.0-249.0.txt"), fileText(rows(4)));
  const exported = await (await fetch(`${http}/meteors?format=ndjson&limit=2`)).text();
  await writeFile(file("records.ndjson"), exported);
  await mkdir(file("data"), { recursive: true });
  const post = async (path: string, body: string, type: string) => {
    const headers = { "content-type": type };
    const answer = await fetch(`${http}/${path}`, { method: "POST", body, headers });
    if (!answer.ok) throw new Error(`POST /${path}: ${await answer.text()}`);
    return await answer.json();
  };
  await post("trajectories", fileText([...rows(1), "no row"]), "text/plain");
  const failed = await post("backfill", `{"year":2019}`, "application/json") as { run_id: string };
  await until("a run has failed", async () => {
    const run = await (await fetch(`${http}/runs/${failed.run_id}`)).json() as { state: string };
    return run.state === "failed";
  });
  const deadLetterId = await until("a dead letter is there", async () => {
    const { dead_letters: [first] } = await (await fetch(`${http}/dead-letters?stage=read`))
      .json() as { dead_letters: { id: string }[] };
    return first?.id;
  });
  return { failedRunId: failed.run_id, deadLetterId };
}

async function stopDemo(): Promise<void> {
  if (demoProcess.exitCode !== null) return;
  const ended = new Promise((resolve) => demoProcess.once("exit", resolve));
  const { pid } = (await readAddresses(join(clone.directory, "data/demo"))) ?? { pid: 0 };
  if (pid !== 0) process.kill(pid, "SIGTERM");
  await ended;
}

/** The command with this machine's program, and with the demo's addresses instead of the defaults. */
function translated(text: string, fill: Readonly<Record<string, string>>): string {
  const texts = [
    ...Object.entries(fill),
    ["http://127.0.0.1:8000", demo.http],
    ["127.0.0.1:9092", demo.kafka],
    ["http://127.0.0.1:8081", demo.registry],
  ] as const;
  return texts.reduce((command, [from, to]) => command.replaceAll(from, () => to), text)
    .replace(/(?<=^|[ |])deno task /g, "npx --yes deno@2.9.6 task ");
}

async function run(command: string, options: Partial<RunOptions> = {}) {
  return await runAsUser(command, {
    connection: "pipe",
    cwd: clone.directory,
    limit_ms: COMMAND_MS,
    ...options,
    env: { ...userEnvironment(), ...settings, ...options.env },
  });
}

async function expectWorks(
  { command, says, code, fill, env, until }: KnownCommand,
  connection: Connection,
): Promise<void> {
  const typed = translated(command, fill?.(demo) ?? {});
  const ended = await run(typed, {
    connection,
    env: env?.(demo),
    ...(until === undefined ? {} : { until }),
  });
  const told = `$ ${typed}\n${ended.output}`;
  // What a program prints when it lacks a permission, or asks for one.
  expect(told).not.toMatch(
    /NotCapable|Requires (read|write|net|env|run|sys)|Deno requests|Allow\?/,
  );
  // The end first: a report may truncate long output, and the reason of a failure comes last.
  expect(told, `${ended.code}: …${ended.output.slice(-LAST_WORDS)}`).toMatch(says);
  // Ctrl-C also ends the shell that npx starts, and npx returns that shell's exit code (docs/operations.md).
  const expected = code ?? (until === undefined ? 0 : [0, 130]);
  expect(typeof expected === "object" ? expected : [expected], told).toContain(ended.code);
}

beforeAll(async () => {
  clone = await freshClone();
  const addresses = await startDemo();
  demo = { ...addresses, ...await prepare(addresses.http) };
}, DEMO_MS + INSTALL_MS);

afterAll(async () => {
  await stopDemo();
  await clone[Symbol.asyncDispose]();
}, COMMAND_MS);

describe("the documentation", () => {
  test("shows no command without an entry here", () => {
    const unknown = documented.filter(({ text }) => !known(text) && !notRun(text));
    expect(unknown.map((command) => `${at(command)}: ${command.text}`)).toEqual([]);
  });

  test("shows every command that has an entry here", () => {
    const texts = documented.map(({ text }) => text);
    expect(KNOWN_COMMANDS.filter(({ command }) => !texts.includes(command))).toEqual([]);
    expect(
      COMMANDS_NOT_RUN.filter(({ command }) => !texts.some((text) => text.startsWith(command))),
    ).toEqual([]);
  });

  test("has no block in an unknown language", () => {
    const run = ["sh", "sql", "python", "ini"];
    const unknown = blocks.filter(({ language }) =>
      !run.includes(language) && !(language in NOT_COMMANDS)
    );
    expect(unknown.map((block) => `${at(block)}: ${block.language}`)).toEqual([]);
  });
});

/** The commands for one state of the demo, each once, at its first place in the documentation. */
function shown(when: "running" | "stopped"): (DocumentedCommand & { known: KnownCommand })[] {
  return documented.flatMap((command, index) => {
    const found = known(command.text);
    const isFirst = documented.findIndex(({ text }) => text === command.text) === index;
    return found !== undefined && isFirst && (found.when ?? "running") === when
      ? [{ ...command, known: found }]
      : [];
  });
}

const cases = (when: "running" | "stopped") =>
  shown(when).flatMap((command) =>
    CONNECTIONS.map((connection) => [at(command), connection, command.text, command.known] as const)
  );

describe("beside a running demo", () => {
  for (const [place, connection, text, command] of cases("running")) {
    test(`${place}, ${connection}: ${text}`, async ({ skip }) => {
      const missing = await missingProgram(text);
      skip(missing !== null, missing ?? "");
      await expectWorks(command, connection);
    }, INSTALL_MS);
  }

  for (const block of blocks.filter(({ language }) => language === "sql")) {
    test(`${at(block)}, by psql`, async ({ skip }) => {
      const missing = await missingProgram("psql");
      skip(missing !== null, missing ?? "");
      await writeFile(join(clone.directory, "block.sql"), block.text);
      const { code, output } = await run(
        `psql "$(cat data/demo/database.url)" -v ON_ERROR_STOP=1 -f block.sql`,
      );
      expect(output).toMatch(/\(\d+ rows?\)/);
      expect(code).toBe(0);
    }, INSTALL_MS);
  }

  for (const block of blocks.filter(({ language }) => language === "python")) {
    test(`${at(block)}, by Python`, async ({ skip }) => {
      const installed = await installPython();
      if ("missing" in installed) return skip(`no Python client: ${installed.missing}`);
      await writeFile(join(clone.directory, "example.py"), translated(block.text, {}));
      for (const connection of CONNECTIONS) {
        const { code, output } = await run(`${installed.python} example.py`, { connection });
        expect(output).toMatch(/'unique_trajectory_identifier': '\d{14}_\w{5}'/);
        expect(code).toBe(0);
      }
    }, INSTALL_MS);
  }
});

describe("documented settings", () => {
  const ini = blocks.filter(({ language }) => language === "ini");
  test.each(ini.map((block) => [at(block), block.text]))("%s are accepted", (_at, text) => {
    const given = parseEnv(text.replace(/ #.*$/gm, ""));
    expect(Object.keys(given).length).toBeGreaterThan(0);
    expect(() => readConfig(given)).not.toThrow();
  });
});

describe("when the demo has stopped", () => {
  beforeAll(stopDemo, COMMAND_MS);

  test("its password is in none of the files that it left", async () => {
    await expect(readFile(join(clone.directory, "data/demo/database.url"))).rejects.toThrow();
  });

  test.each(cases("stopped"))("%s, %s: %s", async (_at, connection, _text, command) => {
    await expectWorks(command, connection);
  }, INSTALL_MS);
});
