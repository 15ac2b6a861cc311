/** A check of the whole log against the data store, on a real service with the embedded broker. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEAD_LETTER, INGESTION_RUN, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { isVerified, unrepaired, type Verification, verifyLog } from "../../src/recovery/verify.ts";
import { describeVerification } from "../../src/commands/log/verification_text.ts";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { flipBit, flipSector, replaceBatch, storedBatches } from "../support/log_damage.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

const RAW = TRAJECTORY_SUMMARY_RAW.name;
const TEST_MS = 120_000;
const ID = (n: number) => `20260101000000_${String(n).padStart(6, "0")}`;

let whole: TestService;
beforeEach(async () => {
  whole = await startTestService({ environment: { BROKER: "embedded" } });
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const brokerFolder = () => join(whole.config.dataDirectory, "broker");

function verify(): Promise<Verification> {
  const { log, store } = whole.service.parts.running!;
  const { kafka, registry } = log;
  return verifyLog({ kafka, registry, sql: store.sql, signal: AbortSignal.timeout(TEST_MS) });
}

/** Records of another program: with and without a key, changed, withdrawn, restored, not a trajectory. */
async function foreignRecords(): Promise<void> {
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const value = (n: number, values = {}) => wire(id, pythonBody(summaryOf(ID(n), values)));
  await append(whole.kafka, [
    { key: ID(1), value: value(1) },
    { key: ID(1), value: value(1, { vgeo_km_s: 31.5 }) },
    { key: ID(2), value: value(2) },
    { key: ID(2), value: null },
    {
      key: null,
      value: value(3, {
        iau_no: -5,
        iau_code: "...",
        participating_stations: ["US02", "US01", "US02"],
      }),
    },
    { key: ID(4), value: null },
    { key: "bytes", value: Buffer.from("hello") },
    { key: ID(5), value: value(5, { beginning_utc_time: 1_767_225_600_123_457 }) },
  ]);
  await caughtUp(whole);
  await caughtUp(whole);
}

/** Takes the digests off the rows, as rows have them that were changed by hand or stored before there were digests. */
const forgetDigests = () => whole.database.sql`update meteor set value_digest = null`;

test(
  "a sound log: every row, dead letter and run event is confirmed, by digest or by value",
  async () => {
    await whole.run("/backfill", { all: true });
    await foreignRecords();
    const found = await verify();
    expect(found.rows).toMatchObject({
      total: whole.sample.rows + 4,
      confirmed: whole.sample.rows + 4,
      notInLog: 0,
    });
    expect(found.deadLetters!.confirmed).toBe(1);
    expect(found.runEvents!.confirmed).toBeGreaterThan(3);
    // A value that is no trajectory is a dead letter: known, and nothing to repair.
    expect(found.rows!.undecodable.count).toBe(0);
    expect(found.partitions[1]!.foreign).toMatchObject({ count: 1 });
    expect(describeVerification(found)).toContain("1 value(s) that are not in the schema registry");
    expect(isVerified(found)).toBe(true);

    await forgetDigests();
    const again = await verify();
    expect(again.rows!.different.rows).toEqual([]);
    expect(again.rows!.confirmed).toBe(whole.sample.rows + 4);
  },
  TEST_MS,
);

test(
  "rows that say something else, that are nowhere, or whose record is another's are named",
  async () => {
    await whole.run("/backfill", { all: true });
    const { sql } = whole.database;
    const rows = await sql<{ id: string }[]>`
    select id from meteor where topic_partition = 0 order by topic_offset limit 6`;
    const [one, two, three, four, five, six] = rows.map(({ id }) => id);
    await sql`update meteor set vgeo_km_s = vgeo_km_s + 1 where id = ${one!}`;
    await sql`update meteor set topic_offset = -1, value_digest = null where id = ${two!}`;
    await sql`update meteor set topic_offset = 1000000 where id = ${three!}`;
    await sql`update meteor set topic_offset = (select topic_offset from meteor where id = ${six!}) where id = ${four!}`;
    await sql`update meteor set withdrawn_at = now() where id = ${five!}`;
    await sql`delete from ingestion_run_event where event_offset = (select max(event_offset) from ingestion_run_event)`;
    await sql`update ingestion_run_event set event_offset = 4711 where event_offset = (select min(event_offset) from ingestion_run_event)`;
    const found = await verify();
    expect(isVerified(found)).toBe(false);
    const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).toSorted();
    expect(found.rows!.notInLog).toBe(1);
    expect(idsOf(found.rows!.different.rows)).toEqual([one!, five!].toSorted());
    expect(idsOf(found.rows!.missing.rows)).toEqual([three!, four!].toSorted());
    expect(found.rows!.confirmed).toBe(whole.sample.rows - 5);
    expect(found.runEvents!.missing).toMatchObject({ count: 1, rows: [{ offset: 4711n }] });
    expect(describeVerification(found)).toContain(`${one} (partition 0, offset `);
  },
  TEST_MS,
);

test("damage is named with its offsets and the rows in it, on each topic", async () => {
  await whole.run("/backfill", { all: true });
  await foreignRecords();
  const [first] = storedBatches(brokerFolder(), RAW, 0);
  await whole.whileStopped(() => {
    flipSector(brokerFolder(), RAW, 0, first!.firstOffset);
    flipBit(brokerFolder(), DEAD_LETTER.name, 0, 0);
    replaceBatch(brokerFolder(), INGESTION_RUN.name, 0, 0, null);
    return Promise.resolve();
  });
  const inRange = await whole.database.sql`
    select id from meteor where topic_partition = 0
      and topic_offset between ${first!.firstOffset} and ${first!.lastOffset}`;
  expect(inRange.length).toBeGreaterThan(0);
  const found = await verify();
  expect(
    unrepaired(found).map(({ topic, partition, first, last, kind }) => ({
      topic,
      partition,
      first: Number(first),
      last: Number(last),
      kind,
    })),
  ).toEqual([
    {
      topic: RAW,
      partition: 0,
      first: first!.firstOffset,
      last: first!.lastOffset,
      kind: "unreadable",
    },
    { topic: DEAD_LETTER.name, partition: 0, first: 0, last: 0, kind: "unreadable" },
    { topic: INGESTION_RUN.name, partition: 0, first: 0, last: 0, kind: "missing" },
  ]);
  expect(found.rows!.missing.count).toBe(inRange.length);
  expect(found.deadLetters!.missing.count).toBe(1);
  expect(found.runEvents!.missing.count).toBe(1);
  expect(isVerified(found)).toBe(false);
}, TEST_MS);

test("a service that loads meanwhile changes nothing in what is found", async () => {
  const run = whole.run("/backfill", { all: true });
  for (let round = 0; round < 3; round++) {
    const found = await verify();
    expect(describeVerification(found)).toContain("the log is sound");
  }
  await run;
  expect(isVerified(await verify())).toBe(true);
}, TEST_MS);
