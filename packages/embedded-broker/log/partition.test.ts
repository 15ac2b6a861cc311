import { ErrorCode } from "@gmn/kafka-formats";
import fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type BatchOptions,
  encodeRecords,
  makeBatch,
  type TestRecord,
  wrapBatch,
} from "@gmn/kafka-formats/testing";
import { Commits } from "../storage/commits.ts";
import { closeDatabase, openDatabase } from "../storage/database.ts";
import { checkProducedBatch, readStoredBatch } from "./produced_batch.ts";
import type { Partition } from "./partition.ts";
import { Sweeper } from "./sweeper.ts";
import { Topics } from "./topics.ts";

let directory: string;
let db: DatabaseSync;
let commits: Commits;
let topics: Topics;

function open(): void {
  db = openDatabase(directory);
  commits = new Commits(db, () => {});
  topics = new Topics(db, commits);
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-partition-"));
  open();
  await topics.create("t", 1, new Map());
});

afterEach(async () => {
  closeDatabase(db, directory);
  await rm(directory, { recursive: true });
});

const partition = (): Partition => topics.partition("t", 0);
const code = (errorCode: ErrorCode) => expect.objectContaining({ code: errorCode });
const values = (count: number, timestamp_ms = 0): TestRecord[] =>
  Array.from({ length: count }, (_, i) => ({ value: `${i}`, timestamp_ms }));

function append(bytes: Uint8Array): Promise<number> {
  const batch = checkProducedBatch(bytes, 1_000_000);
  return commits.write((transaction) => partition().append(batch, transaction, Date.now()));
}

function appendRecords(records: TestRecord[], options?: BatchOptions): Promise<number> {
  return append(makeBatch(records, options));
}

/** Base offsets of the batches that a read returns. */
function readOffsets(offset: number, max_bytes = 1_000_000, atLeastOne = true): number[] {
  return partition().read(offset, max_bytes, atLeastOne)
    .map((bytes) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0)));
}

describe("the log", () => {
  test("assigns consecutive offsets and returns whole batches", async () => {
    expect(await appendRecords(values(3))).toBe(0);
    expect(await appendRecords(values(2))).toBe(3);
    expect(await appendRecords(values(1))).toBe(5);
    expect(partition().highWatermark).toBe(6);
    expect(readOffsets(0)).toEqual([0, 3, 5]);
    expect(readOffsets(4)).toEqual([3, 5]);
    expect(readOffsets(6)).toEqual([]);
    expect(() => readOffsets(7)).toThrow(code(ErrorCode.OFFSET_OUT_OF_RANGE));
    expect(() => readOffsets(-1)).toThrow(code(ErrorCode.OFFSET_OUT_OF_RANGE));
  });

  test("respects the limit, but returns at least one batch", async () => {
    const size = makeBatch(values(3)).length;
    for (let i = 0; i < 4; i++) await appendRecords(values(3));
    expect(readOffsets(0, 2 * size)).toEqual([0, 3]);
    expect(readOffsets(0, 3 * size - 1)).toEqual([0, 3]);
    expect(readOffsets(0, 1)).toEqual([0]);
    expect(readOffsets(0, 1, false)).toEqual([]);
    expect(readOffsets(0, 0, true)).toEqual([0]);
  });

  test("is unchanged after it was reopened", async () => {
    await appendRecords(values(3, 500));
    await topics.deleteRecords(partition(), 1);
    closeDatabase(db, directory);
    open();
    expect(partition()).toMatchObject({ startOffset: 1, highWatermark: 3 });
    expect(await appendRecords(values(1))).toBe(3);
    expect(partition().offsetForTimestamp(400)).toEqual({ offset: 1, timestamp_ms: 500 });
  });

  test("forgets a batch whose transaction failed, and its producer's sequence", async () => {
    const idempotent = { producerId: 1, producerEpoch: 0 };
    await appendRecords(values(2), { ...idempotent, baseSequence: 0 });
    const next = makeBatch(values(1), { ...idempotent, baseSequence: 2 });
    const failing = append(next.slice());
    await Promise.allSettled([failing, commits.write(() => db.exec("this is not SQL"))]);
    await expect(failing).rejects.toThrow(code(ErrorCode.KAFKA_STORAGE_ERROR));
    expect(partition().highWatermark).toBe(2);
    expect(await append(next)).toBe(2);
  });

  test("refuses batches for a topic that was deleted in the meantime", async () => {
    const held = partition();
    const batch = checkProducedBatch(makeBatch(values(1)), 1000);
    const deleting = topics.delete("t");
    const late = commits.write((transaction) => held.append(batch, transaction, 0));
    await deleting;
    await expect(late).rejects.toThrow(code(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION));
  });
});

