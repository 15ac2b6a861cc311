/** Tests that run events survive a round trip through Avro with the checked-in schema. */
import { readFileSync } from "node:fs";
import avro from "avsc";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "./run_event.ts";
import { fromRecord, type RunEventRecord, toRecord } from "./run_event_record.ts";

const SCHEMA = JSON.parse(
  readFileSync(new URL("../../schemas/ingestion_run_event.avsc", import.meta.url), "utf8"),
);
const type = avro.Type.forSchema(SCHEMA);

const of = { runId: "01890a5d-ac96-774b-bcce-b302099a8057", at: new Date(1_795_900_000_123) };
const identity = {
  size_bytes: 3_000_000_000,
  etag: '"x"',
  lastModified: "Mon, 23 Nov 2026 00:10:00 GMT",
  listed: "23-Nov-2026 00:10 3000000000",
};
const rows = { read: 3_200_000, published: 199_999, unchanged: 3_000_000, rejected: 1 };
const generatedAt = new Date("2026-11-22T23:59:59.999Z");

const EVENTS: RunEvent[] = [
  {
    type: "requested",
    ...of,
    kind: "backfill",
    selection: { from: "2024-08-01", to: "2024-08-31" },
    requestedBy: "http",
    idempotencyKey: null,
  },
  {
    type: "requested",
    ...of,
    kind: "daily",
    selection: { days: 10 },
    requestedBy: "schedule",
    idempotencyKey: "k",
  },
  { type: "started", ...of, owner: "host:1" },
  { type: "planned", ...of, files: ["daily/a.txt", "b.txt"] },
  { type: "planned", ...of, files: [] },
  { type: "file_started", ...of, file: "b.txt", identity },
  {
    type: "file_started",
    ...of,
    file: "b.txt",
    identity: { size_bytes: null, etag: null, lastModified: null, listed: null },
  },
  {
    type: "file_progress",
    ...of,
    file: "b.txt",
    generatedAt,
    checkpoint: { byteOffset: 2_900_000_000, lineNumber: 3_000_000 },
    rows,
  },
  {
    type: "file_progress",
    ...of,
    file: "b.txt",
    generatedAt: null,
    checkpoint: { byteOffset: 1, lineNumber: 1 },
    rows,
    nextOffsets: { 0: 3 },
  },
  {
    type: "file_extracted",
    ...of,
    file: "b.txt",
    identity,
    generatedAt: null,
    rows,
    nextOffsets: { 0: 12, 2: 9_000_000_000 },
  },
  {
    type: "file_extracted",
    ...of,
    file: "b.txt",
    identity,
    generatedAt: null,
    stampAhead: new Date("2206-11-01T01:00:00Z"),
    rows,
    publishedBy: { 1: 100_000, 7: 99_999 },
    nextOffsets: { 0: 12 },
  },
  { type: "file_skipped", ...of, file: "b.txt", reason: "unchanged" },
  { type: "file_skipped", ...of, file: "b.txt", reason: "unchanged", identity },
  {
    type: "file_deferred",
    ...of,
    epoch: 7,
    file: "b.txt",
    attempt: 2,
    reason: "cut",
    retryAt: new Date("2026-11-20T03:04:05.678Z"),
  },
  { type: "file_failed", ...of, epoch: 7, file: "b.txt", reason: "cut" },
  { type: "completed", ...of, nextOffsets: { 1: 3 } },
  { type: "failed", ...of, reason: "1 of 2 files failed" },
  { type: "cancelled", ...of, reason: "asked" },
];

describe("run events as Avro records", () => {
  test.each(EVENTS)("$type survives a round trip", (event) => {
    const bytes = type.toBuffer(toRecord(event));
    expect(fromRecord(type.fromBuffer(bytes) as RunEventRecord)).toEqual(event);
  });

  test("a stamp far ahead of the event, which earlier versions believed, is not believed", () => {
    const end = { identity, rows, nextOffsets: {} };
    const stamp = new Date("2206-11-01T01:00:00Z");
    const extracted: RunEvent = {
      ...{ type: "file_extracted", ...of, file: "b.txt", ...end, generatedAt: stamp },
    };
    expect(fromRecord(toRecord(extracted))).toEqual({
      ...{ ...extracted, generatedAt: null, stampAhead: stamp },
    });
    const checkpoint = { byteOffset: 1, lineNumber: 1 };
    const progress: RunEvent = {
      ...{ type: "file_progress", ...of, file: "b.txt", generatedAt: stamp, checkpoint, rows },
    };
    expect(fromRecord(toRecord(progress))).toEqual({ ...progress, generatedAt: null });
  });

  test("the record has the fields of the schema, in its order", () => {
    expect(Object.keys(toRecord(EVENTS[0]))).toEqual(
      SCHEMA.fields.map((field: { name: string }) => field.name),
    );
  });

  test("every type of the schema is covered", () => {
    // A record of who leads is about no run.
    const others = ["unknown", "leads"];
    const symbols = SCHEMA.fields[1].type.symbols.filter((s: string) => !others.includes(s));
    expect(new Set(EVENTS.map((event) => event.type))).toEqual(new Set(symbols));
  });

  test("a type or a selection that this version does not know is read as null", () => {
    const newer = structuredClone(SCHEMA);
    newer.fields[1].type.symbols.push("paused");
    const writer = avro.Type.forSchema(newer);
    const bytes = writer.toBuffer({ ...toRecord(EVENTS[2]), type: "paused" });
    const read = type.fromBuffer(bytes, type.createResolver(writer)) as RunEventRecord;
    expect(read.type).toBe("unknown");
    expect(fromRecord(read)).toBeNull();
    for (const selection of [null, "{", "7", "{}", '{"moon":1}']) {
      expect(fromRecord({ ...toRecord(EVENTS[0]), selection })).toBeNull();
    }
    expect(fromRecord({ ...toRecord(EVENTS[0]), kind: "hourly" })).toBeNull();
    expect(fromRecord({ ...toRecord(EVENTS[7]), byte_offset: null })).toBeNull();
  });
});
