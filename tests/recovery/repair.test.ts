/**
 * A damaged log is repaired from the data store, and then gives every row again: to a second data store that is built from it.
 */
import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  DEAD_LETTER,
  INGESTION_RUN,
  TOPICS,
  TRAJECTORY_SUMMARY_RAW,
} from "../../src/events/topics.ts";
import { needsRepair, type Repaired, repairLog } from "../../src/recovery/repair.ts";
import { isVerified, type Verification, verifyLog } from "../../src/recovery/verify.ts";
import { readLog } from "../../src/events/log_reader.ts";
import { readWatermarks } from "../../src/events/start_position.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { createSinks } from "../../src/service/sinks.ts";
import type { Sql } from "../../src/store/connection.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { rowLines, summaryText } from "../producer/summary_text.ts";
import { flipBit, flipSector, replaceBatch, storedBatches } from "../support/log_damage.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";
import { until } from "../support/poll.ts";
import { summaryOf } from "../support/trajectories.ts";

const RAW = TRAJECTORY_SUMMARY_RAW.name;
const TEST_MS = 180_000;
/** Repairs are looked up every ten seconds. */
const STATUS_MS = 30_000;
const ID = (n: number) => `20260101000000_${String(n).padStart(6, "0")}`;

let whole: TestService;
beforeEach(async () => {
  whole = await startTestService({ environment: { BROKER: "embedded" } });
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const brokerFolder = () => join(whole.config.dataDirectory, "broker");
const signal = () => AbortSignal.timeout(TEST_MS);

function parts() {
  const { log, store } = whole.service.parts.running!;
  return { kafka: log.kafka, registry: log.registry, sql: store.sql, publisher: log.ungated };
}
const verify = (): Promise<Verification> => verifyLog({ ...parts(), signal: signal() });
async function repair(found: Verification): Promise<Repaired> {
  const repaired = await repairLog(found, { ...parts(), signal: signal() });
  await caughtUp(whole);
  return repaired;
}

/** Versions, withdrawals, newer generations, a dead letter, and two runs. */
async function fill(): Promise<void> {
  await whole.run("/backfill", { all: true });
  const file = "daily/traj_summary_20261114_solrange_237.0-238.0.txt";
  for (
    const [hour, lines] of [[1, rowLines(9)], [2, rowLines(9).slice(2)], [
      3,
      rowLines(9).slice(2),
    ]] as const
  ) {
    await writeFile(
      join(whole.sourceFolder, file),
      summaryText(lines, `2026-11-21T0${hour}:00:00Z`),
    );
    await whole.run("/extract", { days: 366 });
    await whole.service.parts.running!.runs!.withdrawals.settle();
    await caughtUp(whole);
  }
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const value = (n: number, values = {}) => wire(id, pythonBody(summaryOf(ID(n), values)));
  const generated = { "gmn-source-generated-at": "2026-01-02T00:00:00Z" };
  await append(whole.kafka, [
    { key: ID(1), value: value(1), headers: generated },
    { key: ID(1), value: value(1, { vgeo_km_s: 31.5 }), headers: generated },
    { key: ID(2), value: value(2) },
    { key: ID(2), value: null },
    { key: ID(3), value: value(3, { iau_no: -1, iau_code: "..." }) },
    { key: "bytes", value: wire(id, new Uint8Array([1])) },
  ]);
  await caughtUp(whole);
  await caughtUp(whole);
}

const checksumsFromLog = () => builtFromLog((sql) => checksumProjections(sql));

/** Builds a second data store from the log alone, outside of the consumer group, and looks at it. */
async function builtFromLog<Seen>(look: (sql: Sql) => Promise<Seen>): Promise<Seen> {
  await using second = await createTestDatabase();
  const { log } = whole.service.parts.running!;
  // What it gives up is not told to the log: that is the first data store's.
  const publisher = { ...log.publisher, publish: () => Promise.resolve(new Map()) };
  const { sinks, close } = createSinks({
    observe: unobserved,
    sql: second.sql,
    databaseUrl: second.url,
    log: { ...log, publisher },
  });
  const ranges = (await Promise.all(
    TOPICS.map(async ({ name: topic }) =>
      [...await readWatermarks(log.kafka, topic)].map(([partition, { low: from, high: to }]) => ({
        topic,
        partition,
        from,
        to,
      }))
    ),
  )).flat();
  const next = new Map(ranges.map(({ topic, partition, from }) => [`${topic}-${partition}`, from]));
  try {
    await readLog({
      kafka: log.kafka,
      ranges,
      signal: signal(),
      async onRecords({ topic, partition, records, nextOffset }) {
        const key = `${topic}-${partition}`;
        const firstOffset = next.get(key)!;
        next.set(key, nextOffset);
        const sink = sinks.find((each) => each.topic === topic)!;
        await sink.store({ topic, partition, firstOffset, nextOffset, records });
      },
    });
    return await look(second.sql);
  } finally {
    await close();
  }
}

/**
 * The rows, and the newest generation that is known of each. Not their lineage: when an older record of the same values is still in the log,
 * that is the one that changed the row.
 */
const rowsOf = async (sql: Sql) => [
  ...await sql`
    select to_jsonb(m) - ${LINEAGE}::text[] as row, greatest(m.source_generated_at, g.generated_at) as generation
    from meteor m left join meteor_generation g on g.meteor_id = m.id order by id`,
];
const LINEAGE = [
  "source_file",
  "source_line",
  "source_generated_at",
  "run_id",
  "topic_offset",
  "value_digest",
  "created_at",
  "updated_at",
];

const tablesOf = (sums: Awaited<ReturnType<typeof checksumProjections>>, ...names: string[]) =>
  sums.filter(({ table }) => names.includes(table));
const OF_ROWS = [
  "meteor",
  "participating_station",
  "station",
  "iau_shower",
  "meteor_generation",
  "iau_shower_list",
];

test(
  "4 KiB flipped in the middle: every row comes back from the repaired log, lineage and all",
  async () => {
    // The daily files alone: each row has one record, so that none is left in the log.
    await whole.run("/extract", { days: 366 });
    await caughtUp(whole);
    const before = await checksumProjections(whole.database.sql);
    const batches = [0, 1, 2].map((partition) => storedBatches(brokerFolder(), RAW, partition)[0]!);
    await whole.whileStopped(() => {
      for (const [partition, { firstOffset }] of batches.entries()) {
        flipSector(brokerFolder(), RAW, partition, firstOffset);
      }
      return Promise.resolve();
    });
    const found = await verify();
    expect(found.damaged).toHaveLength(3);
    const missing = found.rows!.missing.count;
    expect(missing).toBeGreaterThan(10);
    // The last batch of each partition is checked at start.
    const damageOf = async () =>
      ((await (await whole.api("/status")).json()).log_damage as { repaired: boolean }[]).map((
        { repaired },
      ) => repaired);
    await until("the damage is found", async () => (await damageOf()).length === 3);
    expect(await damageOf()).toEqual([false, false, false]);
    expect(await (await whole.api("/metrics")).text()).toMatch(/^gmn_log_damaged_ranges 3$/m);
    expect(whole.events.filter(({ name }) => name === "log.damaged")).toHaveLength(3);

    const repaired = await repair(found);
    expect(repaired.ranges.reduce((sum, { republished }) => sum + republished, 0)).toBe(missing);
    expect(repaired.ranges.map(({ lost }) => lost)).toEqual([0, 0, 0]);
    expect(repaired).toMatchObject({ otherRows: 0, deadLetters: 0, refused: 0, isPartial: false });

    const after = await verify();
    expect(after.damaged.map(({ repair }) => repair?.republished))
      .toEqual(repaired.ranges.map(({ republished }) => republished));
    expect(after.rows!.missing.rows).toEqual([]);
    expect(isVerified(after)).toBe(true);
    expect(needsRepair(after)).toBe(false);
    await until("the status says so", async () => (await damageOf()).every(Boolean), STATUS_MS);
    // The rows say what they said, from other places.
    const now = await checksumProjections(whole.database.sql);
    for (const sums of [before, now]) {
      expect(tablesOf(sums, "meteor")[0]!.rows).toBe(
        before[0]!.rows,
      );
    }
    const rebuilt = await checksumsFromLog();
    expect(tablesOf(rebuilt, ...OF_ROWS)).toEqual(tablesOf(now, ...OF_ROWS));
  },
  TEST_MS,
);

test(
  "rows that are missing elsewhere, that were changed, or whose log is gone, are published again",
  async () => {
    await fill();
    const { sql } = whole.database;
    const ids = (await sql<{ id: string }[]>`
    select id from meteor where withdrawn_at is null order by id limit 3`).map(({ id }) => id);
    await sql`update meteor set vgeo_km_s = 12.5 where id = ${ids[0]!}`;
    await sql`update meteor set topic_offset = 999999 where id = ${ids[1]!}`;
    await sql`update meteor set topic_offset = -1, value_digest = null where id = ${ids[2]!}`;
    const repaired = await repair(await verify());
    expect(repaired).toMatchObject({ otherRows: 3, ranges: [], refused: 0 });
    expect(isVerified(await verify())).toBe(true);
    const [changed] = await sql`select vgeo_km_s, topic_offset from meteor where id = ${ids[0]!}`;
    expect(changed!.vgeo_km_s).toBe(12.5);
    expect(await builtFromLog(rowsOf)).toEqual(await rowsOf(whole.database.sql));
  },
  TEST_MS,
);

test(
  "a log that lost its end gets the newer generations of rows again whose records it has",
  async () => {
    await whole.run("/extract", { days: 366 });
    await caughtUp(whole);
    const { sql } = whole.database;
    // As if the confirm records of a newer generation had been in the lost end.
    const newer = (offset: number) =>
      sql`
    insert into meteor_generation (meteor_id, generated_at)
    select id, source_generated_at + interval '1 day' from meteor order by id limit 3 offset ${offset}
    on conflict (meteor_id) do update set generated_at = excluded.generated_at`;
    await newer(0);
    const found = await verify();
    expect(needsRepair(found)).toBe(false);
    await repairLog(found, { ...parts(), isRestLost: true, signal: signal() });
    await caughtUp(whole);
    expect(await builtFromLog(rowsOf)).toEqual(await rowsOf(sql));

    // Adopted, and repaired later: rows whose log is gone say that more is.
    await newer(3);
    await sql`
    update meteor set topic_offset = -1, value_digest = null where id = (select max(id) from meteor)`;
    await repair(await verify());
    expect(await builtFromLog(rowsOf)).toEqual(await rowsOf(sql));
  },
  TEST_MS,
);

test("dead letters and runs in damaged ranges are told again", async () => {
  await fill();
  const { sql } = whole.database;
  expect((await sql`select from dead_letter`).length).toBe(1);
  await whole.whileStopped(() => {
    flipBit(brokerFolder(), DEAD_LETTER.name, 0, 0);
    // The request of the first run: without it, none of its events means anything.
    replaceBatch(brokerFolder(), INGESTION_RUN.name, 0, 0, null);
    return Promise.resolve();
  });
  const repaired = await repair(await verify());
  expect(repaired.deadLetters).toBe(1);
  expect(repaired.runEvents).toBeGreaterThan(2);
  expect(isVerified(await verify())).toBe(true);
  const rebuilt = await checksumsFromLog();
  const own = await checksumProjections(sql);
  const countOf = (sums: typeof own, name: string) => tablesOf(sums, name)[0]!.rows;
  for (const table of ["ingestion_run", "ingestion_run_file", "ingestion_file"]) {
    expect(countOf(rebuilt, table), table).toBe(countOf(own, table));
  }
  // Built from the log, there is one more: about the damaged batch of the dead letters.
  expect(countOf(rebuilt, "dead_letter")).toBe(countOf(own, "dead_letter") + 1);
}, TEST_MS);

test("what the data store had never loaded is lost, and named so", async () => {
  await whole.run("/backfill", { all: true });
  await caughtUp(whole);
  const { sql } = whole.database;
  const [{ next_offset: end } = { next_offset: 0n }] = await sql<{ next_offset: bigint }[]>`
    select next_offset from consumer_offset where topic = ${RAW} and partition = 1`;
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const value = (n: number) => wire(id, pythonBody(summaryOf(ID(n))));
  await append(whole.kafka, [1, 2, 3].map((n) => ({ key: ID(n), value: value(n) })));
  await caughtUp(whole);
  // As if it had been damaged before it was loaded.
  await whole.whileStopped(async () => {
    flipBit(brokerFolder(), RAW, 1, Number(end));
    await sql`delete from meteor where id like '20260101000000_%'`;
    await sql`update consumer_offset set next_offset = ${end} where topic = ${RAW} and partition = 1`;
  });
  await caughtUp(whole);
  await caughtUp(whole);
  const repaired = await repair(await verify());
  expect(repaired.ranges).toMatchObject([{ republished: 0, superseded: 0, lost: 3 }]);
  expect(isVerified(await verify())).toBe(true);
}, TEST_MS);

test("a repair that ends in the middle is completed by the next one", async () => {
  await fill();
  await whole.whileStopped(() => {
    for (const partition of [0, 1, 2]) flipSector(brokerFolder(), RAW, partition, 0);
    return Promise.resolve();
  });
  const found = await verify();
  const stop = new AbortController();
  const cut = repairLog(found, {
    ...parts(),
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("killed")),
  });
  await expect(cut).rejects.toThrow("killed");
  await caughtUp(whole);
  const again = await verify();
  expect(again.rows!.missing.count).toBeLessThan(found.rows!.missing.count);
  const repaired = await repair(again);
  expect(repaired.ranges.map(({ lost }) => lost)).toEqual([0, 0, 0]);
  expect(isVerified(await verify())).toBe(true);
  expect(await builtFromLog(rowsOf)).toEqual(await rowsOf(whole.database.sql));
}, TEST_MS);

/** Runs `deno task log …` as a process of its own, in a pipe. */
function log(...words: string[]) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    const { args, environment } = taskCommand("log");
    const child = spawn(process.execPath, [...args, ...words], {
      env: {
        ...process.env,
        ...environment,
        NO_COLOR: "1",
        DATA_DIR: whole.config.dataDirectory,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => out += chunk);
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

test("the commands, beside a running service", async () => {
  await fill();
  expect(await log("verify")).toMatchObject({
    code: 0,
    out: expect.stringContaining("the log is sound, and says what the data store has"),
  });
  await whole.whileStopped(() => Promise.resolve(void flipSector(brokerFolder(), RAW, 2, 0)));
  const wrong = await log("verify");
  expect(wrong).toMatchObject({
    code: 1,
    out: expect.stringMatching(/trajectory_summary_raw-2:[\s\S]*unreadable: offsets 0 to \d+/),
    err: expect.stringContaining("hint: deno task log repair"),
  });
  const json = JSON.parse((await log("verify", "--json", "--topic", RAW)).out);
  expect(json).toMatchObject({ sound: false, damaged: [{ partition: 2, first: "0" }] });
  expect(await log("repair")).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
  expect(await log("repair", "--yes")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/repaired trajectory_summary_raw-2, offsets 0 to \d+: \d+ record/),
  });
  expect(await log("verify")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/unreadable, repaired \d{4}-.*\d+ record\(s\) republished, 0 lost/),
  });
  expect(await log("repair", "--yes")).toMatchObject({
    code: 0,
    out: expect.stringContaining("there is nothing to repair"),
  });
  expect(await log("verify", "--topic", "nonsense")).toMatchObject({
    code: 2,
    err: expect.stringContaining('there is no topic "nonsense"'),
  });
}, TEST_MS);

