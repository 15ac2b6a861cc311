/** Runs from the request to the end, over real files and real HTTP, with the log in memory. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HEADERS } from "../../src/events/topics.ts";
import { PermanentError, TransientError } from "@gmn/failures";
import { createObserver, type ServiceEvent } from "../../src/observe/observe.ts";
import { RunDesk } from "../../src/producer/run_desk.ts";
import {
  MAX_WAITING_RUNS,
  RunEngine,
  type RunEngineOptions,
  type RunRequest,
} from "../../src/producer/run_engine.ts";
import { type DataDirectory } from "../../src/producer/source/data_directory.ts";
import { HttpDirectory } from "../../src/producer/source/http_directory.ts";
import { LocalDirectory, openLocalFile } from "../../src/producer/source/local_directory.ts";
import { countFiles, countRows, type RunState } from "../../src/runs/run.ts";
import { foldRun } from "../support/fold_runs.ts";
import { RunCommandRefused } from "../../src/runs/run_decide.ts";
import { createMemoryLog, type MemoryLog } from "./memory_log.ts";
import { type MisbehavingServer, serve, startMisbehavingServer } from "./misbehaving_server.ts";
import { idsOf, rowLines, summaryText } from "./summary_text.ts";

const NOW = new Date("2026-11-23T01:00:00Z");
const LINES = rowLines(60);
const daily = (date: string) => `daily/traj_summary_${date}_solrange_240.0-241.0.txt`;
const DAILY: RunRequest = { kind: "daily", selection: { days: 10 }, requestedBy: "schedule" };
const MONTH: RunRequest = {
  kind: "backfill",
  selection: { month: "2026-10" },
  requestedBy: "http",
};
const MONTHLY = "monthly/traj_summary_monthly_202610.txt";

let root: string;
let log: MemoryLog;
let server: MisbehavingServer;
let happened: ServiceEvent[];
const engines: RunEngine[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "gmn-engine-"));
  log = createMemoryLog();
  server = await startMisbehavingServer();
  happened = [];
});
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
  await server.stop();
  await rm(root, { recursive: true });
});

function engineOver(directory: DataDirectory, more: Partial<RunEngineOptions> = {}): RunEngine {
  const observer = createObserver();
  observer.listen((event) => happened.push(event));
  const { journal, history, publisher } = log;
  const engine = new RunEngine({
    directory,
    journal,
    history,
    publisher,
    owner: "test:1",
    observe: observer.observe,
    now: () => NOW,
    retryPause_ms: 0,
    pace: { portionRows: 5, progressInterval_ms: 0 },
    ...more,
  });
  engines.push(engine);
  return engine;
}
const localEngine = () => engineOver(new LocalDirectory(root));
const httpEngine = () =>
  engineOver(
    new HttpDirectory(server.url, {
      interval_ms: 0,
      backoff: { base_ms: 1, cap_ms: 2, attempts: 2 },
    }),
  );

async function put(path: string, text: string, changed = "2026-11-23T00:10:00Z") {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  await utimes(join(root, path), new Date(changed), new Date(changed));
}

async function run(engine: RunEngine, request: RunRequest): Promise<RunState> {
  const { run } = await engine.submit(request);
  const ended = await engine.waitFor(run.runId);
  expect(foldRun(log.events.filter((event) => event.runId === run.runId))).toEqual(ended);
  const rows = countRows(ended);
  expect(rows.read).toBe(rows.published + rows.unchanged + rows.rejected);
  return ended;
}
const filesOf = (state: RunState) =>
  Object.fromEntries([...state.files?.values() ?? []].map((file) => [file.file, file.status]));

describe("the daily run", () => {
  test("takes the recent windows, knows the aliases as copies, and skips what is unchanged", async () => {
    await put(daily("20261121"), summaryText(LINES.slice(0, 20)), "2026-11-23T00:10:01Z");
    await put(daily("20261122"), summaryText(LINES.slice(20)), "2026-11-23T00:10:02Z");
    await put(daily("20261001"), summaryText(LINES.slice(0, 5)));
    const latest = "daily/traj_summary_latest_daily.txt";
    await put(latest, summaryText(LINES.slice(20)), "2026-11-23T00:10:02Z");
    const engine = localEngine();
    const first = await run(engine, DAILY);
    expect(first.status).toBe("completed");
    expect(filesOf(first)).toEqual({
      [daily("20261122")]: "extracted",
      [daily("20261121")]: "extracted",
      [latest]: "skipped",
    });
    expect(countRows(first)).toEqual({ read: 60, published: 60, unchanged: 0, rejected: 0 });
    expect(log.ids().sort()).toEqual(idsOf(LINES).sort());
    expect(first.nextOffsets).toEqual(
      Object.fromEntries(log.partitions.map((records, at) => [at, records.length])),
    );

    await put(daily("20261122"), summaryText(LINES.slice(20), "2026-11-23T06:10:00Z"));
    const second = await run(engine, DAILY);
    expect(filesOf(second)).toMatchObject({
      [daily("20261122")]: "extracted",
      [daily("20261121")]: "skipped",
    });
    expect(countRows(second).published).toBe(40 + 40); // the alias is not a copy of any window now
    const third = await run(engine, DAILY);
    expect(countFiles(third)).toMatchObject({ planned: 3, skipped: 3 });
  });

  test("finds an old window that was rewritten, and one found unchanged is not looked at again", async () => {
    await put(daily("20261001"), summaryText(LINES.slice(0, 5)), "2026-10-02T00:10:00Z");
    await put(daily("20261122"), summaryText(LINES.slice(20)));
    const engine = localEngine();
    const range = { from: "2026-10-01", to: "2026-10-01" };
    await run(engine, { kind: "backfill", selection: range, requestedBy: "http" });
    expect(filesOf(await run(engine, DAILY))).toEqual({ [daily("20261122")]: "extracted" });
    await put(daily("20261001"), summaryText(LINES.slice(0, 6)), "2026-11-20T00:10:00Z");
    expect(filesOf(await run(engine, DAILY))).toEqual({
      [daily("20261122")]: "skipped",
      [daily("20261001")]: "extracted",
    });
    expect(filesOf(await run(engine, DAILY))).toEqual({ [daily("20261122")]: "skipped" });
  });

  test("that finds an alias listed differently from its window knows the copy by what it opens", async () => {
    const file = {
      body: new TextEncoder().encode(summaryText(LINES)),
      etag: '"5-a"',
      lastModified: "Mon, 23 Nov 2026 00:10:00 GMT",
    };
    const window = daily("20261122");
    const alias = "daily/traj_summary_yesterday.txt";
    server.on(
      "daily/",
      (_, response) =>
        response.end(`<a href="${window.slice(6)}">w</a> <a href="${alias.slice(6)}">a</a>`),
    );
    server.on(window, (request, response) => serve(file, request, response));
    server.on(alias, (request, response) => serve(file, request, response));
    const ended = await run(httpEngine(), DAILY);
    expect(filesOf(ended)).toEqual({ [window]: "extracted", [alias]: "skipped" });
    expect(ended.files?.get(alias)?.reason).toBe(`a copy of ${window}`);
    expect(log.ids()).toHaveLength(60);
  });

  test("is not held up by a backfill", async () => {
    await put(daily("20261122"), summaryText(LINES));
    server.on("monthly/", () => {}); // never answers
    const local = new LocalDirectory(root);
    const remote = new HttpDirectory(server.url, { interval_ms: 0 });
    const engine = engineOver({
      location: "both",
      list: (folder, options) => (folder === "monthly" ? remote : local).list(folder, options),
      open: (path, options) => local.open(path, options),
    });
    const { run: backfill } = await engine.submit(MONTH);
    await expect.poll(() => server.seen.length).toBe(1);
    expect((await run(engine, DAILY)).status).toBe("completed");
    expect(engine.get(backfill.runId)?.status).toBe("running");
  });
});

describe("failures", () => {
  test("an unreachable source is a failed run with a plain reason, and the next run goes on", async () => {
    const gone = await startMisbehavingServer();
    await gone.stop();
    const engine = engineOver(
      new HttpDirectory(gone.url, {
        interval_ms: 0,
        backoff: { base_ms: 1, cap_ms: 1, attempts: 2 },
      }),
    );
    const ended = await run(engine, DAILY);
    expect(ended).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(
        /^can't reach http:\/\/127.0.0.1:\d+\/data\/daily\/: Connection refused/,
      ),
    });
    expect((await run(engine, MONTH)).status).toBe("failed");
  });

  test("a listing with nothing to take says so", async () => {
    await put(daily("20220304"), summaryText(LINES));
    const ended = await run(localEngine(), DAILY);
    expect(ended).toMatchObject({
      status: "failed",
      reason:
        "no daily file dated 2026-11-13 or later: 1 daily files are listed, of 2022-03-04 to 2022-03-04",
    });
  });

  test("one bad file fails the run at its end, the others are taken; a retry takes only it", async () => {
    await put(daily("20261121"), summaryText(LINES));
    await put(daily("20261122"), "<html><body>Bad gateway</body></html>\n");
    const engine = localEngine();
    const ended = await run(engine, DAILY);
    expect(ended.status).toBe("failed");
    expect(ended.reason).toMatch(
      /^1 of 2 files failed, the first was daily\/traj_summary_20261122/,
    );
    expect(filesOf(ended)).toEqual({
      [daily("20261122")]: "failed",
      [daily("20261121")]: "extracted",
    });
    await put(daily("20261122"), summaryText(LINES.slice(0, 3)));
    expect(countFiles(await run(engine, DAILY))).toMatchObject({ extracted: 1, skipped: 1 });
  });

  test("bad lines are counted and kept, and do not fail the run", async () => {
    await put(MONTHLY, summaryText([...LINES, "no row"]));
    const ended = await run(localEngine(), MONTH);
    expect(ended.status).toBe("completed");
    expect(countRows(ended)).toEqual({ read: 61, published: 60, unchanged: 0, rejected: 1 });
    expect(log.deadLetters).toHaveLength(1);
  });

  test("a file that is being written is read again when the others are done", async () => {
    const whole = new TextEncoder().encode(summaryText(LINES));
    server.on("monthly/", (_, response) => response.end(`<a href="${MONTHLY.slice(8)}">x</a>`));
    server.on(MONTHLY, (request, response, nth) => {
      const cut = nth === 1 ? whole.subarray(0, whole.length - 300) : whole;
      const body = nth === 2 ? whole.subarray(0, 0) : cut;
      serve({ body, etag: `"${nth}"` }, request, response);
    });
    const ended = await run(httpEngine(), MONTH);
    expect(ended.status).toBe("completed");
    expect(countRows(ended).published).toBe(60);
    expect(server.seen.filter(({ path }) => path === MONTHLY)).toHaveLength(3);
  });

  test("a file that stays cut fails after its attempts, and says where", async () => {
    await put(MONTHLY, summaryText(LINES).slice(0, -300));
    const ended = await run(localEngine(), MONTH);
    expect(happened.filter(({ name }) => name === "file.deferred")).toMatchObject([
      { detail: { file: MONTHLY, attempt: 1, attempts: 3, retryAt: NOW } },
      { detail: { file: MONTHLY, attempt: 2, attempts: 3, retryAt: NOW } },
    ]);
    expect(ended.status).toBe("failed");
    expect(ended.reason).toMatch(/ends in the middle of a line, at byte \d+, after 59 rows/);
    expect(countRows(ended)).toEqual({ read: 59, published: 59, unchanged: 0, rejected: 0 });
    expect(log.ids()).toHaveLength(59);
  });

  test("a file that can't be read yet waits for the others, and the first that is due goes first", async () => {
    const cut = summaryText(LINES).slice(0, -300);
    await put(daily("20261122"), cut);
    await put(daily("20261121"), cut);
    await put(daily("20261120"), summaryText(LINES.slice(0, 20)));
    let at = NOW.getTime();
    const engine = engineOver(new LocalDirectory(root), { now: () => new Date(++at) });
    await run(engine, DAILY);
    const taken = log.events.flatMap((event) =>
      event.type === "file_deferred" || event.type === "file_failed" ||
        event.type === "file_extracted"
        ? [`${event.file.slice(19, 27)} ${event.type}`]
        : []
    );
    const twice = ["20261122 file_deferred", "20261121 file_deferred"];
    expect(taken).toEqual([
      ...twice,
      "20261120 file_extracted",
      ...twice,
      "20261122 file_failed",
      "20261121 file_failed",
    ]);
  });

  test("a file rewritten while it is read is read again from its beginning", async () => {
    const old = { body: new TextEncoder().encode(summaryText(LINES.slice(0, 50))), etag: '"1"' };
    const young = { body: new TextEncoder().encode(summaryText(LINES)), etag: '"2"' };
    server.on("monthly/", (_, response) => response.end(`<a href="${MONTHLY.slice(8)}">x</a>`));
    server.on(
      MONTHLY,
      (request, response, nth) =>
        nth === 1 ? serve(old, request, response, 20_000) : serve(young, request, response),
    );
    const ended = await run(httpEngine(), MONTH);
    expect(ended.status).toBe("completed");
    expect(countRows(ended).published).toBe(60);
    expect(ended.files?.get(MONTHLY)?.identity?.etag).toBe('"2"');
    expect(new Set(log.ids())).toEqual(new Set(idsOf(LINES)));
  });

  test("a source that goes away in the middle of a run fails it before every file is asked for", async () => {
    const names = Array.from({ length: 9 }, (_, i) => daily(`2026111${i}`));
    server.on(
      "daily/",
      (_, response) => response.end(names.map((name) => `<a href="${name.slice(6)}">x</a>`).join()),
    );
    for (const name of names) server.on(name, (_, response) => response.writeHead(503).end());
    const ended = await run(httpEngine(), { ...DAILY, selection: { days: 20 } });
    expect(ended).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/answered 503/),
    });
    expect(new Set(server.seen.map(({ path }) => path)).size).toBe(4);
  });

  test("a journal that is away is waited for; one that refuses ends the run, not the engine", async () => {
    await put(MONTHLY, summaryText(LINES));
    const engine = localEngine();
    let calls = 0;
    log.fault = (what, when) => {
      if (what === "journal" && when === "after" && ++calls === 3) throw new TransientError("away");
    };
    // An event whose acknowledgement was lost stands in the log twice, and folds once.
    expect((await run(engine, MONTH)).status).toBe("completed");
    expect(log.events.map(({ type }) => type).filter((type) => type === "planned")).toHaveLength(2);

    const { run: doomed } = await engine.submit(MONTH);
    log.fault = (what) => {
      if (what === "journal") throw new PermanentError("no such topic");
    };
    await expect.poll(() => happened.at(-1)).toMatchObject({
      name: "run.failed",
      detail: { runId: doomed.runId, reason: expect.stringMatching(/no such topic/) },
    });
    await expect(engine.submit(DAILY)).rejects.toThrow("no such topic");
    log.fault = () => {};
    expect((await run(engine, MONTH)).status).toBe("completed");
  });
});

describe("cancelling", () => {
  test("ends a run in the middle of a file within moments", async () => {
    const body = new TextEncoder().encode(summaryText(LINES));
    const closed = Promise.withResolvers<void>();
    server.on("monthly/", (_, response) => response.end(`<a href="${MONTHLY.slice(8)}">x</a>`));
    server.on(MONTHLY, (_, response) => {
      response.on("close", closed.resolve);
      response.writeHead(200, { "content-length": String(body.length) });
      response.write(body.subarray(0, 30_000)); // and then nothing, for ever
    });
    const engine = httpEngine();
    const { run: going } = await engine.submit(MONTH);
    await expect.poll(() => engine.get(going.runId)?.files?.get(MONTHLY)?.status).toBe("reading");
    const waiting = engine.waitFor(going.runId);
    expect((await engine.cancel(going.runId, "asked by a test")).status).toBe("cancelled");
    expect(await waiting).toMatchObject({ status: "cancelled", reason: "asked by a test" });
    await closed.promise;
    expect((await engine.cancel(going.runId, "again")).status).toBe("cancelled");
    // The lane is free again.
    await put(daily("20261122"), summaryText(LINES));
    expect(engine.current()).toEqual([]);
  });

  test("a waiting run never starts; one that is not here is refused", async () => {
    server.on("monthly/", () => {});
    const engine = httpEngine();
    const { run: first } = await engine.submit(MONTH);
    const { run: second } = await engine.submit(MONTH);
    await engine.cancel(second.runId, "not needed");
    await engine.cancel(first.runId, "not needed");
    expect(() => engine.cancel("nobody", "x")).toThrow(RunCommandRefused);
    await expect.poll(() => engine.current()).toEqual([]);
    expect(engine.get(second.runId)?.startedAt).toBeNull();
  });
});

describe("a stop and a start", () => {
  const body = new TextEncoder().encode(summaryText(LINES));
  const file = { body, etag: '"1-a"', lastModified: "Mon, 23 Nov 2026 00:10:00 GMT" };

  /** A backfill stopped in the middle of its file, after a checkpoint. */
  async function interrupted(more: Partial<RunEngineOptions> = {}): Promise<string> {
    server.on(
      "monthly/",
      (_, response) =>
        response.end(`<a href="${MONTHLY.slice(8)}">x</a>  23-Nov-2026 00:10  ${body.length}\n`),
    );
    server.on(MONTHLY, (_, response) => {
      response.writeHead(200, {
        etag: file.etag,
        "last-modified": file.lastModified,
        "content-length": String(body.length),
      });
      response.write(body.subarray(0, 30_000)); // and then nothing, for ever
    });
    const engine = engineOver(new SmallChunks(server.url, { interval_ms: 0 }), more);
    const { run } = await engine.submit(MONTH);
    await expect.poll(() => log.events.map(({ type }) => type)).toContain("file_progress");
    await engine.stop();
    expect(happened.at(-1)).toMatchObject({ name: "run.paused" });
    return run.runId;
  }

  /** A file comes in chunks of about a row, so that it has many portions and checkpoints. */
  class SmallChunks extends HttpDirectory {
    override async open(...args: Parameters<HttpDirectory["open"]>) {
      const opened = await super.open(...args);
      if (typeof opened === "string") return opened;
      const { chunks } = opened;
      async function* small() {
        for await (const chunk of chunks) {
          for (let at = 0; at < chunk.length; at += 1000) yield chunk.subarray(at, at + 1000);
        }
      }
      return { ...opened, chunks: small() };
    }
  }

  test("go on inside the file, with nothing missing and the counts of the whole", async () => {
    const runId = await interrupted();
    const before = foldRun(log.events);
    const checkpoint = before?.files?.get(MONTHLY)?.checkpoint;
    expect(checkpoint?.byteOffset).toBeGreaterThan(0);
    server.on(MONTHLY, (request, response) => serve(file, request, response));
    const engine = httpEngine();
    await engine.lead();
    const ended = await engine.waitFor(runId);
    expect(ended).toMatchObject({ status: "completed" });
    expect(countRows(ended)).toEqual({ read: 60, published: 60, unchanged: 0, rejected: 0 });
    expect(new Set(log.ids())).toEqual(new Set(idsOf(LINES)));
    expect(server.seen.at(-1)?.headers.range).toBe(`bytes=${checkpoint?.byteOffset}-`);
    expect(ended.nextOffsets).toEqual(
      Object.fromEntries(log.partitions.map((records, at) => [at, records.length])),
    );
    expect(ended.files?.get(MONTHLY)?.identity?.listed).toBe(`23-Nov-2026 00:10 ${body.length}`);
    expect(log.events.filter(({ type }) => type === "started")).toHaveLength(2);
  });

  test("go on counting the attempts of a file, and wait only for what is left of its pause", async () => {
    await put(MONTHLY, summaryText(LINES).slice(0, -300));
    const pause_ms = 3_600_000;
    const attempts = () =>
      log.events.flatMap((event) => event.type === "file_deferred" ? [event.attempt] : []);
    const startedAfter = async (ms: number, retryPause_ms = pause_ms) => {
      const now = () => new Date(NOW.getTime() + ms);
      const engine = engineOver(new LocalDirectory(root), { now, retryPause_ms, leads: false });
      await engine.lead();
      return engine;
    };
    const first = engineOver(new LocalDirectory(root), { retryPause_ms: pause_ms });
    const { run: { runId } } = await first.submit(MONTH);
    await expect.poll(attempts).toEqual([1]);
    await first.stop();
    const second = await startedAfter(pause_ms - 1);
    await expect.poll(attempts).toEqual([1, 2]);
    expect(second.get(runId)?.files?.get(MONTHLY)?.waiting).toMatchObject({
      attempt: 2,
      retryAt: new Date(NOW.getTime() + 2 * pause_ms - 1),
    });
    await second.stop();
    // The clock was set back by a day: no pause is longer than one.
    const third = await startedAfter(-86_400_000, 1);
    expect((await third.waitFor(runId)).status).toBe("failed");
    expect(attempts()).toEqual([1, 2]);
  });

  test("take a run in progress first, then the oldest, and each says which it waits for", async () => {
    server.on("monthly/", () => {}); // never answers
    const first = httpEngine();
    const oldest = (await first.submit(MONTH)).run.runId;
    await expect.poll(() => first.get(oldest)?.status).toBe("running");
    const follower = engineOver(new LocalDirectory(root), { leads: false });
    const second = (await follower.submit(MONTH)).run.runId;
    const third = (await first.submit(MONTH)).run.runId;
    expect(first.behind(third)).toBe(oldest);
    await first.reconcile();
    expect([oldest, second, third].map((id) => first.behind(id))).toEqual([null, oldest, second]);
    expect(
      happened.flatMap((event) => event.name === "run.queued" ? [event.detail] : []),
    ).toMatchObject([
      { runId: third, behind: oldest },
      { runId: second, behind: oldest },
    ]);
    await first.cancel(second, "not needed");
    expect(first.behind(third)).toBe(oldest);
    await first.stop();

    await put(MONTHLY, summaryText(LINES));
    const next = engineOver(new LocalDirectory(root), { leads: false });
    await next.lead();
    await next.waitFor(third);
    const started = log.events.flatMap((event) => event.type === "started" ? [event.runId] : []);
    expect(started).toEqual([oldest, oldest, third]);
  });

  test("ignore a stamp that lay ahead of the clock at the first start to the end of the file", async () => {
    const dayBefore = new Date("2026-11-22T00:10:00Z");
    const runId = await interrupted({ now: () => dayBefore });
    server.on(MONTHLY, (request, response) => serve(file, request, response));
    const engine = httpEngine();
    await engine.lead();
    const ended = await engine.waitFor(runId);
    const stamp = new Date("2026-11-23T00:10:00Z");
    expect(ended.files?.get(MONTHLY)).toMatchObject({ generatedAt: null, stampAhead: stamp });
    const generations = log.partitions.flat()
      .map(({ headers }) => headers?.[HEADERS.sourceGeneratedAt]);
    expect(new Set(generations)).toEqual(new Set([undefined]));
    expect(log.events.filter(({ type }) => type === "file_started")).toHaveLength(1);
  });

  test("begin the file again when it is another one by now", async () => {
    const runId = await interrupted();
    server.on(MONTHLY, (request, response) => serve({ ...file, etag: '"2-b"' }, request, response));
    const engine = httpEngine();
    await engine.lead();
    const ended = await engine.waitFor(runId);
    expect(countRows(ended)).toEqual({ read: 60, published: 60, unchanged: 0, rejected: 0 });
    expect(ended.files?.get(MONTHLY)?.identity?.etag).toBe('"2-b"');
    expect(log.events.filter(({ type }) => type === "file_started")).toHaveLength(2);
  });

  test("leave a wait for a run with the reason", async () => {
    server.on("monthly/", () => {});
    const engine = httpEngine();
    const { run } = await engine.submit(MONTH);
    const waiting = engine.waitFor(run.runId);
    const gaveUp = engine.waitFor(run.runId, AbortSignal.abort(new Error("no patience")));
    await expect(gaveUp).rejects.toThrow("no patience");
    const [stopped] = await Promise.allSettled([waiting, engine.stop()]);
    expect(stopped).toMatchObject({ reason: new Error("the process stops") });
    await expect(engine.submit(DAILY)).rejects.toThrow("the process stops");
  });

  test("can't go on with an upload: it fails with what to do", async () => {
    const engine = localEngine();
    const never = () => new Promise<"missing">(() => {});
    const { run } = await engine.upload({ name: "x.txt", requestedBy: "cli", open: never });
    await expect.poll(() => engine.get(run.runId)?.status).toBe("running");
    // The process dies: this engine is not stopped, a second one finds the run.
    const next = localEngine();
    await next.lead();
    expect(await next.waitFor(run.runId)).toMatchObject({
      status: "failed",
      reason:
        "the process stopped before x.txt was read to its end; send the file again; rows that came through already are not doubled",
    });
    await engine.cancel(run.runId, "end of the test");
    engines.splice(engines.indexOf(engine), 1);
  });
});

