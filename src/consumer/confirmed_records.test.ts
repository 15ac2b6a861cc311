/** What the sink makes of confirm records: their ids, and a dead letter when the ids can't be read. */
import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { createDeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { HEADERS } from "../events/topics.ts";
import { confirmedBy, isUpsert } from "../store/trajectory_batch.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "../trajectory/schema.ts";
import { encodeTrajectoryIds } from "../wire_format/trajectory_ids.ts";
import { summaryOf } from "../../tests/support/trajectories.ts";
import { splitByConfirmed } from "./confirmed_ranges.ts";
import { createTrajectoryChanges } from "./trajectory_changes.ts";

const registry = {
  writerSchema: () => Promise.resolve(TRAJECTORY_SCHEMA_TEXT),
} as unknown as SchemaRegistry;

type Given = { value?: Buffer | null; headers?: Record<string, Buffer> };
const value = (id: string) => Buffer.from(encodeTrajectory(summaryOf(id), 1));
const batchOf = (...given: Given[]): RecordBatch => ({
  topic: "trajectory_summary_raw",
  partition: 0,
  firstOffset: 10n,
  nextOffset: BigInt(10 + given.length),
  records: given.map(({ value: bytes = value("a"), headers = {} }, at): ConsumedRecord => ({
    offset: BigInt(10 + at),
    timestamp: new Date(0),
    key: Buffer.from("a"),
    value: bytes,
    headers,
    size_bytes: 100,
  })),
});
const unchanged = (...ids: string[]) => ({ [HEADERS.unchanged]: encodeTrajectoryIds(ids) });
const changesOf = (batch: RecordBatch, same: number[] = []) =>
  createTrajectoryChanges(registry, createDeadLetterIds(() => true))(
    batch,
    () => Promise.resolve({ same, newer: [] }),
  );

test("a confirm record's change has its ids, recognised or decoded", async () => {
  const batch = batchOf({ headers: unchanged("a", "b") });
  for (const same of [[], [0]]) {
    const { changes } = await changesOf(batch, same);
    expect(changes.map(({ change }) => [isUpsert(change), confirmedBy(change)])).toEqual([
      [same.length === 0, ["a", "b"]],
    ]);
  }
});

test("the digest of the line is read from its header; one of another length is none", async () => {
  const digest = Buffer.alloc(8);
  digest.writeBigInt64BE(-5n);
  const { changes } = await changesOf(
    batchOf({ headers: { [HEADERS.sourceDigest]: digest } }, {
      headers: { [HEADERS.sourceDigest]: digest.subarray(1) },
    }),
  );
  expect(changes.map(({ change }) => isUpsert(change) && change.lineDigest)).toEqual([
    -5n,
    undefined,
  ]);
});

test("a record whose ids can't be read is a dead letter, and so is a tombstone that stands for others", async () => {
  const broken = { [HEADERS.unchanged]: Buffer.of(1, 2, 3) };
  const { changes, givenUp } = await changesOf(
    batchOf({ headers: broken }, { value: null, headers: unchanged("a", "b") }, {}),
    [0],
  );
  expect(changes).toHaveLength(1);
  expect(givenUp.map(({ deadLetter: { offset, reason } }) => [offset, reason])).toEqual([
    [10, expect.stringContaining("gmn-unchanged: not a list of trajectory ids")],
    [11, expect.stringContaining("a tombstone can't stand for unchanged trajectories")],
  ]);
});

test("a batch is cut before its records stand for too many trajectories", () => {
  const batch = batchOf(
    {},
    { headers: unchanged("a", "b") },
    { headers: unchanged("c") },
    {},
    { headers: unchanged("d", "e", "f", "g") },
    { headers: unchanged("h") },
  );
  const parts = [...splitByConfirmed(batch, 3)];
  expect(
    parts.map(({ firstOffset, nextOffset, records }) => [firstOffset, nextOffset, records.length]),
  )
    .toEqual([[10n, 14n, 4], [14n, 15n, 1], [15n, 16n, 1]]);
  expect([...splitByConfirmed(batchOf({}, {}))]).toHaveLength(1);
});
