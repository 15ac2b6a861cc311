/** Reading ranges of the log outside of the group, from the real embedded broker. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Buffer } from "node:buffer";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type ControlledBroker,
  RawClient,
  startControlledBroker,
} from "@gmn/embedded-broker/testing";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { PermanentError, TransientError } from "@gmn/failures";
import { createKafka, type Kafka, withAdmin } from "../../src/events/kafka_client.ts";
import { type PartitionRange, readLog, type ReadRecords } from "../../src/events/log_reader.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { flipBit, flipSector, replaceBatch, storedBatches } from "../support/log_damage.ts";

const TOPIC = "things";
const OTHER = "others";
const TEST_MS = 60_000;
/** Attribute of a batch that has a marker of a transaction, which consumers never see. */
const CONTROL_BIT = 0x20;

let folder: string;
let broker: ControlledBroker;
let kafka: Kafka;

async function start(): Promise<void> {
  const kafkaPort = broker === undefined ? 0 : Number(broker.brokers[0]!.split(":")[1]);
  broker = await startControlledBroker({ directory: folder, kafkaPort, schemaRegistryPort: 0 });
  kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved);
}
/** Stops the broker, does something to its file, and starts it again. */
async function whileStopped(work: () => void): Promise<void> {
  await broker.stop();
  work();
  await start();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-reader-"));
  broker = undefined as unknown as ControlledBroker;
  await start();
  await withAdmin(kafka, "test", (admin) =>
    admin.createTopics({
      topics: [{ topic: TOPIC, numPartitions: 2 }, { topic: OTHER, numPartitions: 1 }],
    }));
});
afterEach(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Appends batches of `count` records each, whose values are `<partition>:<offset>` and some filling. */
async function fill(batches: number, count: number, partition = 0, topic = TOPIC, bytes = 0) {
  const client = await RawClient.connect(broker.brokers[0]!);
  try {
    let offset = 0;
    for (let n = 0; n < batches; n++) {
      const records = Array.from({ length: count }, (_, at) => ({
        key: `k${offset + at}`,
        value: `${partition}:${offset + at}`.padEnd(bytes, "."),
      }));
      const { errorCode } = await client.produce(topic, partition, makeBatch(records));
      expect(errorCode).toBe(0);
      offset += count;
    }
  } finally {
    client.close();
  }
}

const range = (from: number, to: number, partition = 0, topic = TOPIC): PartitionRange => ({
  topic,
  partition,
  from: BigInt(from),
  to: BigInt(to),
});

/** Reads the ranges; returns what came, per partition. */
async function read(ranges: readonly PartitionRange[], signal = AbortSignal.timeout(TEST_MS)) {
  const seen = new Map<string, { offset: number; what: string }[]>();
  const ends = new Map<string, number>();
  const hidden: ReadRecords["hidden"][number][] = [];
  await readLog({
    kafka,
    ranges,
    signal,
    onRecords({ topic, partition, records, nextOffset, ...read }: ReadRecords) {
      hidden.push(...read.hidden);
      const key = `${topic}-${partition}`;
      const list = seen.get(key) ?? [];
      seen.set(key, list);
      for (const { offset, value, unreadable } of records) {
        list.push({
          offset: Number(offset),
          what: unreadable === undefined
            ? (value as Buffer).toString().replace(/\.+$/, "")
            : `unreadable ${unreadable.firstOffset}-${unreadable.lastOffset}`,
        });
      }
      ends.set(key, Number(nextOffset));
    },
  });
  return { seen, ends, hidden };
}

const offsets = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at);

test("each range is read once, in order, from its first offset to its last", async () => {
  await fill(20, 50);
  await fill(3, 10, 1);
  await fill(2, 5, 0, OTHER);
  const { seen } = await read([range(75, 901), range(0, 30, 1), range(3, 4, 0, OTHER)]);
  expect(seen.get("things-0")!.map(({ offset }) => offset)).toEqual(offsets(75, 901));
  expect(seen.get("things-0")![0]!.what).toBe("0:75");
  expect(seen.get("things-1")!.map(({ offset }) => offset)).toEqual(offsets(0, 30));
  expect(seen.get("others-0")!.map(({ offset }) => offset)).toEqual([3]);
  // No group is left behind.
  expect((await withAdmin(kafka, "test", (admin) => admin.listGroups())).groups).toEqual([]);
}, TEST_MS);

test("no range, and empty ranges, need no broker", async () => {
  await read([]);
  await read([range(5, 5), range(7, 3)]);
});

test("a damaged batch comes as one record, wherever the range begins or ends in it", async () => {
  await fill(5, 10);
  await whileStopped(() => void flipBit(folder, TOPIC, 0, 25));
  const damaged = { offset: 29, what: "unreadable 20-29" };
  const all = (await read([range(0, 50)])).seen.get("things-0")!;
  expect(all).toHaveLength(41);
  expect(all[20]).toEqual(damaged);
  for (const [from, to] of [[0, 25], [24, 27], [20, 21], [22, 50]] as const) {
    const found = (await read([range(from, to)])).seen.get("things-0")!;
    expect(found.filter(({ what }) => what.startsWith("unreadable")), `${from} to ${to}`)
      .toEqual([damaged]);
  }
  const before = (await read([range(0, 20)])).seen.get("things-0")!;
  expect(before.map(({ offset }) => offset)).toEqual(offsets(0, 20));
}, TEST_MS);