describe("asking", () => {
  test("twice with one Idempotency-Key makes one run, also at the same time and after a restart", async () => {
    await put(MONTHLY, summaryText(LINES));
    const engine = localEngine();
    const keyed = { ...MONTH, idempotencyKey: "k-1" };
    const [one, two] = await Promise.all([engine.submit(keyed), engine.submit(keyed)]);
    expect([one.isNew, two.isNew]).toEqual([true, false]);
    expect(two.run.runId).toBe(one.run.runId);
    await engine.waitFor(one.run.runId);
    expect((await engine.submit(keyed)).run.status).toBe("completed");
    const later = await localEngine().submit(keyed);
    expect([later.run.runId, later.isNew]).toEqual([one.run.runId, false]);
  });

  test("while the log is away is an error at once, and a key can be used again", async () => {
    await put(MONTHLY, summaryText(LINES));
    const engine = localEngine();
    log.fault = () => {
      throw new TransientError("no broker");
    };
    const keyed = { ...MONTH, idempotencyKey: "k-2" };
    await expect(engine.submit(keyed)).rejects.toThrow("no broker");
    expect(engine.current()).toEqual([]);
    log.fault = () => {};
    expect((await engine.submit(keyed)).isNew).toBe(true);
  });

  test("again after the acknowledgement was lost works on the run that is on the log", async () => {
    await put(MONTHLY, summaryText(LINES));
    const engine = localEngine();
    log.fault = (_, when) => {
      if (when === "after") throw new TransientError("no answer");
    };
    const keyed = { ...MONTH, idempotencyKey: "k-3" };
    await expect(engine.submit(keyed)).rejects.toThrow("no answer");
    log.fault = () => {};
    const { run, isNew } = await engine.submit(keyed);
    expect(isNew).toBe(false);
    expect((await engine.waitFor(run.runId)).status).toBe("completed");
  });

  test("without end is refused", async () => {
    server.on("monthly/", () => {});
    const engine = httpEngine();
    for (let i = 0; i <= MAX_WAITING_RUNS; i++) await engine.submit(MONTH);
    await expect(engine.submit(MONTH)).rejects.toThrow(/100 backfill runs are waiting already/);
  });

  test("for a file of one's own takes it, wherever it lies", async () => {
    await put("mine.dat", summaryText([...LINES, "no row"]));
    const engine = localEngine();
    const { run } = await engine.upload({
      name: "mine.dat",
      requestedBy: "cli",
      open: (options) => openLocalFile(join(root, "mine.dat"), "mine.dat", options),
    });
    const ended = await engine.waitFor(run.runId);
    expect(ended).toMatchObject({ status: "completed", selection: { upload: "mine.dat" } });
    expect(countRows(ended)).toEqual({ read: 61, published: 60, unchanged: 0, rejected: 1 });
    expect(log.deadLetters[0]).toMatchObject({ source_file: "upload/mine.dat" });
  });
});

