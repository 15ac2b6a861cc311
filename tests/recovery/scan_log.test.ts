/** What a scan of the whole log finds, on the real embedded broker and its schema registry. */
import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type ControlledBroker,
  RawClient,
  startControlledBroker,
} from "@gmn/embedded-broker/testing";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { ensureTopics } from "../../src/events/ensure_topics.ts";
import { createKafka, type Kafka, withAdmin } from "../../src/events/kafka_client.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../../src/events/schema_registry.ts";
import { IAU_SHOWER, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { isSound, scanLog, type ScanOptions } from "../../src/recovery/scan_log.ts";
import { wire } from "../support/foreign_producer.ts";
import { flipBit, replaceBatch, storedBatches } from "../support/log_damage.ts";

const RAW = TRAJECTORY_SUMMARY_RAW.name;
const TOPICS = [TRAJECTORY_SUMMARY_RAW, IAU_SHOWER];
const TEST_MS = 60_000;
const CONTROL_BIT = 0x20;

let folder: string;
let broker: ControlledBroker;
let kafka: Kafka;
let registry: SchemaRegistry;
let schemaId: number;

async function start(ports = { kafkaPort: 0, schemaRegistryPort: 0 }): Promise<void> {
  broker = await startControlledBroker({ directory: folder, ...ports });
  kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved);
  registry = createSchemaRegistry(
    { url: broker.schemaRegistryUrl, clientId: "test" },
    unobserved,
  );
}
async function whileStopped(work: () => void): Promise<void> {
  await broker.stop();
  work();
  await start();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-scan-"));
  await start();
  await ensureTopics(kafka, TOPICS, unobserved);
  schemaId = (await registry.register(TOPICS)).get(RAW)!;
});
afterEach(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

async function append(
  values: readonly (Uint8Array | null)[],
  partition = 0,
  topic = RAW,
): Promise<void> {
  const client = await RawClient.connect(broker.brokers[0]!);
  try {
    const batch = makeBatch(values.map((value, n) => ({ key: `k${n}`, value })));
    expect((await client.produce(topic, partition, batch)).errorCode).toBe(0);
  } finally {
    client.close();
  }
}

const good = (count: number) => Array.from({ length: count }, () => wire(schemaId, Buffer.of(2)));

const scan = (options: Partial<ScanOptions> = {}) =>
  scanLog({
    kafka,
    registry,
    topics: TOPICS,
    signal: AbortSignal.timeout(TEST_MS),
    ...options,
  });
const rawScan = async (partition = 0) => (await scan()).partitions[partition]!;

test(
  "an empty log is sound; so is one with records and tombstones, which are counted",
  async () => {
    const empty = await scan();
    expect(empty.records).toBe(0);
    expect(empty.partitions.map(({ topic, partition }) => `${topic}-${partition}`))
      .toEqual([`${RAW}-0`, `${RAW}-1`, `${RAW}-2`, "iau_shower-0"]);
    expect(empty.partitions.every(isSound)).toBe(true);

    await append(good(10));
    await append([...good(3), null, null]);
    await append(good(4), 2);
    const progress: number[] = [];
    const full = await scan({
      onProgress({ done, total }) {
        expect(total).toBe(19);
        progress.push(done);
      },
    });
    expect(full.records).toBe(19);
    expect(full.partitions.every(isSound)).toBe(true);
    expect(full.partitions[0]).toMatchObject({ low: 0n, high: 15n, records: 15, tombstones: 2 });
    expect(progress.at(-1)).toBe(19);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  },
  TEST_MS,
);

test("damaged batches are named with their offsets, in the middle and at the end", async () => {
  for (let n = 0; n < 5; n++) await append(good(10));
  await whileStopped(() => {
    flipBit(folder, RAW, 0, 15);
    flipBit(folder, RAW, 0, 49);
  });
  const found = await rawScan();
  expect(found.unreadable).toEqual([
    {
      first: 10n,
      last: 19n,
      writtenAt: expect.any(Date),
      reason: expect.stringMatching(/offset 10 is damaged: its checksum/),
    },
    {
      first: 40n,
      last: 49n,
      writtenAt: expect.any(Date),
      reason: expect.stringMatching(/offset 40 is damaged/),
    },
  ]);
  expect(found).toMatchObject({ records: 30, gaps: [], foreign: null });
  expect(isSound(found)).toBe(false);
}, TEST_MS);

test("a batch whose head is damaged, its offset included, is named where it lies", async () => {
  for (let n = 0; n < 5; n++) await append(good(10));
  await whileStopped(() => {
    const { bytes } = storedBatches(folder, RAW, 0)[2]!;
    // The first offset, the time stamps, and what is counted.
    for (const at of [0, 1, 2, 23, 24, 30, 57, 58]) bytes[at]! ^= 0x5a;
    replaceBatch(folder, RAW, 0, 20, bytes);
  });
  const found = await rawScan();
  expect(found.unreadable).toMatchObject([{ first: 20n, last: 29n }]);
  expect(found).toMatchObject({ records: 40, gaps: [] });
}, TEST_MS);

test("missing offsets are gaps, except in a compacted topic", async () => {
  for (let n = 0; n < 5; n++) await append(good(10));
  for (let n = 0; n < 3; n++) await append(good(10), 0, IAU_SHOWER.name);
  await whileStopped(() => {
    replaceBatch(folder, RAW, 0, 10, null);
    replaceBatch(folder, RAW, 0, 20, null);
    replaceBatch(folder, IAU_SHOWER.name, 0, 10, null);
  });
  const { partitions } = await scan();
  expect(partitions[0]!.gaps).toEqual([{ first: 10n, last: 29n }]);
  expect(partitions[0]!.records).toBe(30);
  expect(partitions[3]!).toMatchObject({ gaps: [], records: 20 });
}, TEST_MS);

test("records that no consumer sees are no gap", async () => {
  for (let n = 0; n < 3; n++) await append(good(1));
  await whileStopped(() => {
    for (const at of [1, 2]) {
      const marker = makeBatch([{ key: "\0\0\0\x01", value: "\0\0\0\0\0\0" }], {
        attributes: CONTROL_BIT,
      });
      new DataView(marker.buffer).setBigInt64(0, BigInt(at));
      replaceBatch(folder, RAW, 0, at, marker);
    }
  });
  expect(await rawScan()).toMatchObject({ records: 1, gaps: [], unreadable: [] });
}, TEST_MS);

test("a log that was cut at its beginning says where it begins", async () => {
  for (let n = 0; n < 3; n++) await append(good(10));
  await withAdmin(kafka, "test", async (admin) => {
    await admin.fetchTopicOffsets(RAW); // kafkajs needs the metadata first
    await admin.deleteTopicRecords({ topic: RAW, partitions: [{ partition: 0, offset: "15" }] });
  });
  expect(await rawScan()).toMatchObject({ low: 15n, high: 30n, records: 15, gaps: [] });
}, TEST_MS);

test("values of other programs, and of schemas nobody knows, are counted", async () => {
  await append([...good(2), Buffer.from("hello"), Buffer.from("there"), null]);
  await append([wire(4_711, Buffer.of(2)), wire(4_712, Buffer.of(2)), wire(4_711, Buffer.of(2))]);
  await append([...good(1), wire(4_711, Buffer.of(2))]);
  const found = await rawScan();
  expect(found.foreign).toEqual({ count: 2, first: 2n });
  expect([...found.unknownSchemas]).toMatchObject([
    [4_711, { count: 3, first: 5n }],
    [4_712, { count: 1, first: 6n }],
  ]);
  expect(found.records).toBe(10);
  expect(isSound(found)).toBe(false);
}, TEST_MS);

test("an unavailable registry is no finding, but ends the scan", async () => {
  await append(good(1));
  const nobody = createSchemaRegistry(
    { url: "http://127.0.0.1:1", clientId: "test" },
    unobserved,
  );
  await expect(scan({ registry: nobody })).rejects.toThrow(/registry at/);
}, TEST_MS);

test("records that come during the scan are not part of it", async () => {
  await append(good(5));
  let isFirst = true;
  const found = await scan({
    async onRecords() {
      if (isFirst) await append(good(5));
      isFirst = false;
    },
  });
  expect(found.partitions[0]).toMatchObject({ high: 5n, records: 5, gaps: [] });
}, TEST_MS);
