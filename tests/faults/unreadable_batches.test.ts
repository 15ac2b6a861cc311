/**
 * Record batches that can't be read: each is a dead letter, and its partition goes on after it, on every topic.
 *
 * The embedded broker, like any other, looks at the checksum of what it takes and not into what is packed.
 */
import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UNPACKED_BYTES_MAX } from "@gmn/kafka-formats";
import { DEAD_LETTER_VALUE_BYTES_MAX } from "../../src/dead_letters/dead_letter.ts";
import {
  DEAD_LETTER,
  IAU_SHOWER,
  INGESTION_RUN,
  TRAJECTORY_SUMMARY_RAW,
} from "../../src/events/topics.ts";
import { ALIKE_MAX } from "../../src/events/damage_watch.ts";
import { encodeRecords, wrapBatch } from "@gmn/kafka-formats/testing";
import { RawClient } from "@gmn/embedded-broker/testing";
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
import { idsOf, rowLines, summaryText } from "../producer/summary_text.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

const TEST_MS = 90_000;
const raw = TRAJECTORY_SUMMARY_RAW.name;
const PARTITION = 1;
const GZIP = 1;
const ZSTD = 4;

let whole: TestService;
let schemaId: number;
beforeEach(async () => {
  // These tests look into the embedded broker's files, and give it batches that it does not look into.
  whole = await startTestService({ environment: { BROKER: "embedded" } });
  schemaId = await registerSchema(whole, PYTHON_SCHEMA);
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const ID = (n: number) => `20260101000000_${String(n).padStart(6, "0")}`;
const valueOf = (n: number) => wire(schemaId, pythonBody(summaryOf(ID(n))));
/** Appends a record that is a trajectory; gives the offset after it. */
const appendGood = (n: number, partition = PARTITION) =>
  append(whole.kafka, [{ key: ID(n), value: valueOf(n) }], partition);

/** Two records, packed as `attributes` says into bytes that are not that. */
const packed = (payload: Uint8Array, attributes: number) =>
  wrapBatch(payload, [{}, {}], { attributes });

const deadLetterOf = async (topic: string, partition: number, first: number) =>
  (await whole.database.sql`
    select * from dead_letter
    where starts_with(id, ${`batch:${topic}-${partition}@${first}~`})`)[0];
const meteorIds = async () =>
  (await whole.database.sql<{ id: string }[]>`
    select id from meteor where id like '20260101000000_%' order by id`).map(({ id }) => id);

test("what can't be unpacked or parsed is put aside, and all around it is loaded", async () => {
  const cases: [what: string, batch: Uint8Array, reason: RegExp][] = [
    ["gzip that is none", packed(Buffer.from("not gzip"), GZIP), /incorrect header check/],
    [
      "gzip cut short",
      packed(gzipSync(Buffer.alloc(999, "x")).subarray(0, 20), GZIP),
      /unexpected end/,
    ],
    ["Snappy that is none", packed(Uint8Array.of(200, 1, 255, 255), 2), /Snappy/],
    ["LZ4 that is none", packed(Buffer.from("not lz4"), 3), /no LZ4 frame/],
    ["records that are none", packed(gzipSync(Uint8Array.of(9, 9, 9)), GZIP), /a record of/],
    [
      "a bomb",
      packed(zstdCompressSync(new Uint8Array(UNPACKED_BYTES_MAX + 1)), ZSTD),
      /unpacks to more than/,
    ],
  ];
  const offsets: number[] = [];
  for (const [n, [, batch]] of cases.entries()) {
    await appendGood(n);
    offsets.push(await appendBatch(whole, raw, batch, PARTITION));
  }
  const end = await appendGood(cases.length);
  await passed(whole.database.sql, end, PARTITION);
  await caughtUp(whole);

  expect(await meteorIds()).toEqual(Array.from({ length: cases.length + 1 }, (_, n) => ID(n)));
  for (const [n, [what, batch, reason]] of cases.entries()) {
    const first = offsets[n]!;
    const deadLetter = await deadLetterOf(raw, PARTITION, first);
    expect(deadLetter, what).toMatchObject({
      stage: "fetch",
      topic: raw,
      topic_partition: PARTITION,
      topic_offset: BigInt(first),
    });
    expect(deadLetter!.reason).toMatch(reason);
    expect(deadLetter!.reason).toContain(`offsets ${first} to ${first + 1}`);
    // As it lies in the log: the broker has set its first offset and its leader's epoch.
    expect(Buffer.from(deadLetter!.value).subarray(16).equals(batch.subarray(16)), what).toBe(true);
  }
}, TEST_MS);

test("every topic goes on behind such a batch, and says which topic it was", async () => {
  const bad = packed(Buffer.from("not gzip"), GZIP);
  const topics = [INGESTION_RUN.name, IAU_SHOWER.name, DEAD_LETTER.name];
  const offsets = new Map<string, number>();
  for (const topic of topics) offsets.set(topic, await appendBatch(whole, topic, bad));
  // Its events come behind the batch, and are projected.
  const run = await whole.run("/backfill", { all: true });
  expect(run).toMatchObject({ state: "completed", rows: { loaded: whole.sample.rows } });
  for (const topic of topics) {
    const first = offsets.get(topic)!;
    await passed(whole.database.sql, BigInt(first) + 2n, 0, topic);
    await caughtUp(whole);
    expect(await deadLetterOf(topic, 0, first)).toMatchObject({ stage: "fetch", topic });
  }
  // A dead letter about dead letters is only in the table: on the topic it could cause the next one.
  expect(await endOf(DEAD_LETTER.name)).toBe(2n + 2n);
}, TEST_MS);

test(
  "its dead letter can't be replayed, and keeps its reason; a rebuild makes no second one",
  async () => {
    const first = await appendBatch(whole, raw, packed(Buffer.from("not gzip"), GZIP), PARTITION);
    await appendGood(1);
    await caughtUp(whole);
    await caughtUp(whole);
    const deadLetter = await deadLetterOf(raw, PARTITION, first);
    const post = (path: string, body = "{}") =>
      whole.api(path, { method: "POST", body, headers: { "content-type": "application/json" } });

    const one = await post(`/dead-letters/${encodeURIComponent(deadLetter!.id)}/replay`);
    expect(one.status).toBe(409);
    expect((await one.json()).detail).toMatch(/about a whole record batch.*deno task rebuild/);
    const all = await (await post("/dead-letters/replay", '{"stage":"fetch"}')).json();
    expect(all).toMatchObject({ matched: 1, published: 0, failed: 1 });
    expect(all.unpublished[0].reason).toMatch(/about a whole record batch/);

    const deadLetters = await endOf(DEAD_LETTER.name);
    await whole.whileStopped(rebuild);
    await caughtUp(whole);
    expect(await deadLetterOf(raw, PARTITION, first)).toEqual(deadLetter);
    expect(await endOf(DEAD_LETTER.name)).toBe(deadLetters);
  },
  TEST_MS,
);

test("a dead letter that is larger than the broker takes is cut, and says so", async () => {
  const records = [{ value: "v".repeat(3_000_000) }];
  // Can be read, and is no trajectory: a dead letter about one record, larger than any batch may be.
  const record = await appendBatch(
    whole,
    raw,
    wrapBatch(gzipSync(encodeRecords(records)), records, { attributes: GZIP }),
    PARTITION,
  );
  await appendGood(1);
  await caughtUp(whole);
  await caughtUp(whole);
  const [deadLetter] = await whole.database.sql`
    select reason, length(value) as bytes from dead_letter where starts_with(id, ${`${raw}-${PARTITION}@${record}~`})`;
  expect(deadLetter!.bytes).toBe(DEAD_LETTER_VALUE_BYTES_MAX);
  expect(deadLetter!.reason).toMatch(
    /only the first 1000000 of 3000000 bytes of the value are kept$/,
  );

  const broker = whole.service.addresses.brokers[0]!;
  await RawClient.setConfig(broker, DEAD_LETTER.name, "max.message.bytes", "100000");
  const size = 400_000;
  const first = await appendBatch(whole, raw, packed(Buffer.alloc(size, "x"), GZIP), PARTITION);
  await appendGood(2);
  await caughtUp(whole);
  await caughtUp(whole);
  const cut = await deadLetterOf(raw, PARTITION, first);
  const whole_bytes = size + 61;
  expect(cut!.value.length).toBe(Math.floor(whole_bytes / 8));
  expect(cut!.reason).toMatch(
    new RegExp(
      `only the first ${cut!.value.length} of ${whole_bytes} bytes of the value are kept$`,
    ),
  );
  expect(await meteorIds()).toEqual([ID(1), ID(2)]);
}, TEST_MS);

test(
  "a batch that is damaged in the log is given up after some fetches; what is around it goes on",
  async () => {
    await appendGood(0);
    const first = Number(await appendGood(1)) - 1;
    await appendGood(2);
    await appendGood(3, 0);
    await caughtUp(whole);
    expect(await meteorIds()).toHaveLength(4);

    const before = whole.events.length;
    await whole.whileStopped(async () => {
      damage(PARTITION, first);
      await rebuild();
    });
    await caughtUp(whole);
    expect(await meteorIds()).toEqual([ID(0), ID(2), ID(3)]);
    const deadLetter = await deadLetterOf(raw, PARTITION, first);
    expect(deadLetter).toMatchObject({ stage: "fetch", topic_offset: BigInt(first) });
    expect(deadLetter!.reason).toMatch(/is damaged: its checksum is \d+.*fetched again in vain/);

    const events = whole.events.slice(before);
    const at = (name: string, partition: number) =>
      events.findIndex((event) =>
        event.name === name && "partition" in event.detail &&
        event.detail.topic === raw && event.detail.partition === partition
      );
    const count = (name: string) => events.filter((event) => event.name === name).length;
    expect(count("sink.damaged")).toBe(ALIKE_MAX - 1);
    expect(count("consumer.retry")).toBe(0);
    expect(count("dependency.unavailable")).toBe(0);
    // What came before it, and other partitions, did not wait for it.
    const givenUp = at("sink.dead_letter", PARTITION);
    expect(at("sink.loaded", 0)).toBeLessThan(givenUp);
    expect(at("sink.loaded", PARTITION)).toBeLessThan(givenUp);
  },
  TEST_MS,
);

test(
  "rows that were in such a batch are dead rows of their run, and are not taken for withdrawn ones",
  async () => {
    const lines = rowLines(7);
    // The later generation has one more, so that it is of another size: times in listings are coarse.
    const earlier = lines.slice(1);
    const ids = idsOf(earlier);
    const window = "daily/traj_summary_20261114_solrange_237.0-238.0.txt";
    const put = async (lines: readonly string[], hour: number) => {
      await writeFile(
        join(whole.sourceFolder, window),
        summaryText(lines, `2026-11-21T0${hour}:00:00Z`),
      );
      return await whole.run("/extract", { days: 366 });
    };
    await put(earlier, 1);
    const before = await endsOf(raw);
    const { id } = await put(lines, 7);
    await caughtUp(whole);

    await whole.whileStopped(async () => {
      for (const [partition, end] of before.entries()) damage(partition, Number(end));
      await rebuild();
    });
    await caughtUp(whole);
    expect((await (await whole.api(`/runs/${id}`)).json()).rows).toMatchObject({
      // The records that stand for the six unchanged rows are in the damaged batches, too.
      published: 1,
      unchanged: 6,
      loaded: 0,
      dead: 1,
    });
    await whole.service.parts.running!.runs!.withdrawals.settle();
    await caughtUp(whole);
    const standing = await whole.database.sql`
    select id from meteor where withdrawn_at is null and id = any(${ids})`;
    expect(standing).toHaveLength(6);
  },
  TEST_MS,
);

/** A rebuild that accepts what the damage has cost. */
const rebuild = () => rebuildOf(whole, { isLossAccepted: true });

/** Flips a bit of a batch, if there is one at this offset, in the broker's file. */
function damage(partition: number, first: number): void {
  const file = join(whole.config.dataDirectory, "broker", "broker.sqlite");
  const database = new DatabaseSync(file);
  try {
    const row = database.prepare(
      `SELECT batch_id, bytes FROM batch JOIN partition USING (partition_id) JOIN topic USING (topic_id)
       WHERE name = ? AND number = ? AND base_offset = ?`,
    ).get(raw, partition, first) as { batch_id: number; bytes: Uint8Array } | undefined;
    if (row === undefined) return;
    row.bytes[row.bytes.length - 1]! ^= 1;
    database.prepare("UPDATE batch SET bytes = ? WHERE batch_id = ?").run(row.bytes, row.batch_id);
  } finally {
    database.close();
  }
}

const endOf = async (topic: string) => (await endsOf(topic))[0]!;

/** The end of each partition. */
async function endsOf(topic: string): Promise<bigint[]> {
  const admin = whole.kafka.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => BigInt(high));
  } finally {
    await admin.disconnect();
  }
}
