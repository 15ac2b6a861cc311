/** A log copied from one embedded broker to another: what stays, what is mapped, what is refused. Apache Kafka: tests/kafka/. */
import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { PermanentError } from "@gmn/failures";
import { createDeadLetter } from "../../src/dead_letters/build_dead_letter.ts";
import type { DeadLetter } from "../../src/dead_letters/dead_letter.ts";
import { ensureTopics } from "../../src/events/ensure_topics.ts";
import { createKafka, withAdmin } from "../../src/events/kafka_client.ts";
import { createLogAppender } from "../../src/events/log_appender.ts";
import { appendLogIdentityEvent, readLogIdentity } from "../../src/events/log_identity.ts";
import { readLog } from "../../src/events/log_reader.ts";
import type { ConsumedRecord } from "../../src/events/consumed_record.ts";
import { createKafkaPublisher } from "../../src/events/kafka_publisher.ts";
import { createRegistrySubjects } from "../../src/events/registry_subjects.ts";
import { createSchemaRegistry } from "../../src/events/schema_registry.ts";
import { readWatermarks } from "../../src/events/start_position.ts";
import {
  ALL_TOPICS,
  DEAD_LETTER,
  IAU_SHOWER,
  TRAJECTORY_SUMMARY_RAW,
  valueSubject,
} from "../../src/events/topics.ts";
import { createValueCodec } from "../../src/events/wire_values.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { copyLog, type CopyOptions } from "../../src/recovery/copy_log.ts";
import type { LogSide } from "../../src/recovery/record_copy.ts";
import { encodeTrajectory } from "../../src/trajectory/codec.ts";
import { wireSchemaId } from "../../src/wire_format/wire_header.ts";
import { PYTHON_SCHEMA, pythonBody, wire } from "../support/foreign_producer.ts";
import { flipBit, replaceBatch } from "../support/log_damage.ts";
import { summaryOf } from "../support/trajectories.ts";

/** Attribute of a batch that has a marker of a transaction. */
const CONTROL_BIT = 0x20;
const RAW = TRAJECTORY_SUMMARY_RAW.name;
const deadLetters = createValueCodec<DeadLetter>(DEAD_LETTER);

/** A broker with its clients. */
interface Place extends LogSide {
  readonly folder: string;
  broker: ControlledBroker;
}

let source: Place;
let target: Place;
/** Of the source's registry, by topic. */
let ids: ReadonlyMap<string, number>;

async function openPlace(folder: string): Promise<Place> {
  const broker = await startControlledBroker({
    directory: folder,
    kafkaPort: 0,
    schemaRegistryPort: 0,
  });
  const registry = { url: broker.schemaRegistryUrl, clientId: "test" };
  return {
    folder,
    broker,
    kafka: createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved),
    registry: createSchemaRegistry(registry, unobserved),
    subjects: createRegistrySubjects(registry),
  };
}

/** Stops the source's broker, does something to its file, and starts it again. */
async function whileSourceStopped(work: () => void): Promise<void> {
  await source.broker.stop();
  work();
  source = await openPlace(source.folder);
}

const newFolder = () => mkdtemp(join(tmpdir(), "gmn-copy-"));