describe("an idempotent producer", () => {
  const from = (baseSequence: number, count = 2, producerEpoch = 0) =>
    appendRecords(values(count), { producerId: 9, producerEpoch, baseSequence });

  test("gets the original offset when it resends a batch, also after a restart", async () => {
    for (let i = 0; i < 5; i++) await from(2 * i);
    expect(await from(0)).toBe(0);
    expect(await from(8)).toBe(8);
    closeDatabase(db, directory);
    open();
    expect(await from(6)).toBe(6);
    expect(partition().highWatermark).toBe(10);
    expect(await from(10)).toBe(10);
  });

  test("is refused when its sequence has a gap or is too old", async () => {
    for (let i = 0; i < 6; i++) await from(2 * i);
    await expect(from(14)).rejects.toThrow(code(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER));
    await expect(from(0)).rejects.toThrow(code(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER));
    await expect(from(10, 1)).rejects.toThrow(code(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER));
  });

  test("starts at 0 with a new epoch, and its old epoch is fenced", async () => {
    await from(0);
    await expect(from(5, 2, 1)).rejects.toThrow(code(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER));
    expect(await from(0, 2, 1)).toBe(2);
    await expect(from(2, 2, 0)).rejects.toThrow(code(ErrorCode.INVALID_PRODUCER_EPOCH));
  });

  test("continues when the sequence numbers wrap around", async () => {
    const last = 2 ** 31 - 1;
    await from(last - 1, 3); // last-1, last, 0
    expect(await from(1)).toBe(3);
  });
});

test("the least recently seen producer is forgotten when there are too many", async () => {
  const producers = 2001;
  await Promise.all(
    Array.from(
      { length: producers },
      (_, producerId) =>
        appendRecords(values(1), { producerId, producerEpoch: 0, baseSequence: 0 }),
    ),
  );
  const known = db.prepare("SELECT count(*) AS n, min(producer_id) AS first FROM producer").get();
  expect(known).toMatchObject({ n: producers - 1, first: 1 });
  // Forgotten means that its next batch counts as its first.
  await appendRecords(values(1), { producerId: 0, producerEpoch: 0, baseSequence: 7 });
});

describe("a search by time", () => {
  test("finds what a scan of all records finds, for any times, batches, codecs and start", async () => {
    const batchArbitrary = fc.record({
      codec: fc.constantFrom(0, 1, 4),
      times: fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(batchArbitrary, { minLength: 1, maxLength: 8 }),
        fc.nat(10),
        async (batches, start) => {
          const name = `t${crypto.randomUUID()}`;
          const topic = await topics.create(name, 1, new Map());
          const [own] = topic.partitions;
          for (const { codec, times } of batches) {
            const records = times.map((timestamp_ms) => ({ value: "x", timestamp_ms }));
            const plain = encodeRecords(records);
            const payload = codec === 0
              ? plain
              : codec === 1
              ? gzipSync(plain)
              : zstdCompressSync(plain);
            const bytes = wrapBatch(payload, records, { attributes: codec });
            const batch = checkProducedBatch(bytes, 10_000);
            await commits.write((transaction) => own.append(batch, transaction, 0));
          }
          const all = batches.flatMap(({ times }) => times);
          await topics.deleteRecords(own, Math.min(start, all.length));
          for (let time = 0; time <= 51; time += 3) {
            const expected = all.findIndex((t, i) => i >= own.startOffset && t >= time);
            expect(own.offsetForTimestamp(time)).toEqual(
              expected === -1 ? null : { offset: expected, timestamp_ms: all[expected] },
            );
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("returns the batch's first offset when the batch can't be decompressed", async () => {
    await appendRecords(values(2, 100));
    const records = values(3, 200);
    await append(wrapBatch(new Uint8Array([1, 2, 3]), records, { attributes: 2 }));
    expect(partition().offsetForTimestamp(150)).toEqual({ offset: 2, timestamp_ms: 200 });
  });
});

describe("deleting", () => {
  const rows = () => db.prepare("SELECT count(*) AS n FROM batch").get()?.n;

  test("records makes them unreadable at once, and frees their batches in the background", async () => {
    for (let i = 0; i < 5; i++) await appendRecords(values(2));
    expect(await topics.deleteRecords(partition(), 5)).toBe(5);
    expect(() => readOffsets(4)).toThrow(code(ErrorCode.OFFSET_OUT_OF_RANGE));
    const sweeper = new Sweeper(db, commits);
    sweeper.wake();
    await commits.drained();
    await expect.poll(rows).toBe(3); // offset 5 is inside the batch that begins at 4
    expect(readOffsets(5)).toEqual([4, 6, 8]);
    await expect(topics.deleteRecords(partition(), 11)).rejects
      .toThrow(code(ErrorCode.OFFSET_OUT_OF_RANGE));
    sweeper.stop();
  });

  test("a topic removes many batches in small steps, and continues after a restart", async () => {
    for (let i = 0; i < 30; i++) await appendRecords([{ value: "x".repeat(900_000) }]);
    await topics.delete("t");
    expect(topics.find("t")).toBeUndefined();
    closeDatabase(db, directory);
    open();
    const before = commits.counts.transactions;
    const sweeper = new Sweeper(db, commits);
    sweeper.wake();
    await expect.poll(rows, { timeout: 5000 }).toBe(0);
    // 27 MB in steps of 8 MiB plus the batch that exceeds it: ten batches each.
    expect(commits.counts.transactions - before).toBeGreaterThanOrEqual(3);
    sweeper.stop();
    await commits.drained();
  });
});

test("a read returns the appended bytes, with the offset and epoch set", async () => {
  const sent = makeBatch(values(2));
  const expected = sent.slice();
  new DataView(expected.buffer).setInt32(12, 0);
  await append(sent);
  expect(partition().read(0, 1000, true)[0]).toEqual(expected);
  expect(readStoredBatch(expected).recordCount).toBe(2);
});
