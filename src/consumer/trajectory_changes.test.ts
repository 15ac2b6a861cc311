/** Which records are decoded, and which are recognised as repeats. */
import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { createDeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import type { RecordMark } from "../store/repeats.ts";
import { isRepeat, isUpsert, upsertId } from "../store/trajectory_batch.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "../trajectory/schema.ts";
import { summaryOf } from "../../tests/support/trajectories.ts";
import { createTrajectoryChanges } from "./trajectory_changes.ts";
import { valueDigest } from "../store/value_digest.ts";

const registry = {
  writerSchema: (id: number) =>
    id === 1
      ? Promise.resolve(TRAJECTORY_SCHEMA_TEXT)
      : Promise.reject(new Error(`no schema ${id}`)),
} as SchemaRegistry;

const valueOf = (id: string, qc_deg: number, schemaId = 1): Buffer =>
  Buffer.from(encodeTrajectory(summaryOf(id, { qc_deg }), schemaId));

function batchOf(...records: [key: string | null, value: Buffer | null][]): RecordBatch {
  return {
    topic: "trajectory_summary_raw",
    partition: 0,
    firstOffset: 0n,
    nextOffset: BigInt(records.length),
    records: records.map(([key, value], at): ConsumedRecord => ({
      offset: BigInt(at),
      timestamp: new Date(0),
      key: key === null ? null : Buffer.from(key),
      value,
      headers: {},
      size_bytes: 100,
    })),
  };
}

/** The changes of a batch when the data store has `stored` (values by key): "=" a repeat, "-" a tombstone, else the value. */
async function changesOf(batch: RecordBatch, stored: Record<string, Buffer>) {
  const marked: RecordMark[] = [];
  const ids = createDeadLetterIds(() => true);
  const { changes, givenUp } = await createTrajectoryChanges(registry, ids)(batch, (marks) => {
    marked.push(...marks);
    const same = marks.flatMap(({ id, digest }, at) =>
      stored[id] !== undefined && valueDigest(stored[id]) === digest ? [at] : []
    );
    return Promise.resolve({ same, newer: [] });
  });
  const shown = changes.map(({ change, record }) => {
    expect(change.lineage.offset).toBe(record.offset);
    if (isRepeat(change)) return `${change.id}=`;
    return isUpsert(change) ? `${upsertId(change)} ${change.summary.qc_deg}` : `${change.id}-`;
  });
  return { shown, marked, deadLetters: givenUp.map(({ deadLetter }) => deadLetter) };
}

test("a record that the data store has is recognised; the others are decoded, in log order", async () => {
  const batch = batchOf(["a", valueOf("a", 1)], ["b", valueOf("b", 2)], ["c", valueOf("c", 3)]);
  const { shown } = await changesOf(batch, { b: valueOf("b", 2), c: valueOf("c", 9) });
  expect(shown).toEqual(["a 1", "b=", "c 3"]);
});

test("a stamp a day ahead of the record's own time is ignored; the epoch is read", async () => {
  const at = new Date("2026-11-30T00:00:00Z");
  const later = (hours: number) => new Date(at.getTime() + hours * 3600_000).toISOString();
  const batch = batchOf(["a", valueOf("a", 1)]);
  const lineageOf = async (hours: number, timestamp: Date, epoch?: string) => {
    const headers = {
      "gmn-source-generated-at": Buffer.from(later(hours)),
      ...(epoch === undefined ? {} : { "gmn-run-epoch": Buffer.from(epoch) }),
    };
    const records = batch.records.map((record) => ({ ...record, timestamp, headers }));
    const changesOf = createTrajectoryChanges(registry, createDeadLetterIds(() => true));
    const none = () => Promise.resolve({ same: [], newer: [] });
    const { changes } = await changesOf({ ...batch, records }, none);
    const { sourceGeneratedAt, epoch: found } = changes[0]!.change.lineage;
    return [sourceGeneratedAt?.toISOString(), found];
  };
  expect(await lineageOf(24, at, "7")).toEqual([later(24), 7]);
  expect(await lineageOf(25, at, "no epoch")).toEqual([undefined, undefined]);
  // The same stamp in a record that comes later, and in one whose producer sends no time.
  expect(await lineageOf(25, new Date(later(1)))).toEqual([later(25), undefined]);
  expect(await lineageOf(25, new Date(-1))).toEqual([later(25), undefined]);
});

test("a record is decoded when the batch has another one of its trajectory: the last one wins", async () => {
  const stored = { a: valueOf("a", 1), b: valueOf("b", 1), c: valueOf("c", 1) };
  const batch = batchOf(
    ["a", valueOf("a", 2)],
    ["a", valueOf("a", 1)],
    [null, valueOf("b", 2)],
    ["b", valueOf("b", 1)],
    ["c", null],
    ["c", valueOf("c", 1)],
  );
  expect((await changesOf(batch, stored)).shown).toEqual(["a 2", "a 1", "b 2", "b 1", "c-", "c 1"]);
});

test("the same record is recognised twice when it is there twice", async () => {
  const value = valueOf("a", 1);
  expect((await changesOf(batchOf(["a", value], ["a", value]), { a: value })).shown).toEqual([
    "a=",
    "a=",
  ]);
});

test("a record without a key, with a key that no row can have, or without a value is not looked up", async () => {
  const batch = batchOf([null, valueOf("a", 1)], ["b\0", valueOf("b", 1)], ["c", null]);
  expect((await changesOf(batch, {})).marked).toEqual([]);
});

test("the digest covers every byte: another schema id is another value", () => {
  const value = valueOf("a", 1);
  for (let at = 0; at < value.length; at++) {
    const other = Buffer.from(value);
    other[at]! ^= 1;
    expect(valueDigest(other)).not.toBe(valueDigest(value));
  }
});

test("a record that can't be decoded gets its own dead letter, with the schema id if it has one", async () => {
  const cut = valueOf("d", 1).subarray(0, 40);
  const batch = batchOf(
    ["a", Buffer.from("text")],
    ["b", valueOf("b", 1)],
    ["c", valueOf("c", 1, 7)],
    ["d", cut],
  );
  const { shown, deadLetters } = await changesOf(batch, {});
  expect(shown).toEqual(["b 1"]);
  expect(deadLetters.map(({ offset, schema_id, reason }) => [offset, schema_id, reason])).toEqual([
    [0, null, expect.stringContaining("wire format")],
    [2, 7, expect.stringContaining("schema 7: no schema 7")],
    [3, 1, expect.stringContaining("ends inside")],
  ]);
});
