import { Buffer } from "node:buffer";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type ConsumedRecord, PositionLostError, type RecordBatch } from "./consumed_record.ts";
import { Lane, type LaneLimits } from "./lane.ts";

const LIMITS: LaneLimits = { maxRecords: 3, maxBytes: 1_000, queueBytes: 200 };

function record(offset: number, bytes = 10): ConsumedRecord {
  return {
    offset: BigInt(offset),
    timestamp: new Date(0),
    key: null,
    value: Buffer.alloc(bytes),
    headers: {},
    size_bytes: bytes,
  };
}

function fetched(from: number, to: number, bytes = 10, end = to) {
  const records = Array.from({ length: to - from }, (_, i) => record(from + i, bytes));
  return { fetchedFrom: BigInt(from), records, nextOffset: BigInt(to), end: BigInt(end) };
}

/** A lane whose batches wait until the test stores or refuses them. */
function openLane(position = 0, limits = LIMITS) {
  const batches: { batch: RecordBatch; store: () => void; refuse: (error: unknown) => void }[] = [];
  let failed: (error: unknown) => void = () => {};
  const failure = new Promise<unknown>((resolve) => failed = resolve);
  const seen = { paused: 0, resumed: 0, stored: [] as bigint[], failures: [] as unknown[] };
  let arrived: () => void = () => {};
  const lane = new Lane({
    topic: "t",
    partition: 0,
    position: BigInt(position),
    end: BigInt(position),
    limits,
    process: (batch, signal) =>
      new Promise<void>((store, refuse) => {
        batches.push({ batch, store, refuse });
        signal.addEventListener("abort", () => refuse(signal.reason), { once: true });
        arrived();
      }),
    onStored: (next) => seen.stored.push(next),
    pause: () => seen.paused++,
    resume: () => seen.resumed++,
    onFailure: (error) => {
      seen.failures.push(error);
      failed(error);
    },
  });
  /** The `n`th batch handed to `process`. */
  const batchNumber = async (n: number) => {
    while (batches.length <= n) await new Promise<void>((resolve) => arrived = resolve);
    return batches[n]!;
  };
  return { lane, seen, batchNumber, failure };
}

describe("a lane", () => {
  test("processes records in batches of at most maxRecords, each beginning where the last one ended", async () => {
    const { lane, seen, batchNumber } = openLane();
    lane.receive(fetched(0, 5));
    const first = await batchNumber(0);
    expect([first.batch.firstOffset, first.batch.nextOffset, first.batch.records.length]).toEqual([
      0n,
      3n,
      3,
    ]);
    first.store();
    const second = await batchNumber(1);
    expect([second.batch.firstOffset, second.batch.nextOffset, second.batch.records.length])
      .toEqual([3n, 5n, 2]);
    second.store();
    await lane.stop();
    expect(seen.stored).toEqual([3n, 5n]);
    expect(lane.lag()).toEqual({ topic: "t", partition: 0, position: 5n, end: 5n });
  });

  test("collects the fetches that arrive while a batch is being stored into the next batch", async () => {
    const { lane, batchNumber } = openLane();
    lane.receive(fetched(0, 1));
    const first = await batchNumber(0);
    lane.receive(fetched(1, 2));
    lane.receive(fetched(2, 3));
    first.store();
    const second = await batchNumber(1);
    expect(second.batch.records.map((one) => one.offset)).toEqual([1n, 2n]);
    await lane.stop();
  });

  test("takes no record twice when a fetch overlaps the records it already has", async () => {
    const { lane, batchNumber } = openLane(2);
    lane.receive(fetched(0, 4));
    const first = await batchNumber(0);
    expect(first.batch.records.map((one) => one.offset)).toEqual([2n, 3n]);
    await lane.stop();
  });

  test("moves past filtered records at the end of a fetch", async () => {
    const { lane, batchNumber } = openLane();
    lane.receive({ fetchedFrom: 0n, records: [record(0)], nextOffset: 4n, end: 4n });
    const first = await batchNumber(0);
    expect(first.batch.nextOffset).toBe(4n);
    await lane.stop();
  });

  test("pauses its partition when the queue is full and resumes it at half", async () => {
    const { lane, seen, batchNumber } = openLane();
    lane.receive(fetched(0, 5, 50));
    expect([seen.paused, seen.resumed]).toEqual([1, 0]);
    const first = await batchNumber(0);
    first.store();
    await batchNumber(1);
    expect([seen.paused, seen.resumed]).toEqual([1, 1]);
    await lane.stop();
  });

  test("is resumed only when it is neither held nor full", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { lane, seen, batchNumber } = openLane();
    lane.hold(100);
    expect([seen.paused, seen.resumed]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(100);
    expect([seen.paused, seen.resumed]).toEqual([1, 1]);

    lane.receive(fetched(0, 5, 50));
    lane.hold(100);
    // The queue is full, so the end of the hold does not resume fetching.
    await vi.advanceTimersByTimeAsync(100);
    expect([seen.paused, seen.resumed]).toEqual([2, 1]);
    (await batchNumber(0)).store();
    await batchNumber(1);
    expect([seen.paused, seen.resumed]).toEqual([2, 2]);

    lane.hold(100);
    await lane.stop();
    lane.hold(100);
    await vi.advanceTimersByTimeAsync(100);
    expect([seen.paused, seen.resumed]).toEqual([3, 2]);
  });

  test("stops at the beginning of an unreadable batch, not at its end, before it processes that batch", async () => {
    const { lane, batchNumber } = openLane();
    const unreadable = {
      ...record(9),
      unreadable: {
        firstOffset: 3n,
        lastOffset: 9n,
        reason: "",
        bytes: Buffer.alloc(0),
        writtenAt: null,
        damage: null,
      },
    };
    const records = [record(0), record(1), record(2), unreadable];
    lane.receive({ fetchedFrom: 0n, records, nextOffset: 10n, end: 10n });
    const first = await batchNumber(0);
    expect(first.batch.nextOffset).toBe(3n);
    first.store();
    const second = await batchNumber(1);
    expect([second.batch.firstOffset, second.batch.nextOffset]).toEqual([3n, 10n]);
    await lane.stop();
  });

  test("makes a record that is larger than a batch may be a batch of its own", async () => {
    const { lane, batchNumber } = openLane(0, { ...LIMITS, maxBytes: 100 });
    lane.receive(fetched(0, 2, 500));
    const first = await batchNumber(0);
    expect(first.batch.records.length).toBe(1);
    await lane.stop();
  });

  test("reports a failure once and ignores later fetches", async () => {
    const { lane, seen, batchNumber, failure } = openLane();
    lane.receive(fetched(0, 1));
    const first = await batchNumber(0);
    first.refuse(new Error("no"));
    await failure;
    await lane.stop();
    lane.receive(fetched(1, 2));
    expect(seen.failures.map(String)).toEqual(["Error: no"]);
    expect(seen.stored).toEqual([]);
  });

  test("does not report a stop as a failure", async () => {
    const { lane, seen, batchNumber } = openLane();
    lane.receive(fetched(0, 1));
    await batchNumber(0);
    await lane.stop();
    expect(seen.failures).toEqual([]);
  });

  test.each([
    ["a fetch that starts beyond the lane (kafkajs jumped to another offset)", fetched(7, 9)],
    ["a log that ends before the lane (the log was recreated)", fetched(0, 2)],
  ])("fails with PositionLostError on %s", async (_, fetch) => {
    const { lane, seen } = openLane(5);
    lane.receive(fetch);
    await lane.stop();
    expect(seen.failures[0]).toBeInstanceOf(PositionLostError);
  });
});