describe("several processes", () => {
  const deskOf = (engine: RunEngine) => {
    const { journal, history } = log;
    const directory = new LocalDirectory(root);
    return new RunDesk({ engine, journal, history, directory, now: () => NOW });
  };
  const followerEngine = (owner = "follower:1") =>
    engineOver(new LocalDirectory(root), { leads: false, owner });

  test("a request in one that does not lead is worked on by the one that does", async () => {
    await put(MONTHLY, summaryText(LINES));
    const leader = localEngine();
    const follower = followerEngine();
    const { run } = await follower.submit(MONTH);
    expect([follower.get(run.runId), follower.current()]).toEqual([null, []]);
    await leader.reconcile();
    expect((await leader.waitFor(run.runId)).status).toBe("completed");
    await leader.reconcile();
    expect(log.events.filter(({ type }) => type === "started")).toHaveLength(1);
  });

  test("one that stops leading pauses its runs, and the next leader goes on with them", async () => {
    server.on("monthly/", (_, response) => response.end(`<a href="${MONTHLY.slice(8)}">x</a>`));
    server.on(MONTHLY, () => {}); // never answers
    await put(MONTHLY, summaryText(LINES));
    const first = httpEngine();
    const { run: going } = await first.submit(MONTH);
    const { run: waiting } = await first.submit(MONTH);
    await expect.poll(() => first.get(going.runId)?.files).toBeTruthy();
    await first.follow();
    expect([first.isLeading, first.current()]).toEqual([false, []]);
    expect(happened.at(-1)).toMatchObject({ name: "run.paused", detail: { runId: going.runId } });

    const second = followerEngine("second:1");
    await second.lead();
    expect(await second.waitFor(going.runId)).toMatchObject({
      status: "completed",
      owner: "second:1",
    });
    expect((await second.waitFor(waiting.runId)).status).toBe("completed");
  });

  test("a run is cancelled from anywhere, and ends where it is at work", async () => {
    server.on("monthly/", () => {});
    const leader = httpEngine();
    const { run } = await leader.submit(MONTH);
    const ended = leader.waitFor(run.runId);
    const desk = deskOf(followerEngine());
    expect((await desk.cancel(run.runId, "not needed"))?.status).toBe("cancelled");
    await leader.reconcile();
    expect(await ended).toMatchObject({ status: "cancelled", reason: "not needed" });
    expect(await desk.cancel("nobody", "x")).toBeNull();
    // Its lane is free again.
    await put(MONTHLY, summaryText(LINES));
    expect(leader.current()).toEqual([]);
  });

  test("a retry takes only the files that failed", async () => {
    await put(daily("20261121"), summaryText(LINES.slice(0, 20)));
    await put(daily("20261122"), "<html><body>Bad gateway</body></html>\n");
    const engine = localEngine();
    const desk = deskOf(engine);
    const failed = await run(engine, DAILY);
    await put(daily("20261122"), summaryText(LINES.slice(20)));
    const retry = await desk.retry(failed.runId, "http", null);
    const ended = await engine.waitFor(retry!.run.runId);
    expect(ended).toMatchObject({ status: "completed", kind: "daily" });
    expect(ended.selection).toEqual({ retry: failed.runId, files: [daily("20261122")] });
    expect(filesOf(ended)).toEqual({ [daily("20261122")]: "extracted" });
    await expect(desk.retry(ended.runId, "http", null)).rejects.toThrow(RunCommandRefused);
  });

  test("a retry of a file that is gone says so", async () => {
    await put(daily("20261122"), "no summary file\n");
    const engine = localEngine();
    const failed = await run(engine, DAILY);
    await rm(join(root, daily("20261122")));
    const retry = await deskOf(engine).retry(failed.runId, "http", null);
    const ended = await engine.waitFor(retry!.run.runId);
    expect(ended.reason).toMatch(/the source has no daily\/traj_summary_20261122/);
  });

  test("a preview says what would be taken and what would be skipped, and writes nothing", async () => {
    await put(daily("20261121"), summaryText(LINES.slice(0, 20)), "2026-11-22T00:10:00Z");
    const engine = localEngine();
    await run(engine, DAILY);
    await put(daily("20261122"), summaryText(LINES.slice(20)));
    const events = log.events.length;
    const range = { from: "2026-11-21", to: "2026-11-22" };
    const { files } = await deskOf(engine).preview(range);
    expect(files.map(({ file, skip }) => [file.path, skip])).toEqual([
      [daily("20261121"), "unchanged in the listing since it was ingested"],
      [daily("20261122"), null],
    ]);
    expect(files[1]!.file.size_bytes).toBe(summaryText(LINES.slice(20)).length);
    expect((await deskOf(engine).preview({ year: 2020 })).nothing).toMatch(/yearly_2020/);
    expect(log.events).toHaveLength(events);
  });
});
