/** `deno task log copy` as a process of its own, and the service that goes on with the copy. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { expect, onTestFinished, test } from "vitest";
import { readLogHome } from "../../src/broker/log_home.ts";
import { rebuildDatabase } from "../../src/service/rebuild.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import { append, caughtUp } from "../support/foreign_producer.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";

const TEST_MS = 180_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this folder. */
function copy(args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...taskCommand("log").args, "copy", ...args], {
      cwd,
      // As `deno task` passes on where the user is.
      env: { ...process.env, INIT_CWD: cwd },
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => out += chunk);
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** The first number that precedes these words. */
const numberBefore = (words: string, text: string): number =>
  Number(new RegExp(`([\\d,]+) ${words}`).exec(text)![1]!.replaceAll(",", ""));

async function differencesOf(whole: TestService): Promise<readonly string[]> {
  const { differences, losses } = await rebuildDatabase(whole.config, whole.observer, {
    isLossAccepted: false,
    isOnlyVerified: true,
    signal: AbortSignal.timeout(TEST_MS),
    onProgress: () => {},
  });
  return [...differences, ...losses].map(String);
}

test(
  "the log moves: copied while the service runs, the rest after it is stopped, and the service goes on",
  async () => {
    await using whole = await startTestService();
    await whole.run("/backfill", { all: true });
    await append(whole.kafka, [{ key: "broken", value: Buffer.from("of another program") }]);
    await caughtUp(whole);
    const { dataDirectory } = whole.config;
    const folder = dirname(dataDirectory);
    const moved = join(folder, "moved");
    const args = ["--from", "embedded:data", "--to", "embedded:moved"];

    const live = await copy(args, folder);
    expect(live.code, live.err).toBe(0);
    expect(live.out).toMatch(/the source's service runs.*stop it, run this again/);
    const first = numberBefore("record\\(s\\) copied", live.out);
    expect(first).toBeGreaterThan(whole.sample.rows);

    await whole.run("/extract", { days: 366 });
    await append(whole.kafka, [{ key: "broken too", value: Buffer.from("once more") }]);
    await caughtUp(whole);
    const before = await checksumProjections(whole.database.sql);
    await whole.whileStopped(async () => {
      const rest = await copy(args, folder);
      expect(rest.code, rest.err).toBe(0);
      const now = numberBefore("record\\(s\\) copied", rest.out);
      expect(now).toBeGreaterThan(0);
      expect(numberBefore("are the same in both logs", rest.out)).toBe(first + now);
      expect(rest.out).toMatch(
        /log [0-9a-f-]{36} was copied to log [0-9a-f-]{36}\nnow start the service/,
      );
      expect(await readLogHome(moved)).toBe("embedded");
    }, { DATA_DIR: moved });
    expect(whole.config.dataDirectory).toBe(moved);
    await caughtUp(whole);
    expect(whole.events.filter(({ name }) => name === "log.undecided")).toEqual([]);
    expect(await checksumProjections(whole.database.sql)).toEqual(before);
    expect(await differencesOf(whole)).toEqual([]);
    const run = await whole.run("/extract", { days: 366 });
    expect(run.state).toBe("completed");

    // The old log is another one now.
    await whole.whileStopped(() => Promise.resolve(), { DATA_DIR: dataDirectory });
    expect((await whole.next("log.undecided")).kind).toBe("another");

    // What the new one got since can be copied back to it: it holds the beginning.
    await whole.whileStopped(async () => {
      const back = await copy(["--from", "embedded:moved", "--to", "embedded:data"], folder);
      expect(back.code, back.err).toBe(0);
      expect(numberBefore("record\\(s\\) copied", back.out)).toBeLessThan(first);
    });
    expect((await whole.run("/extract", { days: 366 })).state).toBe("completed");
    await caughtUp(whole);
    expect(await differencesOf(whole)).toEqual([]);
  },
  TEST_MS,
);

test.each([
  [[], 2, /^log copy: --from is missing; see deno task log copy --help\n$/],
  [
    ["--from", "data", "--to", "x"],
    2,
    /--from: "data" is no address of a log \(It must be embedded:DIR/,
  ],
  [
    ["--from", "embedded:nowhere", "--to", "embedded:x"],
    1,
    /nowhere: there is none\nhint: Name the DATA_DIR/,
  ],
])("%j: exit code %d", async (args, code, says) => {
  const folder = await mkdtemp(join(tmpdir(), "gmn-no-log-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const ended = await copy(args, folder);
  expect(ended.code).toBe(code);
  expect(ended.err).toMatch(says);
  expect(existsSync(join(folder, "nowhere"))).toBe(false);
});