const hasScript = spawnSync("script", ["--version"]).status === 0;
test.skipIf(!hasScript)("on a terminal it asks first", async () => {
  await whole.run("/extract", { days: 366 });
  await caughtUp(whole);
  await whole.whileStopped(() => Promise.resolve(void flipSector(brokerFolder(), RAW, 0, 0)));
  const ask = (answer: string) =>
    new Promise<{ code: number | null; out: string }>((resolve, reject) => {
      const { args, environment } = taskCommand("log");
      const words = [process.execPath, ...args, "repair"].join(" ");
      const child = spawn("script", ["-qefc", words, "/dev/null"], {
        env: {
          ...process.env,
          ...environment,
          NO_COLOR: "1",
          DATA_DIR: whole.config.dataDirectory,
        },
        stdio: ["pipe", "pipe", "ignore"],
      });
      let out = "";
      let isAnswered = false;
      child.stdout.on("data", (chunk) => {
        out += chunk;
        if (isAnswered || !out.includes("Type repair to confirm: ")) return;
        isAnswered = true;
        child.stdin.write(`${answer}\n`);
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, out }));
    });
  expect(await ask("no")).toMatchObject({
    code: 1,
    out: expect.stringContaining("nothing was changed"),
  });
  expect(await ask("repair")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/repaired trajectory_summary_raw-0, offsets 0 to \d+/),
  });
}, TEST_MS);
