/** Dead letters keep apart what has the same offset: of a log that was lost, of one that was cut, of one of an earlier version. */
import { Buffer } from "node:buffer";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { wrapBatch } from "@gmn/kafka-formats/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeadLetter } from "../../src/dead_letters/dead_letter.ts";
import { publishDeadLetters } from "../../src/dead_letters/dead_letter_topic.ts";
import { ReplayDesk } from "../../src/dead_letters/replay_desk.ts";
import { appendLogIdentityEvent, readLogIdentity } from "../../src/events/log_identity.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { repairLog } from "../../src/recovery/repair.ts";
import { isVerified, type Verification, verifyLog } from "../../src/recovery/verify.ts";
import { readLogAccess } from "../../src/service/log_access.ts";
import { openLog } from "../../src/service/open_log.ts";
import { deadLetterTable } from "../../src/store/dead_letters.ts";
import {
  append,
  appendBatch,
  caughtUp,
  passed,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { replaceBatch } from "../support/log_damage.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";
import {
  expectGoesOn,
  IDENTITY_TOPIC,
  logCommand,
  loseLog,
  NOTICE_MS,
  recreateTopic,
  statusOf,
} from "./undecided.ts";

const TEST_MS = 180_000;
const RAW = TRAJECTORY_SUMMARY_RAW.name;
const PARTITION = 1;
/** Where the bad records are; a refill publishes fewer before. */
const OFFSET = 9n;
const GZIP = 1;
const ID = (n: number) => `20260101000000_${String(n).padStart(6, "0")}`;

/** As earlier versions named them. */
const UNTIMED: DeadLetter = {
  id: `${RAW}-${PARTITION}@7`,
  at: 0,
  stage: "decode",
  reason: "of a test",
  field: null,
  run_id: null,
  source_file: null,
  source_line: null,
  source_generated_at: null,
  text: null,
  columns: null,
  topic: RAW,
  partition: PARTITION,
  offset: 7,
  key: null,
  value: null,
  schema_id: null,
};

let whole: TestService;
beforeEach(async () => {
  whole = await startTestService({ sample: null, environment: { BROKER: "embedded" } });
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const brokerFolder = () => join(whole.config.dataDirectory, "broker");

/** Appends a trajectory again and again, until the partition ends there. */
async function appendGoodUpTo(end: bigint): Promise<void> {
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const value = wire(schemaId, pythonBody(summaryOf(ID(0))));
  while (await append(whole.kafka, [{ key: ID(0), value }], PARTITION) < end);
  await caughtUp(whole);
}

/** Appends a batch that can't be unpacked; gives its offset. */
async function appendUnreadable(text: string): Promise<number> {
  const batch = wrapBatch(Buffer.from(text), [{ timestamp_ms: Date.now() }], { attributes: GZIP });
  const first = await appendBatch(whole, RAW, batch, PARTITION);
  await passed(whole.database.sql, BigInt(first) + 1n, PARTITION);
  await caughtUp(whole);
  return first;
}

/** Appends a value that is no trajectory; gives its offset. */
async function appendBytes(text: string): Promise<bigint> {
  const end = await append(whole.kafka, [{ key: "bytes", value: Buffer.from(text) }], PARTITION);
  await passed(whole.database.sql, end, PARTITION);
  await caughtUp(whole);
  return end - 1n;
}

/** Appends a trajectory that the database refuses now, but not later; gives its offset. */
async function appendRefused(n: number): Promise<bigint> {
  const { sql } = whole.database;
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 170) not valid`);
  const value = wire(schemaId, pythonBody(summaryOf(ID(n), { vgeo_km_s: 170 + n })));
  const end = await append(whole.kafka, [{ key: ID(n), value }], PARTITION);
  await passed(sql, end, PARTITION);
  await caughtUp(whole);
  await sql.unsafe(`alter table meteor drop constraint slow`);
  return end - 1n;
}

interface Row {
  readonly id: string;
  readonly value: string;
}

/** All dead letters, in the order in which they were given up. */
async function deadLetters(): Promise<Row[]> {
  const rows = await whole.database.sql<{ id: string; value: Uint8Array }[]>`
    select id, value from dead_letter order by at`;
  return rows.map(({ id, value }) => ({ id, value: Buffer.from(value).toString("latin1") }));
}

function verify(): Promise<Verification> {
  const { log: { kafka, registry }, store } = whole.service.parts.running!;
  return verifyLog({ kafka, registry, sql: store.sql, signal: AbortSignal.timeout(TEST_MS) });
}

/** Log and data store say the same; a rebuild would change nothing, except perhaps one table. */
async function expectSame(except = ""): Promise<void> {
  expect(isVerified(await verify())).toBe(true);
  const found = await rebuildOf(whole, { isOnlyVerified: true });
  const { losses, newDeadLetters } = found;
  const differences = found.differences.filter((text) => !text.startsWith(`${except}: `));
  expect({ differences, losses, newDeadLetters })
    .toEqual({ differences: [], losses: [], newDeadLetters: 0 });
}

test("after a refill, a record at an offset of the lost log has its own dead letter", async () => {
  await appendGoodUpTo(OFFSET);
  expect(await appendRefused(1)).toBe(OFFSET);
  const [lost] = await deadLetters();
  await loseLog(whole);
  expect((await logCommand(whole, "refill", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  await appendGoodUpTo(OFFSET);
  expect(await appendBytes("hello")).toBe(OFFSET);

  const both = await deadLetters();
  expect(both).toEqual([lost, { id: expect.any(String), value: "hello" }]);
  for (const { id } of both) {
    const answer = await whole.api(`/dead-letters/${encodeURIComponent(id)}`);
    expect(await answer.json()).toMatchObject({ id });
  }
  await expectSame();

  for (const { id } of both) {
    const path = `/dead-letters/${encodeURIComponent(id)}/replay`;
    const answer = await whole.api(path, { method: "POST" });
    expect(await answer.json()).toMatchObject({ id, outcome: "published" });
  }
  await caughtUp(whole);
  await caughtUp(whole);
  const { sql } = whole.database;
  expect((await sql`select letter_id as id from dead_letter_replay`).map(({ id }) => id))
    .toEqual([lost!.id]);
  expect(await sql`select from meteor where id = ${ID(1)}`).toHaveLength(1);
  expect(await deadLetters()).toEqual(both);
  await expectSame();

  // The dead letter of the lost log explains nothing in this one.
  await sql`delete from dead_letter where id = ${both[1]!.id}`;
  const { rows } = await verify();
  expect(rows?.undecodable.rows).toContainEqual(
    expect.objectContaining({ partition: PARTITION, offset: OFFSET }),
  );
}, TEST_MS);

test("after reread, a dead letter of the lost log does not replace a later record", async () => {
  await appendGoodUpTo(OFFSET);
  expect(await appendRefused(1)).toBe(OFFSET);
  const [lost] = await deadLetters();
  await loseLog(whole);
  expect((await logCommand(whole, "reread", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const value = wire(schemaId, pythonBody(summaryOf(ID(1), { vgeo_km_s: 30 })));
  const end = await append(whole.kafka, [{ key: ID(1), value }], PARTITION);
  expect(end).toBeLessThan(OFFSET);
  await caughtUp(whole);
  // Where only the trajectories' topic was lost, the dead letters are read again, with the offsets that they had there.
  await whole.database.sql`update dead_letter set topic_offset = ${String(OFFSET)}`;
  const path = `/dead-letters/${encodeURIComponent(lost!.id)}/replay`;
  const answer = await whole.api(path, { method: "POST" });
  expect(await answer.json()).toMatchObject({ outcome: "superseded" });
  expect(await whole.database.sql`select vgeo_km_s as v from meteor where id = ${ID(1)}`)
    .toEqual([{ v: 30 }]);
}, TEST_MS);

test("after a refill, a batch at an offset of the lost log has its own dead letter", async () => {
  const first = await appendUnreadable("not gzip");
  await loseLog(whole);
  expect((await logCommand(whole, "refill", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  expect(await appendUnreadable("no gzip either")).toBe(first);
  expect((await deadLetters()).map(({ value }) => value)).toEqual([
    expect.stringMatching(/not gzip$/),
    expect.stringMatching(/no gzip either$/),
  ]);
}, TEST_MS);

test("a gap where a batch was that could not be read has lost its records", async () => {
  await appendGoodUpTo(2n);
  const first = await appendUnreadable("broken");
  await appendGoodUpTo(5n);
  await whole.whileStopped(() => {
    replaceBatch(brokerFolder(), RAW, PARTITION, first, null);
    return Promise.resolve();
  });
  const { log: { kafka, registry, ungated: publisher }, store: { sql } } = whole.service.parts
    .running!;
  const signal = AbortSignal.timeout(TEST_MS);
  const { ranges } = await repairLog(await verify(), { kafka, registry, sql, publisher, signal });
  expect(ranges).toMatchObject([{ range: { kind: "missing" }, lost: 1, superseded: 0 }]);
}, TEST_MS);

test("after its end was lost, the log's next record has a dead letter of its own", async () => {
  await appendBytes("before");
  const older = join(whole.config.dataDirectory, "older");
  await whole.whileStopped(() => cp(brokerFolder(), older, { recursive: true }));
  const offset = await appendBytes("hello");
  await whole.whileStopped(async () => {
    await rm(brokerFolder(), { recursive: true });
    await cp(older, brokerFolder(), { recursive: true });
  });
  expect((await statusOf(whole)).log?.verdict).toBe("shorter");
  expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  expect(await appendBytes("good-bye")).toBe(offset);

  expect((await deadLetters()).map(({ value }) => value)).toEqual([
    "before",
    "hello",
    "good-bye",
  ]);
  expect((await logCommand(whole, "repair", "--yes")).code).toBe(0);
  await caughtUp(whole);
  // The record that was lost still counts as dead.
  await expectSame("run_loaded");
}, TEST_MS);

test("a replay that can't be decoded is explained by the dead letter that it replays", async () => {
  await appendBytes("hello");
  const { log, store } = whole.service.parts.running!;
  const desk = new ReplayDesk({
    table: deadLetterTable((question) => question(store.sql)),
    publisher: log.publisher,
    registry: log.registry,
    observe: whole.observer.observe,
  });
  expect(await desk.replayAll({ stage: "decode" })).toMatchObject({ published: 1 });
  await caughtUp(whole);
  expect(isVerified(await verify())).toBe(true);
}, TEST_MS);

test(
  "a log of an earlier version goes on with ids without a time; no failure gets a second dead letter",
  async () => {
    const { log } = whole.service.parts.running!;
    const { logId } = log.guard!.state!.verdict as { logId: string };
    // What makes it one of an earlier version: it is a copy of such a log.
    await appendLogIdentityEvent(log.ungated, {
      type: "copied",
      logId,
      at: new Date(),
      fromLogId: "a log of an earlier version",
      ends: [],
      hasTimedIds: false,
    });
    const offset = await appendBytes("hello");
    const id = `${RAW}-${PARTITION}@${offset}`;
    expect(await deadLetters()).toEqual([{ id, value: "hello" }]);

    await whole.restart();
    const { sql } = whole.database;
    await whole.whileStopped(async () => {
      await sql`truncate dead_letter, run_loaded`;
      await sql`delete from consumer_offset where topic <> 'ingestion_run'`;
    });
    await passed(sql, offset + 1n, PARTITION, RAW, NOTICE_MS);
    await caughtUp(whole);
    expect(await deadLetters()).toEqual([{ id, value: "hello" }]);
    await expectSame();
  },
  TEST_MS,
);

describe("a log that gets an identity", () => {
  test("names dead letters with times", async () => {
    const { log } = whole.service.parts.running!;
    expect(await readLogIdentity(log.kafka, log.registry)).toMatchObject({ hasTimedIds: true });
    expect(log.hasTimedIds()).toBe(true);
  });

  test.each([
    ["with times", true, () => appendRefused(1)],
    [
      "without",
      false,
      () => publishDeadLetters(whole.service.parts.running!.log.ungated, [UNTIMED]),
    ],
  ])("and has dead letters %s goes on naming them so", async (_, hasTimedIds, giveUpOne) => {
    const { log } = whole.service.parts.running!;
    await giveUpOne();
    await recreateTopic(whole, IDENTITY_TOPIC, 1);
    const { brokers, schemaRegistryUrl } = whole.service.addresses;
    const opened = await openLog(
      {
        kind: "of the running service",
        brokers: [...brokers],
        schemaRegistryUrl,
        stop: () => Promise.resolve(),
      },
      {
        observe: unobserved,
        access: await readLogAccess(whole.config),
        sql: null,
        replication: null,
        patiently: (_what, work) => work(),
      },
    );
    try {
      expect(opened.hasTimedIds()).toBe(hasTimedIds);
    } finally {
      await opened.close();
    }
    expect(await readLogIdentity(log.kafka, log.registry)).toMatchObject({ hasTimedIds });
  }, TEST_MS);
});
