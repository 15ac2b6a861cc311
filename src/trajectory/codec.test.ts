import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import avro from "avsc";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { createTrajectoryDecoder, encodeTrajectory, TrajectoryCodecError } from "./codec.ts";
import { WireFormatError, wireSchemaId } from "../wire_format/wire_header.ts";
import { type FieldValue, summaryOf } from "./record.ts";
import { TRAJECTORY_FIELDS, TRAJECTORY_SCHEMA, TRAJECTORY_SCHEMA_TEXT } from "./schema.ts";
import { expectSeen } from "../../tests/support/canary.ts";
import { fileText, rows } from "../../tests/support/summary_file.ts";
import { readWhole } from "../../tests/support/read_whole.ts";
import type { TrajectorySummary } from "./summary.ts";
import { EXACT_LONG_MAX } from "./untrusted_types.ts";

const decode = createTrajectoryDecoder(TRAJECTORY_SCHEMA_TEXT);
const example = readWhole(fileText(rows(1))).rows[0].summary;

/** A summary with some values that the compiler would not accept. */
function spoiled(values: Record<string, unknown>): TrajectorySummary {
  return Object.assign(summaryOf(TRAJECTORY_FIELDS.map(() => null)), values);
}

const exactLong = fc.oneof(
  fc.integer(),
  fc.integer({ min: -EXACT_LONG_MAX, max: EXACT_LONG_MAX }),
  fc.constantFrom(-EXACT_LONG_MAX, EXACT_LONG_MAX),
);
const anySummary: fc.Arbitrary<TrajectorySummary> = fc.tuple(
  ...TRAJECTORY_FIELDS.map(({ kind }): fc.Arbitrary<FieldValue> => {
    const value: Record<typeof kind, fc.Arbitrary<FieldValue>> = {
      string: fc.string({ unit: "grapheme" }),
      double: fc.double({ noNaN: true, noDefaultInfinity: true }),
      long: exactLong,
      timestamp_micros: exactLong,
      boolean: fc.boolean(),
      string_array: fc.array(fc.option(fc.string())),
    };
    return fc.option(value[kind]);
  }),
).map((values) => summaryOf(values));

