/**
 * kill -9 of the whole service in the middle of a backfill, again and again; and SIGTERM, which is a pause.
 *
 * The moments are random; the seed is printed, and CRASH_SEED sets it. CRASH_KILLS sets how many kills there are.
 */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRandom, type Random } from "../../sample/random.ts";
import { generateFile } from "../../sample/generate_file.ts";
import { type DataServer, serveDataDirectory } from "../../sample/server.ts";
import type { RunView } from "../../src/runs/run_schemas.ts";
import { readConfig } from "../../src/config.ts";
import { createObserver } from "../../src/observe/observe.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { ServiceProcess } from "./service_process.ts";

const KILLS = Number(process.env.CRASH_KILLS ?? 3);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** A few seconds of work, and a few checkpoints. */
const ROWS = 20_000;
/** A kill comes this long after the source was first asked for anything, at most: the run may be over, or hardly begun. */
const KILL_WITHIN_MS = 3_000;
/** Boots, on a machine that does other things as well. */
const TEST_MS = 120_000 + KILLS * 30_000;

let folder: string;
let database: TestDatabase;
let source: DataServer;
let settings: Record<string, string>;
let running: ServiceProcess | null;
/** Called with every path that the source is asked for. */
let onRequest: (path: string) => void | Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-crash-"));
  database = await createTestDatabase();
  await mkdir(join(folder, "source"));
  onRequest = () => {};
  running = null;
  source = await serveDataDirectory({
    directory: join(folder, "source"),
    port: 0,
    fault: async (path) => {
      await onRequest(path);
      return undefined;
    },
  });
  settings = {
    DATA_DIR: join(folder, "data"),
    DATABASE_URL: database.url,
    GMN_DATA_URL: source.url,
    GMN_REQUEST_INTERVAL_MS: "0",
    IAU_SHOWER_URL: "off",
    HTTP_PORT: "0",
    BROKER: "embedded",
    KAFKA_PORT: "0",
    SCHEMA_REGISTRY_PORT: "0",
    SCHEDULE: "0 0 1 1 *",
    LOG_LEVEL: "warning",
  };
  // The schedule has nothing to make up for: a daily run was asked for a moment ago.
  await database.sql`
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
    values ('earlier', 'daily', '{"days":1}', 'completed', 'schedule', now(), -1)`;
});
afterEach(async () => {
  await running?.stop();
  await source.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<string> {
  running = ServiceProcess.start(settings);
  return await running.ready();
}

interface RunJson {
  state: string;
  reason: string | null;
  rows: RunView["rows"];
  file_list: { state: string }[];
}
async function ask<Answer>(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return await response.json() as Answer;
}
/** Asks for the backfill; again while the service says that it can't tell yet. */
async function requestBackfill(http: string): Promise<string> {
  const init = {
    method: "POST",
    body: JSON.stringify({ all: true }),
    headers: { "content-type": "application/json", "idempotency-key": "the one" },
  };
  const { run_id } = await until("the backfill is requested", async () => {
    const response = await fetch(`${http}/backfill`, init);
    if (response.status === 503) return await response.body?.cancel().then(() => null);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return await response.json() as { run_id: string };
  }, TEST_MS / 2);
  return run_id;
}
async function untilLoaded(http: string, runId: string): Promise<RunJson> {
  return await until("the run is loaded", async () => {
    const run = await ask<RunJson>(`${http}/runs/${runId}`);
    const isOver = run.state !== "requested" && run.state !== "running";
    return isOver && run.rows.loaded + run.rows.dead === run.rows.published ? run : null;
  }, TEST_MS / 2);
}

/**
 * Starts the service and kills it at a random moment after it first asked the source for something; in the end it is killed even
 * when there is nothing left to ask for. Gives the id of the run, if it got so far.
 */
async function startAndKill(random: Random): Promise<string | null> {
  const delay_ms = random.uniform() * KILL_WITHIN_MS;
  const service = ServiceProcess.start(settings);
  running = service;
  const asked = Promise.withResolvers<void>();
  onRequest = () => asked.resolve();
  const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  // Whatever an earlier kill left of the request: asked again with its key, it is the same run.
  const requested = service.ready().then(requestBackfill).catch(() => null);
  await Promise.race([asked.promise, requested.then(() => after(KILL_WITHIN_MS))]);
  await after(delay_ms);
  await service.kill();
  return await requested;
}

async function idsOfFile(path: string): Promise<string[]> {
  const text = await readFile(path, "latin1");
  return [...text.matchAll(/^\r?(\d{14}_\S{5})/gm)].map((match) => match[1]!);
}

/** I1-I5 of the design: nothing missing, nothing twice, counts add up, a rebuild gives the same. */
async function expectWhole(run: RunJson, path: string): Promise<void> {
  const ids = await idsOfFile(path);
  expect(ids).toHaveLength(ROWS);
  // Rows that a killed process had published after its last checkpoint are read again. Those that were loaded by then are unchanged.
  const { published, unchanged } = run.rows;
  expect(published + unchanged).toBe(ROWS);
  expect(run.rows).toEqual({
    read: ROWS,
    published,
    unchanged,
    rejected: 0,
    loaded: published,
    dead: 0,
    new: published,
    ...{ changed: 0, repeated: 0, stale: 0, duplicate: 0 },
  });
  const rows = await database.sql<{ id: string }[]>`select id from meteor order by id`;
  expect(rows.map(({ id }) => id)).toEqual(ids.toSorted());
  const [stations] = await database.sql`
    select (select sum(num_stat) from meteor) = (select count(*) from participating_station) as "areThere"`;
  expect(stations).toEqual({ areThere: true });
  expect(await database.sql`select from dead_letter`).toHaveLength(0);
}

test(
  `nothing is lost or doubled by ${KILLS} kills (CRASH_SEED=${SEED})`,
  async () => {
    console.log(`CRASH_SEED=${SEED}`);
    const random = createRandom("kill", SEED);
    const path = join(folder, "source/traj_summary_all.txt");
    const from = new Date("2024-01-01T00:00:00Z");
    await generateFile({ path, style: "all", rows: ROWS, from, perDay: 2500, seed: 1, fast: true });
    const ids = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const id = await startAndKill(random);
      if (id !== null) ids.add(id);
    }
    onRequest = () => {};
    const http = await start();
    const runId = await requestBackfill(http);
    const run = await untilLoaded(http, runId);
    expect(ids.add(runId)).toEqual(new Set([runId]));
    expect(run).toMatchObject({ state: "completed", reason: null });
    await expectWhole(run, path);

    expect(await running!.stop()).toBe(0);
    await database.sql`delete from ingestion_run where id = 'earlier'`;
    const observer = createObserver();
    const { differences } = await rebuildOf({ config: readConfig(settings), observer });
    expect(differences).toEqual([]);
  },
  TEST_MS,
);

test(
  "SIGTERM in the middle of a run is a pause: exit code 0, and the next start goes on",
  async () => {
    const path = join(folder, "source/traj_summary_all.txt");
    const from = new Date("2024-01-01T00:00:00Z");
    await generateFile({ path, style: "all", rows: ROWS, from, perDay: 2500, seed: 2, fast: true });
    let http = await start();
    const asked = Promise.withResolvers<void>();
    onRequest = (path) => path.endsWith("all.txt") ? asked.resolve() : undefined;
    const runId = await requestBackfill(http);
    await asked.promise;
    expect(await running!.stop()).toBe(0);
    expect(running!.said).not.toMatch(/error/i);

    http = await start();
    const run = await untilLoaded(http, runId);
    expect(run).toMatchObject({ state: "completed", reason: null });
    await expectWhole(run, path);
  },
  TEST_MS,
);
