import { describe, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import { cutBatch, OffsetGate } from "./offset_gate.ts";

const record = (offset: number): ConsumedRecord => ({
  offset: BigInt(offset),
  timestamp: new Date(0),
  key: null,
  value: null,
  headers: {},
  size_bytes: 1,
});
const batch = (first: number, next: number): RecordBatch => ({
  topic: "t",
  partition: 0,
  firstOffset: BigInt(first),
  nextOffset: BigInt(next),
  records: Array.from({ length: next - first }, (_, n) => record(first + n)),
});
const range = ({ firstOffset, nextOffset, records }: RecordBatch) =>
  `${firstOffset}-${nextOffset}: ${records.map(({ offset }) => offset).join(" ")}`;

/** A sink that remembers what it was given, and fails when told to. */
function recorder() {
  const stored: string[] = [];
  const failures: Error[] = [];
  return {
    stored,
    failures,
    sink: {
      topic: "t",
      store(given: RecordBatch): Promise<void> {
        const failure = failures.shift();
        if (failure !== undefined) return Promise.reject(failure);
        stored.push(range(given));
        return Promise.resolve();
      },
    },
  };
}

describe("a batch is cut", () => {
  test.each([
    [2, null, "3-6: 3 4 5"],
    [3, null, "3-6: 3 4 5"],
    [5, "3-5: 3 4", "5-6: 5"],
    [6, "3-6: 3 4 5", null],
    [9, "3-6: 3 4 5", null],
  ])("at %d", (limit, before, after) => {
    const parts = cutBatch(batch(3, 6), BigInt(limit));
    expect(parts.map((part) => part === null ? null : range(part))).toEqual([before, after]);
  });
});

describe("the gate", () => {
  test("lets records through up to the limit, and the rest when it is raised", async () => {
    const gate = new OffsetGate();
    const { stored, sink } = recorder();
    gate.raise("t", 0, 2n);
    const storing = gate.before(sink).store(batch(0, 4));
    await Promise.resolve();
    expect(stored).toEqual(["0-2: 0 1"]);
    gate.raise("t", 0, 1n);
    gate.raise("another", 0, 9n);
    gate.raise("t", 0, 4n);
    await storing;
    expect(stored).toEqual(["0-2: 0 1", "2-4: 2 3"]);
  });

  test("goes on after a transient failure where it was", async () => {
    const gate = new OffsetGate();
    const { stored, failures, sink } = recorder();
    gate.raise("t", 0, 2n);
    const storing = gate.before(sink).store(batch(0, 4));
    await Promise.resolve();
    failures.push(new TransientError("away"));
    gate.raise("t", 0, 9n);
    await expect(storing).rejects.toThrow("away");
    await gate.before(sink).store(batch(0, 4));
    expect(stored).toEqual(["0-2: 0 1", "2-4: 2 3"]);
  });

  test("ends all waiting when it is closed", async () => {
    const gate = new OffsetGate();
    const storing = gate.before(recorder().sink).store(batch(0, 4));
    gate.close();
    await expect(storing).rejects.toThrow("the rebuild is over");
  });
});