test("damage of a sector, at the end too, is read over", async () => {
  await fill(3, 20, 0, TOPIC, 2_000);
  await whileStopped(() => void flipSector(folder, TOPIC, 0, 45));
  const { seen, ends } = await read([range(0, 60)]);
  expect(seen.get("things-0")!.at(-1)).toEqual({ offset: 59, what: "unreadable 40-59" });
  expect(ends.get("things-0")).toBe(60);
}, TEST_MS);

test("offsets that are not in the log are passed over", async () => {
  await fill(6, 10);
  await whileStopped(() => replaceBatch(folder, TOPIC, 0, 20, null));
  const { seen } = await read([range(0, 60)]);
  expect(seen.get("things-0")!.map(({ offset }) => offset))
    .toEqual([...offsets(0, 20), ...offsets(30, 60)]);
}, TEST_MS);

test.each([[0], [20]])("a range from %i ends in records that no consumer sees", async (from) => {
  await fill(3, 10);
  await whileStopped(() => {
    // As the end of a transaction lies in Kafka's log. The embedded broker takes none from clients.
    const [, , last] = storedBatches(folder, TOPIC, 0);
    const marker = makeBatch([{ key: "\0\0\0\x01", value: "\0\0\0\0\0\0" }], {
      attributes: CONTROL_BIT,
      lastOffsetDelta: 9,
    });
    new DataView(marker.buffer).setBigInt64(0, BigInt(last!.firstOffset));
    replaceBatch(folder, TOPIC, 0, last!.firstOffset, marker);
  });
  const { seen, ends, hidden } = await read([range(from, 21)]);
  expect(seen.get("things-0")!.map(({ offset }) => offset)).toEqual(offsets(from, 20));
  expect(ends.get("things-0")).toBe(21);
  expect(hidden).toEqual([{ first: 20n, last: 20n }]);
}, TEST_MS);

test("a range that begins before the log's beginning gives what there is", async () => {
  await fill(6, 10);
  await withAdmin(kafka, "test", async (admin) => {
    await admin.fetchTopicOffsets(TOPIC); // kafkajs needs the metadata first
    await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition: 0, offset: "25" }] });
  });
  const { seen } = await read([range(0, 60)]);
  expect(seen.get("things-0")!.map(({ offset }) => offset)).toEqual(offsets(25, 60));
}, TEST_MS);

test("a range that ends behind the log's end is refused at once, with both ends", async () => {
  await fill(2, 10);
  const began = performance.now();
  const refused = read([range(0, 21)]);
  await expect(refused).rejects.toThrow(/things-0 ends at 20, before the offset 21 /);
  await expect(refused).rejects.toBeInstanceOf(PermanentError);
  await expect(read([range(0, 1, 7)])).rejects.toThrow(/things has no partition 7/);
  expect(performance.now() - began).toBeLessThan(10_000);
}, TEST_MS);

test("what onRecords throws ends the reading, and is thrown as it is", async () => {
  await fill(2, 10);
  const mine = new PermanentError("enough");
  const reading = readLog({
    kafka,
    ranges: [range(0, 20)],
    signal: AbortSignal.timeout(TEST_MS),
    onRecords: () => Promise.reject(mine),
  });
  await expect(reading).rejects.toBe(mine);
}, TEST_MS);

test("an abort ends the reading with its reason, also while a record is handed over", async () => {
  await fill(2, 10);
  const before = new AbortController();
  before.abort(new Error("before"));
  await expect(read([range(0, 20)], before.signal)).rejects.toThrow("before");
  const during = new AbortController();
  const reading = readLog({
    kafka,
    ranges: [range(0, 20)],
    signal: during.signal,
    onRecords: () =>
      new Promise<void>((_resolve, reject) => {
        during.signal.addEventListener("abort", () => reject(during.signal.reason));
        during.abort(new Error("during"));
      }),
  });
  await expect(reading).rejects.toThrow("during");
}, TEST_MS);

test("a broker that goes away ends the reading with a transient failure", async () => {
  await fill(2, 10);
  let stopped: Promise<void> | undefined;
  const reading = readLog({
    kafka,
    ranges: [range(0, 20), range(0, 0, 1)],
    signal: AbortSignal.timeout(TEST_MS),
    async onRecords() {
      await (stopped ??= broker.stop());
      throw new TransientError("seen");
    },
  });
  await expect(reading).rejects.toThrow("seen");
  await expect(read([range(0, 20)])).rejects.toBeInstanceOf(TransientError);
  await start();
}, TEST_MS);

test(
  "a broker that is restarted in the middle, and connections that break, lose nothing",
  async () => {
    await fill(40, 20, 0, TOPIC, 10_000);
    const seen: number[] = [];
    let restarts = 0;
    await readLog({
      kafka,
      ranges: [range(0, 800)],
      signal: AbortSignal.timeout(TEST_MS),
      async onRecords({ records }) {
        seen.push(...records.map(({ offset }) => Number(offset)));
        if (++restarts === 1) await whileStopped(() => {});
      },
    });
    expect(restarts).toBeGreaterThan(2);
    expect(seen).toEqual(offsets(0, 800));
  },
  TEST_MS,
);
