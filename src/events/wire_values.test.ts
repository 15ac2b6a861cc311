import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { schemaText } from "./schema_files.ts";
import { DEAD_LETTER, INGESTION_RUN } from "./topics.ts";
import { wireSchemaId } from "../wire_format/wire_header.ts";
import { createValueCodec } from "./wire_values.ts";

const deadLetter = {
  id: "trajectory_summary_raw-0@7",
  at: 1_700_000_000_123_456,
  stage: "decode",
  reason: "not Avro",
  field: null,
  run_id: null,
  source_file: null,
  source_line: null,
  source_generated_at: null,
  text: null,
  columns: null,
  topic: "trajectory_summary_raw",
  partition: 0,
  offset: 7,
  key: Buffer.from([0xff, 0x00]),
  value: Buffer.from([1, 2, 3]),
  schema_id: null,
};

describe("values in wire format", () => {
  const codec = createValueCodec<typeof deadLetter>(DEAD_LETTER);
  const schema = schemaText(DEAD_LETTER.schemaFile);

  test("begin with a zero byte and the schema id, big-endian", () => {
    const bytes = codec.encode(deadLetter, 0x01020304);
    expect([...bytes.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
    expect(wireSchemaId(bytes)).toBe(0x01020304);
  });

  test("survive a round trip", () => {
    expect({ ...codec.decode(codec.encode(deadLetter, 7), schema) }).toEqual(deadLetter);
  });

  test("of an older schema without a nullable field are read with null in that field", () => {
    const older = JSON.parse(schema);
    older.fields = older.fields.filter((field: { name: string }) => field.name !== "schema_id");
    const bytes = codec.encode(deadLetter, 7);
    // schema_id is the last field; its null takes one byte. Without that byte, this is the older encoding.
    expect(codec.decode(bytes.subarray(0, bytes.length - 1), JSON.stringify(older)).schema_id)
      .toBeNull();
  });

  test("of an event type this version does not know are read as 'unknown'", () => {
    const events = createValueCodec<Record<string, unknown>>(INGESTION_RUN);
    const newer = JSON.parse(
      schemaText(INGESTION_RUN.schemaFile).replace('"cancelled"', '"cancelled", "teleported"'),
    );
    const bytes = events.encode(
      {
        ...Object.fromEntries(newer.fields.map((f: { name: string }) => [f.name, null])),
        run_id: "r",
        type: "cancelled",
        at: 1,
      },
      1,
    );
    // The symbol's index follows the id (2 bytes: length 1 and "r"). The next index is the byte plus two, because of zigzag.
    bytes[7] = bytes[7]! + 2;
    expect(events.decode(bytes, JSON.stringify(newer)).type).toBe("unknown");
  });

  test.each([
    ["too short", Buffer.from([0, 0, 0])],
    ["another magic byte", Buffer.from([1, 0, 0, 0, 1, 2])],
    ["empty", Buffer.alloc(0)],
  ])("are refused when %s", (_, bytes) => {
    expect(() => wireSchemaId(bytes)).toThrow(PermanentError);
  });

  test("are refused when they do not fit the schema", () => {
    const cut = codec.encode(deadLetter, 7).subarray(0, 12);
    expect(() => codec.decode(cut, schema)).toThrow(PermanentError);
    expect(() => codec.encode({ ...deadLetter, reason: 5 as unknown as string }, 7)).toThrow(
      /does not fit/,
    );
  });
});
