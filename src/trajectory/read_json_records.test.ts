import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SummaryFormatError } from "./format_error.ts";
import type { ReadBatch, ReadSummary } from "./read_batch.ts";
import { readJsonRecords, RECORD_BYTES_MAX } from "./read_json_records.ts";
import { TRAJECTORY_FIELDS } from "./schema.ts";

const ID = "20240812220000_aZ09b";

/** Cuts the text into chunks at these bytes. */
async function* chunksOf(text: string, cuts: readonly number[] = []): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const to of ends) {
    yield bytes.slice(from, to);
    from = to;
  }
}

async function read(text: string, cuts?: readonly number[]) {
  const reading = readJsonRecords(chunksOf(text, cuts));
  const batches: ReadBatch[] = [];
  let end: ReadSummary;
  for (;;) {
    const step = await reading.next();
    if (step.done) {
      end = step.value;
      break;
    }
    batches.push(step.value);
  }
  return {
    rows: batches.flatMap((batch) => batch.rows),
    rejected: batches.flatMap((batch) => batch.rejected),
    end,
  };
}

const record = (values: object = {}) => ({ unique_trajectory_identifier: ID, ...values });

describe("one record", () => {
  test("has the schema's fields, and missing ones are null", async () => {
    const { rows } = await read(JSON.stringify(record({ vgeo_km_s: 59.5, beg_in_fov: true })));
    expect(rows[0]?.summary).toMatchObject({
      unique_trajectory_identifier: ID,
      vgeo_km_s: 59.5,
      beg_in_fov: true,
      iau_no: null,
      schema_version: "2.0",
    });
    expect(Object.keys(rows[0]!.summary)).toEqual(TRAJECTORY_FIELDS.map(({ name }) => name));
  });

  test.each([
    [{ beginning_utc_time: "2024-08-12T22:00:00.123456Z" }, "beginning_utc_time", 1723500000123456],
    [{ beginning_utc_time: "2024-08-12 22:00:00" }, "beginning_utc_time", 1723500000000000],
    [{ beginning_utc_time: 1723500000123456 }, "beginning_utc_time", 1723500000123456],
    [{ participating_stations: "UK0001, BE0002" }, "participating_stations", ["UK0001", "BE0002"]],
    [{ participating_stations: [] }, "participating_stations", null],
    [{ iau_code: "NAN" }, "iau_code", "NAN"],
    [{ iau_code: "..." }, "iau_code", null],
    [{ iau_no: -1 }, "iau_no", -1],
    [{ iau_no: null, iau_code: null }, "iau_no", -1],
    [{ iau_no: null, iau_code: "..." }, "iau_no", -1],
    [{ iau_no: null, iau_code: "PER" }, "iau_no", null],
    [{ iau_no: null }, "iau_no", null],
    [{ updated_at: "2026-01-01T00:00:00Z", withdrawn_at: null }, "iau_no", null],
  ])("%j", async (values, field, expected) => {
    const { rows, rejected } = await read(JSON.stringify(record(values)));
    expect(rejected).toEqual([]);
    expect(rows[0]?.summary[field as "iau_no"]).toEqual(expected);
  });

  test.each([
    [{ unique_trajectory_identifier: "nope" }, "unique_trajectory_identifier"],
    [{ unique_trajectory_identifier: null }, "unique_trajectory_identifier"],
    [{ vgeo_km_s: "59" }, "vgeo_km_s"],
    [{ latbeg_n_deg: 90.1 }, "latbeg_n_deg"],
    [{ num_stat: 2.5 }, "num_stat"],
    [{ num_stat: -1 }, "num_stat"],
    [{ beg_in_fov: 1 }, "beg_in_fov"],
    [{ beginning_utc_time: "2024-02-30T00:00:00Z" }, "beginning_utc_time"],
    [{ beginning_utc_time: 1e300 }, "beginning_utc_time"],
    [{ participating_stations: ["a\u0000b"] }, "participating_stations"],
    [{ iau_code: "\ud800" }, "iau_code"],
    [{ vgeo: 59 }, null],
    [{ constructor: 1 }, null],
  ])("%j is rejected by its field", async (values, field) => {
    const { rows, rejected } = await read(JSON.stringify(record(values)));
    expect(rows).toEqual([]);
    expect(rejected).toMatchObject([{ line: 1, field }]);
  });
});

describe("lines", () => {
  test("a bad one is rejected without the others, with its number", async () => {
    const good = JSON.stringify(record());
    const { rows, rejected, end } = await read(`${good}\r\n\nnonsense\n[1]\n${good}`);
    expect(rows.map(({ line }) => line)).toEqual([1, 5]);
    expect(rejected.map(({ line }) => line)).toEqual([3, 4]);
    expect(end).toMatchObject({ rows: 2, rejected: 2, cut: false });
  });

  test("one that is too long is rejected, and only its beginning is kept", async () => {
    const { rejected } = await read(`{"x":"${"y".repeat(RECORD_BYTES_MAX)}"}\n`);
    expect(rejected[0]?.reason).toContain(String(RECORD_BYTES_MAX));
    expect(rejected[0]?.text.length).toBe(RECORD_BYTES_MAX);
  });
});

describe("an array", () => {
  test("with brackets and quotes in its texts", async () => {
    const odd = { ...record(), iau_code: '}],"\\{[' };
    const { rows, end } = await read(` \n[${JSON.stringify(odd)} ,\n${JSON.stringify(odd)}]\n `);
    expect(rows.map(({ line, summary }) => [line, summary.iau_code])).toEqual([
      [1, odd.iau_code],
      [2, odd.iau_code],
    ]);
    expect(end.cut).toBe(false);
  });

  test("without an end is cut, and its complete records are read", async () => {
    const { rows, end } = await read(`[${JSON.stringify(record())},{"a`);
    expect(rows).toHaveLength(1);
    expect(end.cut).toBe(true);
  });

  test.each(["[1]", '["a"]', "[{}]x", "[[]]"])("%s is not an array of records", async (text) => {
    await expect(read(text)).rejects.toThrow(SummaryFormatError);
  });
});

test("the result does not depend on how the bytes are cut", async () => {
  const records = fc.array(
    fc.record({
      unique_trajectory_identifier: fc.constantFrom(ID, "bad"),
      iau_code: fc.string({ maxLength: 8, unit: "binary" }),
      vgeo_km_s: fc.double({ min: 0, max: 100, noNaN: true }),
    }),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(
      records,
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 8 }),
      async (records, isArray, cuts) => {
        const text = isArray
          ? JSON.stringify(records)
          : records.map((one) => `${JSON.stringify(one)}\n`).join("");
        const whole = await read(text);
        expect(await read(text, cuts)).toEqual(whole);
        expect(whole.rows.length + whole.rejected.length).toBe(records.length);
      },
    ),
    { numRuns: 200 },
  );
});