beforeEach(async () => {
  source = await openPlace(await newFolder());
  target = await openPlace(await newFolder());
  await ensureTopics(source.kafka, ALL_TOPICS, unobserved);
  ids = await source.registry.register(ALL_TOPICS);
});
afterEach(async () => {
  for (const { broker, folder } of [source, target]) {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

const copy = (options: Partial<CopyOptions> = {}) =>
  copyLog({
    source,
    target,
    replication: null,
    isUnreadableSkipped: false,
    observe: unobserved,
    signal: new AbortController().signal,
    ...options,
  });

type Written = Partial<Pick<ConsumedRecord, "headers" | "timestamp">> & {
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
};

/** Appends records to the end of a partition. */
async function append({ kafka }: LogSide, topic: string, partition: number, records: Written[]) {
  const appender = await createLogAppender(kafka);
  const end = (await readWatermarks(kafka, topic)).get(partition)!.high;
  await appender.append(
    topic,
    partition,
    records.map((record, at) => ({
      key: Buffer.from(`key ${at}`),
      headers: {},
      timestamp: new Date(1_700_000_000_000 + at),
      size_bytes: 100 + (record.value?.length ?? 0),
      ...record,
    })),
    end,
  );
  await appender.close();
}

/** All records of a partition. */
async function recordsOf({ kafka }: LogSide, topic: string, partition = 0) {
  const { low, high } = (await readWatermarks(kafka, topic)).get(partition)!;
  const records: ConsumedRecord[] = [];
  await readLog({
    kafka,
    ranges: [{ topic, partition, from: low, to: high }],
    signal: AbortSignal.timeout(30_000),
    onRecords: (read) => void records.push(...read.records),
  });
  return records.map(({ key, value, headers, timestamp, offset }) => ({
    key,
    value,
    headers: { ...headers },
    timestamp,
    offset,
  }));
}

const summary = (n: number, id = ids.get(RAW)!): Buffer =>
  Buffer.from(encodeTrajectory(summaryOf(`2022030412345${n}_abcde`), id));

/** Takes the first ids of the target's registry, so that a copy's differ. */
const shiftIds = () =>
  target.subjects.register("other-value", { schema: JSON.stringify({ type: "string" }) });

describe("what stays", () => {
  test("keys, values, headers, times, partitions, order, and offsets", async () => {
    await append(source, RAW, 0, [
      {
        value: summary(1),
        headers: { a: Buffer.from("1"), b: [Buffer.from("2"), Buffer.from("3")] },
      },
      { value: null, timestamp: new Date(5) },
      { key: null, value: summary(2) },
      { key: Buffer.alloc(0), value: Buffer.alloc(0) },
      { value: Buffer.from("of another program") },
    ]);
    await append(source, RAW, 2, [{ value: summary(3) }, { value: summary(4) }]);
    await append(source, IAU_SHOWER.name, 0, [{ value: summary(5, ids.get(IAU_SHOWER.name)!) }]);
    const copied = await copy();
    for (const partition of [0, 1, 2]) {
      expect(await recordsOf(target, RAW, partition)).toEqual(
        await recordsOf(source, RAW, partition),
      );
    }
    expect(await recordsOf(target, IAU_SHOWER.name)).toEqual(
      await recordsOf(source, IAU_SHOWER.name),
    );
    expect(copied).toMatchObject({ schemas: [], unknownSchemaIds: [], skipped: [], logId: null });
    expect(copied.partitions.find(({ topic, partition }) => topic === RAW && partition === 0))
      .toMatchObject({ records: 5, copiedNow: 5, sourceLow: 0n, sourceEnd: 5n, targetEnd: 5n });
    // Again: nothing is left to do.
    expect((await copy()).partitions.every(({ copiedNow }) => copiedNow === 0)).toBe(true);
  });

  test("all versions of the schemas, and the compatibility level", async () => {
    const subject = valueSubject(TRAJECTORY_SUMMARY_RAW);
    await source.subjects.setLevel(subject, "NONE");
    const other = { schema: JSON.stringify({ type: "long" }) };
    await source.subjects.register(subject, other);
    await source.subjects.register(subject, { schema: JSON.stringify(PYTHON_SCHEMA) });
    await copy();
    expect(await target.subjects.versions(subject)).toEqual(
      await source.subjects.versions(subject),
    );
    expect(await target.subjects.level(subject)).toBe("NONE");
  });

  test("the number of partitions of a source that was scaled out", async () => {
    await withAdmin(
      source.kafka,
      "test",
      (admin) => admin.createPartitions({ topicPartitions: [{ topic: RAW, count: 5 }] }),
    );
    await append(source, RAW, 4, [{ value: summary(1) }]);
    await copy();
    expect([...(await readWatermarks(target.kafka, RAW)).keys()].toSorted()).toEqual([
      0,
      1,
      2,
      3,
      4,
    ]);
    expect(await recordsOf(target, RAW, 4)).toHaveLength(1);
  });
});

describe("schema ids that differ", () => {
  test("are rewritten in values, and inside of dead letters", async () => {
    await shiftIds();
    const raw = ids.get(RAW)!;
    const inside = summary(1);
    const deadLetter = (known: Partial<DeadLetter>) =>
      deadLetters.encode(
        createDeadLetter({ id: "1", stage: "load", reason: "refused", ...known }),
        ids.get(DEAD_LETTER.name)!,
      );
    await append(source, RAW, 1, [{ value: inside }, { value: null }]);
    await append(source, DEAD_LETTER.name, 0, [
      { value: deadLetter({ topic: RAW, partition: 1, offset: 0, value: inside, schema_id: raw }) },
      { value: deadLetter({ stage: "read", text: "a line" }) },
      { value: deadLetter({ stage: "fetch", value: Buffer.from("a batch") }) },
    ]);
    const { schemas } = await copy();
    expect(schemas).toContainEqual({
      subject: valueSubject(TRAJECTORY_SUMMARY_RAW),
      from: raw,
      to: raw + 1,
    });
    const [copied] = await recordsOf(target, RAW, 1);
    expect(wireSchemaId(copied!.value!)).toBe(raw + 1);
    expect(copied!.value!.subarray(5)).toEqual(inside.subarray(5));
    const letters = await recordsOf(target, DEAD_LETTER.name);
    const decoded = await Promise.all(
      letters.map(async ({ value }) =>
        deadLetters.decode(value!, await target.registry.writerSchema(wireSchemaId(value!)))
      ),
    );
    expect(decoded).toMatchObject([
      { reason: "refused", offset: 0, schema_id: raw + 1, value: copied!.value },
      { stage: "read", text: "a line", schema_id: null },
      { stage: "fetch", value: Buffer.from("a batch") },
    ]);
    expect((await copy()).partitions.every(({ copiedNow }) => copiedNow === 0)).toBe(true);
  });

  test("of a foreign producer's subject, and ids that nobody knows", async () => {
    await shiftIds();
    const foreign = await source.subjects.register("foreign", {
      schema: JSON.stringify(PYTHON_SCHEMA),
    });
    // The source has no schema 7; the target will have one.
    const unknown = foreign + 1;
    await append(source, RAW, 0, [
      { value: wire(foreign, pythonBody(summaryOf("20220304123456_abcde"))) },
      { value: wire(unknown, Buffer.from("anything")) },
      { value: wire(999, Buffer.from("anything")) },
    ]);
    const { unknownSchemaIds } = await copy();
    expect(unknownSchemaIds).toEqual([unknown, 999]);
    const [first, second, third] = await recordsOf(target, RAW);
    const id = wireSchemaId(first!.value!);
    expect(await target.subjects.subjectsOf(id)).toEqual(["foreign"]);
    expect(await target.subjects.schema(wireSchemaId(second!.value!))).toBeNull();
    expect(wireSchemaId(third!.value!)).toBe(999);
  });
});

describe("an interrupted copy", () => {
  /** Copies until `records` were told of, and stops there. */
  async function copyPart(records: number): Promise<void> {
    const interrupted = new AbortController();
    await expect(copy({
      signal: interrupted.signal,
      onProgress({ step, done }) {
        if (step === "copy" && done >= records) interrupted.abort(new Error("interrupted"));
      },
    })).rejects.toThrow("interrupted");
  }
  const many = (count: number) => Array.from({ length: count }, (_, n) => ({ value: summary(n) }));

  test("goes on where the target ends", async () => {
    for (const partition of [0, 1, 2]) await append(source, RAW, partition, many(3_000));
    await copyPart(2_000);
    const { partitions } = await copy();
    const now = partitions.reduce((sum, { copiedNow }) => sum + copiedNow, 0);
    expect(now).toBeGreaterThan(0);
    expect(now).toBeLessThan(9_000);
    expect(partitions.reduce((sum, { records }) => sum + records, 0)).toBe(9_000);
  });

  test("of a log that begins later", async () => {
    await append(source, RAW, 0, many(10));
    await withAdmin(source.kafka, "test", async (admin) => {
      // kafkajs needs to know the topic first.
      await admin.fetchTopicOffsets(RAW);
      await admin.deleteTopicRecords({ topic: RAW, partitions: [{ partition: 0, offset: "4" }] });
    });
    expect((await copy()).partitions[0]).toMatchObject({
      sourceLow: 4n,
      sourceEnd: 10n,
      targetLow: 0n,
      targetEnd: 6n,
      records: 6,
    });
    await append(source, RAW, 0, many(3));
    expect((await copy()).partitions[0]).toMatchObject({ records: 9, copiedNow: 3 });
  });

  test("goes on behind gaps, which the target does not have", async () => {
    for (let batch = 0; batch < 3; batch++) {
      await append(source, RAW, 0, [{ value: summary(batch) }, { value: null }]);
    }
    // A batch that consumers never see, as a transaction's marker.
    await whileSourceStopped(() =>
      replaceBatch(
        source.folder,
        RAW,
        0,
        2,
        makeBatch([{ key: "k", value: null }, { key: "l", value: null }], {
          attributes: CONTROL_BIT,
        }),
      )
    );
    expect((await copy()).partitions[0]).toMatchObject({
      sourceEnd: 6n,
      targetEnd: 4n,
      records: 4,
    });
    await append(source, RAW, 0, [{ value: summary(9) }]);
    expect((await copy()).partitions[0]).toMatchObject({ records: 5, copiedNow: 1 });
  });

  test("takes what the source got meanwhile", async () => {
    await append(source, RAW, 0, many(5));
    await copy();
    await append(source, RAW, 0, [{ value: null, timestamp: new Date(7) }]);
    expect((await copy()).partitions[0]).toMatchObject({ records: 6, copiedNow: 1 });
    expect(await recordsOf(target, RAW)).toEqual(await recordsOf(source, RAW));
  });
});

describe("batches that can't be read", () => {
  beforeEach(async () => {
    for (let batch = 0; batch < 3; batch++) {
      await append(source, RAW, 0, [{ value: summary(batch) }, { value: null }]);
    }
    await whileSourceStopped(() => void flipBit(source.folder, RAW, 0, 2));
  });

  test("end the copy, with their offsets and what to do", async () => {
    const error = await copy().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error.message).toMatch(
      /trajectory_summary_raw-0: offsets 2 to 3 of the source can't be read: .*damaged/,
    );
    expect(error.hint).toMatch(/log verify.*log repair.*--skip-unreadable/);
  });

  test("are left out when asked, and the copy goes on behind them", async () => {
    const copied = await copy({ isUnreadableSkipped: true });
    expect(copied.skipped).toMatchObject([{ topic: RAW, partition: 0, first: 2n, last: 3n }]);
    expect(copied.partitions[0]).toMatchObject({ sourceEnd: 6n, targetEnd: 4n, records: 4 });
    await append(source, RAW, 0, [{ value: summary(9) }]);
    const again = await copy({ isUnreadableSkipped: true });
    expect(again.partitions[0]).toMatchObject({ records: 5, copiedNow: 1 });
  });
});

describe("a target that is refused", () => {
  const refused = async (says: RegExp) => {
    const error = await copy().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error.message).toMatch(says);
    expect(error.hint).toBeTruthy();
  };
  beforeEach(() => append(source, RAW, 0, [{ value: summary(1) }, { value: summary(2) }]));

  test("with other partitions", async () => {
    await ensureTopics(target.kafka, [{ ...TRAJECTORY_SUMMARY_RAW, partitions: 4 }], unobserved);
    await refused(
      /topic trajectory_summary_raw has 4 partition\(s\) in the target, and 3 in the source/,
    );
  });

  test("with settings that delete records", async () => {
    const configs = { moreConfigs: { "retention.ms": "1000" } };
    await ensureTopics(target.kafka, [{ ...TRAJECTORY_SUMMARY_RAW, ...configs }], unobserved);
    await refused(/retention\.ms=1000 in the target, not -1/);
  });

  test("with other records", async () => {
    await ensureTopics(target.kafka, [TRAJECTORY_SUMMARY_RAW], unobserved);
    await append(target, RAW, 0, [{ value: Buffer.from("of another log") }]);
    await refused(/trajectory_summary_raw-0 of the target is not a beginning .*another value/);
  });

  test("with records at another time", async () => {
    await ensureTopics(target.kafka, [TRAJECTORY_SUMMARY_RAW], unobserved);
    await append(target, RAW, 0, [{ value: summary(1), timestamp: new Date(0) }]);
    await refused(/the time 1970-01-01T00:00:00.000Z instead of 2023-/);
  });

  test("with more records", async () => {
    await copy();
    await append(target, RAW, 0, [{ value: summary(3) }]);
    await refused(/it has 3 record\(s\), and the source only 2/);
  });

  test("that looks like a beginning, but has another record before", async () => {
    await ensureTopics(target.kafka, [TRAJECTORY_SUMMARY_RAW], unobserved);
    await append(target, RAW, 0, [{ value: summary(7) }, { value: summary(2) }]);
    await refused(/the record at offset 0 of the target has another value/);
  });

  test("with the source's own log", async () => {
    await created(source, "log-1");
    target = { ...source, folder: target.folder, broker: target.broker };
    await refused(/source and target are the same log, log-1/);
  });

  test("of another data store", async () => {
    await created(source, "log-1");
    await created(target, "log-2", "store-2");
    await refused(/the target is log log-2, which belongs to data store store-2/);
  });

  test("without a log of the service in the source", async () => {
    const empty = target;
    await expect(copy({ source: empty, target: source })).rejects.toThrow(
      /none of the service's topics/,
    );
  });
});

/** Gives a log an identity, and an owner. */
async function created(
  { kafka, registry }: LogSide,
  logId: string,
  dataStoreId?: string,
  hasTimedIds = true,
) {
  await ensureTopics(kafka, ALL_TOPICS, unobserved);
  const publisher = await createKafkaPublisher(kafka, await registry.register(ALL_TOPICS));
  const at = new Date();
  await appendLogIdentityEvent(publisher, { logId, at, type: "created", hasTimedIds });
  if (dataStoreId !== undefined) {
    await appendLogIdentityEvent(publisher, {
      logId,
      at,
      type: "bound",
      dataStoreId,
      decision: "first",
    });
  }
  await publisher.close();
}

test("the copy is another log, which says where it comes from; once", async () => {
  await created(source, "log-1", "store-1", false);
  await append(source, RAW, 1, [{ value: summary(1) }, { value: summary(2) }]);
  const { fromLogId, logId } = await copy();
  expect(fromLogId).toBe("log-1");
  const identity = await readLogIdentity(target.kafka, target.registry);
  expect(identity).toMatchObject({
    logId,
    bound: null,
    copies: [{ fromLogId: "log-1" }],
    // It has the dead letters of the source.
    hasTimedIds: false,
  });
  expect(identity?.copies[0]?.ends).toContainEqual({
    topic: RAW,
    partition: 1,
    sourceLow: 0n,
    sourceEnd: 2n,
    targetLow: 0n,
    targetEnd: 2n,
  });
  expect((await copy()).logId).toBe(logId);
  expect((await readLogIdentity(target.kafka, target.registry))?.copies).toHaveLength(1);
  await append(source, RAW, 1, [{ value: null }]);
  await copy();
  expect((await readLogIdentity(target.kafka, target.registry))?.copies).toHaveLength(2);
});
