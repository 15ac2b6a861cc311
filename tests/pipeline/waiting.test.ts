/** A run that waits says for what: in its history, in the API and in the commands; and goes on after a restart. */
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { INGESTION_RUN } from "../../src/events/topics.ts";
import { until } from "../support/poll.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { type RunJson, startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";

const TEST_MS = 90_000;
/** Long enough to look at it, until the service starts again with another one. */
const options = {
  withSchedule: true,
  retryPause_ms: 3_600_000,
  environment: { SCHEDULE: "0 0 1 1 *" },
};
let service: TestService;
beforeAll(async () => {
  service = await startTestService(options);
  // The daily run that no earlier process has made.
  await service.next("run.loaded");
}, TEST_MS);
afterAll(() => service[Symbol.asyncDispose](), TEST_MS);

/** A command that goes on until it is interrupted. */
function follow(name: string, ...args: string[]) {
  const server = ["--server", service.service.addresses.http!];
  const child = spawn(process.execPath, [...taskCommand(name).args, ...args, ...server], {
    cwd: service.sourceFolder,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let written = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (data) => written += data);
  const ended = new Promise((resolve) => child.on("close", resolve));
  return {
    says: (what: RegExp) => until(`${what}`, () => what.exec(written), TEST_MS),
    lines: (what: RegExp) => written.split("\n").filter((line) => what.test(line)).length,
    async stop() {
      process.kill(child.pid!, "SIGINT");
      await ended;
    },
    ended,
  };
}
const runOf = async (id: string): Promise<RunJson> =>
  await (await service.api(`/runs/${id}`)).json();

/** Cuts the newest daily file; the returned function writes it whole again. */
async function cutFile(): Promise<{ name: string; repair: () => Promise<void> }> {
  const paths = service.sample.files.map(({ name }) => name);
  const name = paths.filter((path) => /^daily\/.*_20\d{6}_/.test(path)).sort().at(-1)!;
  const path = join(service.sourceFolder, name);
  const [whole, { mtime }] = [await readFile(path), await stat(path)];
  await writeFile(path, whole.subarray(0, whole.length - 100));
  return {
    name,
    async repair() {
      await writeFile(path, whole);
      await utimes(path, mtime, mtime);
    },
  };
}

/** The file that is cut, and the times of its next attempt, in the text of commands. */
let cut: Awaited<ReturnType<typeof cutFile>>;
let says: string;
/** The daily runs: the one that waits for the file, and the two behind it. */
let runs: string[];
let commands: ReturnType<typeof follow>[];

test(
  "a file that is cut: the run says which attempt failed, why, and when it tries again",
  async () => {
    cut = await cutFile();
    const began = Date.now();
    const command = follow("extract", "--days", "366");
    const [, id = ""] = await command.says(/run ([0-9a-f-]{36}): /);
    [runs, commands] = [[id], [command]];
    const deferred = await service.next("file.deferred");
    expect(deferred).toMatchObject({ runId: id, file: cut.name, attempt: 1, attempts: 3 });
    expect(deferred.retryAt.getTime()).toBeGreaterThanOrEqual(began + options.retryPause_ms);

    const run = await until("the run waits", async () => {
      const run = await runOf(id);
      return run.waiting === null ? null : run;
    });
    const reason = expect.stringContaining("ends in the middle of a line");
    const retry_at = deferred.retryAt.toISOString();
    const waiting = { attempt: 1, attempts: 3, reason, retry_at };
    expect(run.waiting).toEqual({ for: "file", file: cut.name, ...waiting });
    expect(run.file_list.filter(({ waiting }) => waiting !== null)).toEqual([
      expect.objectContaining({ file: cut.name, state: "reading", waiting }),
    ]);

    const { events } = await (await service.api(`/runs/${id}/history`)).json();
    const at = retry_at.slice(11, 19);
    const sentence =
      `${cut.name} can't be read yet \\(attempt 1 of 3\\): .*; next attempt at ${at} UTC$`;
    expect(events.find(({ name }: { name: string }) => name === "file_deferred")).toMatchObject({
      level: "warning",
      file: cut.name,
      message: expect.stringMatching(sentence),
      detail: { attempt: 1, reason, retry_at },
    });
    says = `waits: ${cut.name}, attempt 1 of 3 \\(.*middle of a line.*\\), again at ${at} UTC`;
    await command.says(new RegExp(`^${says}`, "m"));
  },
  TEST_MS,
);

test("runs behind it say which run they wait for", async () => {
  const [first = ""] = runs;
  const command = follow("extract", "--days", "365");
  const [, second = ""] = await command.says(/run ([0-9a-f-]{36}): /);
  expect(await service.next("run.queued")).toEqual({ runId: second, kind: "daily", behind: first });
  await command.says(new RegExp(`^queued behind run ${first}$`, "m"));
  const { run_id: third } = await (await service.api("/extract", { method: "POST" })).json();
  expect((await runOf(third)).waiting).toEqual({ for: "run", run_id: second });
  runs.push(second, third);
  commands.push(command);
}, TEST_MS);

test("deno task status lists the runs and what they wait for", async () => {
  const [first, second, third] = runs;
  const status = follow("status");
  await status.says(
    new RegExp(`^run .*${first}, daily, .*: running, \\d of \\d file\\(s\\); ${says}$`, "m"),
  );
  await status.says(
    new RegExp(`^run .*${third}, daily, .*: requested; queued behind run ${second}$`, "m"),
  );
  await status.ended;
  // In a pipe, once and not every few seconds.
  expect(commands.map(({ lines }) => lines(/^(waits: |queued)/))).toEqual([1, 1]);
  await Promise.all(commands.map(({ stop }) => stop()));
}, TEST_MS);

test("they go on after a restart; the attempt is remembered, also by a rebuild", async () => {
  options.retryPause_ms = 1;
  await service.whileStopped(cut.repair);
  const done = await until("the runs have ended", async () => {
    const found = await Promise.all(runs.map(runOf));
    return found.every(({ state }) => state === "completed") ? found : null;
  }, TEST_MS);
  expect(done.map(({ waiting }) => waiting)).toEqual([null, null, null]);
  const attempts = await service.database.sql`
    select file, attempts, retry_at from ingestion_run_file where attempts > 0`;
  expect([...attempts]).toEqual([{ file: cut.name, attempts: 1, retry_at: null }]);
  const { differences } = await rebuildOf(service, { topics: [INGESTION_RUN.name] });
  expect(differences).toEqual([]);
}, TEST_MS);

test("uploads wait for each other in the process that received them", async () => {
  const name = service.sample.files.find(({ name }) => name.startsWith("daily/"))!.name;
  const text = await readFile(join(service.sourceFolder, name), "utf8");
  const rest = Promise.withResolvers<void>();
  async function* slowly() {
    yield new TextEncoder().encode(text.slice(0, 1_000));
    await rest.promise;
    yield new TextEncoder().encode(text.slice(1_000));
  }
  const send = (name: string, body: RequestInit["body"]) =>
    service.api(
      `/trajectories?name=${name}`,
      { method: "POST", body, duplex: "half" } as RequestInit,
    );
  const first = send("slow.txt", ReadableStream.from(slowly()));
  const { runId: ahead } = await service.next("run.started", ({ kind }) => kind === "upload");
  const second = send("next.txt", text);
  const { runId, behind } = await service.next("run.queued", ({ kind }) => kind === "upload");
  expect(behind).toBe(ahead);
  await until("the upload is shown", async () => (await service.api(`/runs/${runId}`)).ok);
  expect((await runOf(runId)).waiting).toEqual({ for: "run", run_id: ahead });
  const { runs: listed } = await (await service.api("/runs?limit=1")).json();
  expect(listed).toMatchObject([{ id: runId, waiting: { for: "run", run_id: ahead } }]);
  rest.resolve();
  expect((await Promise.all([first, second])).map(({ ok }) => ok)).toEqual([true, true]);
}, TEST_MS);

test("without a process that leads, a run waits for one", async () => {
  await service.whileStopped(() => Promise.resolve(), { ROLES: "consumer,http" });
  const asked = await (await service.api("/extract", { method: "POST" })).json();
  expect((await runOf(asked.run_id)).waiting).toEqual({ for: "owner" });
  const status = follow("status");
  await status.says(
    new RegExp(`^run .*${asked.run_id}, .*; waits: no process works on the runs$`, "m"),
  );
  await service.whileStopped(() => Promise.resolve(), { ROLES: "producer,consumer,http" });
  await service.next("run.completed", ({ runId }) => runId === asked.run_id);
}, TEST_MS);