describe("encoding", () => {
  test("is Confluent's wire format around plain Avro", () => {
    const bytes = encodeTrajectory(example, 0x01020304);
    expect([...bytes.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
    const plain = avro.Type.forSchema(JSON.parse(TRAJECTORY_SCHEMA_TEXT), { wrapUnions: "never" });
    expect(Buffer.from(bytes.subarray(5))).toEqual(plain.toBuffer(example));
  });

  test("gives every value its own bytes, which no later value overwrites", () => {
    const first = encodeTrajectory(example, 7);
    const before = Uint8Array.from(first);
    // Enough values for several blocks.
    const others = Array.from({ length: 2_000 }, (_, at) => encodeTrajectory(example, 1_000 + at));
    expect(Uint8Array.from(first)).toEqual(before);
    expect(others.map((value) => wireSchemaId(value))).toEqual(
      others.map((_, at) => 1_000 + at),
    );
  });

  test("takes values of any length", () => {
    const stations = Array.from({ length: 5000 }, (_, i) => `XX${String(i).padStart(4, "0")}`);
    const long = spoiled({ ...example, participating_stations: stations });
    expect(decode(encodeTrajectory(long, 1)).participating_stations).toEqual(stations);
  });

  test("writes a field that is missing as null", () => {
    const { e: _e, ...without } = example;
    expect(decode(encodeTrajectory(without as TrajectorySummary, 1)).e).toBeNull();
  });

  test.each<[Record<string, unknown>, string, string]>([
    [{ iau_no: 1.5 }, "iau_no", "iau_no: 1.5 is not a long or null"],
    [{ beginning_utc_time: NaN }, "beginning_utc_time", "NaN is not a timestamp_micros or null"],
    [{ beginning_utc_time: 2 ** 60 }, "beginning_utc_time", "is not a timestamp_micros"],
    [{ iau_no: -(2 ** 52) - 1 }, "iau_no", "iau_no: -4503599627370497 is not a long"],
    [{ e: "0.5" }, "e", 'e: "0.5" is not a double or null'],
    [{ e: 1n }, "e", "e: 1 is not a double or null"],
    [{ beg_in_fov: 1 }, "beg_in_fov", "beg_in_fov: 1 is not a boolean or null"],
    [{ participating_stations: "HR0002" }, "participating_stations", "is not a string_array"],
    [{ participating_stations: [1] }, "participating_stations", "is not a string_array"],
    [{ iau_code: { string: "PER" } }, "iau_code", 'iau_code: {"string":"PER"} is not a string'],
  ])("names the field of a value that does not fit: %#", (values, field, message) => {
    try {
      encodeTrajectory(spoiled(values), 1);
      throw new Error("was encoded");
    } catch (error) {
      expect(error).toBeInstanceOf(TrajectoryCodecError);
      expect(error).toBeInstanceOf(PermanentError);
      expect(error).toMatchObject({ field, message: expect.stringContaining(message) });
    }
  });

  test("refuses a value that is not a summary at all", () => {
    expect(() => encodeTrajectory(JSON.parse("null"), 1)).toThrow(TrajectoryCodecError);
  });
});

describe("a value without a wire header", () => {
  test.each([
    [[]],
    [[0, 0, 0, 1]],
    [[1, 0, 0, 0, 1, 0]],
    [[...new TextEncoder().encode('{"id":1}')]],
  ])("is refused: %j", (bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(WireFormatError);
  });
});

describe("decoding", () => {
  test("returns what was encoded", () => {
    fc.assert(fc.property(anySummary, fc.nat(2 ** 31 - 1), (summary, id) => {
      const bytes = encodeTrajectory(summary, id);
      expect(wireSchemaId(bytes)).toBe(id);
      expect(decode(bytes)).toEqual(summary);
    }));
  });

  test("canary: a codec that swaps two fields is detected", () => {
    const swaps = (summary: TrajectorySummary) => {
      const { q_au, q_au_ } = decode(encodeTrajectory(summary, 1));
      return { ...summary, q_au: q_au_, q_au_: q_au };
    };
    expectSeen(fc.property(anySummary, (summary) => {
      expect(swaps(summary)).toEqual({ ...summary });
    }));
  });

  test("accepts a view into a larger buffer, whether Buffer or Uint8Array", () => {
    const bytes = encodeTrajectory(example, 1);
    const larger = new Uint8Array(bytes.length + 20).fill(0xff);
    larger.set(bytes, 9);
    expect(decode(larger.subarray(9, 9 + bytes.length))).toEqual(example);
    expect(decode(Buffer.from(larger.buffer, 9, bytes.length))).toEqual(example);
  });

  test("reads NaN and the infinities, as Python producers write them, as null", () => {
    const values = { e: NaN, m_deg: Infinity, t_years: -Infinity, sigma: -0, i_deg: 7.5 };
    expect(decode(encodeTrajectory(spoiled(values), 1)))
      .toMatchObject({ e: null, m_deg: null, t_years: null, sigma: -0, i_deg: 7.5 });
  });
});

/** Values written with another schema: our fields, changed. */
function written(fields: readonly unknown[], value: unknown, name = "Root", namespace?: string) {
  const schema = JSON.stringify({ type: "record", name, namespace, fields });
  const body = avro.Type.forSchema(JSON.parse(schema), { wrapUnions: "never" }).toBuffer(value);
  return { schema, bytes: Uint8Array.from([0, 0, 0, 0, 1, ...body]) };
}
const ours = TRAJECTORY_SCHEMA.fields;

describe("other writers' schemas", () => {
  test("that lack fields: the missing fields are null", () => {
    const { schema, bytes } = written(ours.slice(0, 5), example);
    const summary = createTrajectoryDecoder(schema)(bytes);
    expect(summary).toMatchObject({ iau_code: "PER", e: null, schema_version: null });
    expect(Object.keys(summary)).toEqual(Object.keys(example));
  });

  test("that have additional fields: these are skipped", () => {
    const fields = [
      { name: "colours", type: { type: "array", items: "string" } },
      ...ours,
      { name: "note", type: "string" },
    ];
    const { schema, bytes } = written(fields, { ...example, colours: ["red", "blue"], note: "x" });
    expect(createTrajectoryDecoder(schema)(bytes)).toEqual(example);
  });

  test("that write integers, floats or no unions where we read doubles", () => {
    const types: Record<string, unknown> = {
      e: "int",
      i_deg: ["null", "long"],
      a_au: "double",
      f_deg: "float",
      m_deg: ["double", "null"],
    };
    const fields = ours.map((field) => ({ ...field, type: types[field.name] ?? field.type }))
      .map(({ name, type }) => ({ name, type }));
    const { schema, bytes } = written(fields, {
      ...example,
      e: 1,
      i_deg: 90,
      a_au: NaN,
      f_deg: NaN,
      m_deg: 3.5,
    });
    expect(createTrajectoryDecoder(schema)(bytes))
      .toMatchObject({ e: 1, i_deg: 90, a_au: null, f_deg: null, m_deg: 3.5 });
  });

  test("may have a namespace", () => {
    const { schema, bytes } = written(ours, example, "Root", "org.globalmeteornetwork");
    expect(createTrajectoryDecoder(schema)(bytes)).toEqual(example);
  });

  test.each([
    ["not JSON", "values of this schema can't be read"],
    ['"string"', "not of a record"],
    ['{"type":"record","name":"Root","fields":[{"name":"e","type":"string"}]}', "cannot read"],
    ['{"type":"record","name":"Root","fields":[{"name":"e","type":"stone"}]}', "stone"],
    ['{"type":"record","name":"Person","fields":[]}', "Person"],
  ])("that can't be ours are refused: %s", (schema, message) => {
    expect(() => createTrajectoryDecoder(schema)).toThrow(TrajectoryCodecError);
    expect(() => createTrajectoryDecoder(schema)).toThrow(message);
  });

  test.skipIf(reference() === null)(
    "of the reference producer is read, and reads ours (skipped where it is unavailable)",
    () => {
      const text = reference()!;
      const type = avro.Type.forSchema(JSON.parse(text), { wrapUnions: "never" });
      const body = type.toBuffer({ ...example, e: NaN });
      const bytes = Uint8Array.from([0, 0, 0, 0, 9, ...body]);
      expect(createTrajectoryDecoder(text)(bytes)).toEqual({ ...example, e: null });
      expect(type.fromBuffer(Buffer.from(encodeTrajectory(example, 1).subarray(5))))
        .toEqual(example);
    },
  );
});

function reference(): string | null {
  try {
    const file = "../../../shared/data/trajectory_summary_raw-value.reference.avsc";
    return readFileSync(new URL(file, import.meta.url), "utf8");
  } catch {
    return null;
  }
}

describe("bytes that are not a value", () => {
  const good = encodeTrajectory(example, 1);

  test("cut at any byte, are refused, naming the field where they end", () => {
    for (let length = 5; length < good.length; length++) {
      expect(() => decode(good.subarray(0, length))).toThrow(TrajectoryCodecError);
    }
    expect(() => decode(good.subarray(0, 40))).toThrow(/^beginning_utc_time, at byte 36 of 40: /);
  });

  test("with bytes left over, are refused", () => {
    expect(() => decode(Uint8Array.from([...good, 0]))).toThrow(
      "1 bytes are left after its last field",
    );
  });

  test("with a union branch that does not exist, are refused, naming the field", () => {
    const bytes = good.slice();
    bytes[5] = 9;
    expect(() => decode(bytes)).toThrow(/^unique_trajectory_identifier, at byte 5 .*union index/);
  });

  /** A value with all fields null up to the stations, and then these bytes as an array. */
  const stationsOf = (...bytes: number[]) => {
    const before = TRAJECTORY_FIELDS.findIndex((f) => f.name === "participating_stations");
    return Uint8Array.from([0, 0, 0, 0, 1, ...new Array(before).fill(0), 2, ...bytes]);
  };

  test("with an array of more items than bytes, are refused at once", () => {
    // 2^31 and 2^48 items, each of which could be a null.
    for (
      const count of [[0x80, 0x80, 0x80, 0x80, 0x10], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]]
    ) {
      expect(() => decode(stationsOf(...count, 0, 0, 0)))
        .toThrow(/^participating_stations, .* items in 3 bytes/);
    }
  });

  test("with a string of negative length, are refused", () => {
    // A block of one item: branch 1, a string of length -3, which would jump back to the block's count.
    expect(() => decode(stationsOf(2, 2, 5, 0, 0))).toThrow(/^participating_stations, /);
  });

  test("with a long that would lose bits, are refused", () => {
    const bytes = Uint8Array.from([0, 0, 0, 0, 1, 0, 0, 2, ...new Array(8).fill(0xff), 1, 0]);
    expect(() => decode(bytes)).toThrow(/^beginning_utc_time, .* too large to be exact/);
  });

  test("an array in blocks with sizes is read as well", () => {
    // -1 items in 4 bytes, then 1 item, then the end; the version is null.
    const a = [2, 2, 0x41], b = [2, 2, 0x42];
    expect(decode(stationsOf(1, 6, ...a, 2, ...b, 0, 0)).participating_stations).toEqual([
      "A",
      "B",
    ]);
  });

  test("of any kind are refused with a message", () => {
    const hits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 });
    const strewn = hits.map((all) => {
      const bytes = good.slice();
      for (const [at, byte] of all) bytes[at] = byte;
      return bytes;
    });
    const noise = fc.uint8Array({ maxLength: 300 }).map((b) =>
      Uint8Array.from([0, 0, 0, 0, 1, ...b])
    );
    fc.assert(
      fc.property(fc.oneof(strewn, noise), (bytes) => {
        try {
          for (const value of Object.values(decode(bytes))) {
            if (typeof value === "number") expect(Number.isFinite(value)).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof PermanentError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
