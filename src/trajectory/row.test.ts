import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { commentCells, headerOf } from "./summary_header.ts";
import { Rejection, RowReader } from "./row.ts";
import { cells, COLUMN, headerLines, row, WIDTH } from "../../tests/support/summary_file.ts";
import type { TrajectorySummary } from "./summary.ts";

function readerOf(columns?: readonly number[]): RowReader {
  const [first, second] = headerLines(columns);
  return new RowReader(headerOf(commentCells(first)!, commentCells(second)!)!);
}
const reader = readerOf();

function read(line: string | Buffer, by = reader): TrajectorySummary | Rejection {
  const bytes = Buffer.from(line);
  return by.read(bytes, 0, bytes.length);
}
type Replaced = Parameters<typeof row>[0];
function summary(replaced: Replaced = {}): TrajectorySummary {
  const result = read(row(replaced));
  if (result instanceof Rejection) throw new Error(result.reason);
  return result;
}
function rejection(line: string | Buffer): Rejection {
  const result = read(line);
  if (!(result instanceof Rejection)) throw new Error("was read as a row");
  return result;
}

describe("a row", () => {
  test("has each cell in its field", () => {
    expect(summary()).toMatchObject({
      unique_trajectory_identifier: "20240812031415_aB3xZ",
      beginning_julian_date: 2460534.634896990843,
      beginning_utc_time: Date.UTC(2024, 7, 12, 3, 14, 15) * 1000 + 99949,
      iau_no: 7,
      iau_code: "PER",
      rageo_deg: 46.12345,
      sigma: 0.0512,
      decgeo_deg: 57.61234,
      sigma_1: 0.0321,
      q_au: 0.950312,
      sigma_15: 0.0009,
      q_au_: 28.074378,
      sigma_18: 2.9012,
      lonbeg_e_deg: -14.56789,
      sigma_33: 0.02,
      peak_absmag: -0.71,
      mass_kg_tau_0_7: 1.23e-5,
      beg_in_fov: true,
      end_in_fov: false,
      num_stat: 3,
      participating_stations: ["HR0002", "HR000D", "SI0001"],
      schema_version: "2.0",
    });
  });

  test("has all 87 fields, in the schema's order, including those without a column", () => {
    const few = readerOf([COLUMN.id, COLUMN.f]);
    const result = read("20240812031415_aB3xZ;0.5", few);
    expect(Object.keys(result)).toEqual(Object.keys(summary()));
    expect(result).toMatchObject({ f_param: 0.5, iau_no: null, participating_stations: null });
    expect(Object.values(result).filter((value) => value !== null)).toHaveLength(3);
  });

  test("has no values of the previous row", () => {
    summary();
    expect(summary({ sigmaRaGeo: "None", stations: "" }))
      .toMatchObject({ sigma: null, participating_stations: null });
  });

  test("of any width is read: cells are separated by semicolons, not by position", () => {
    const narrow = cells().map((cell) => cell.trim()).join(";");
    const wide = cells().map((cell) => `   ${cell}    `).join(" ; ");
    expect(read(narrow)).toEqual(summary());
    expect(read(wide)).toEqual(summary());
  });
});

describe("numbers", () => {
  test.each(["None", "nan", "+nan", "inf"])("%s is null", (cell) => {
    expect(summary({ sigmaRaGeo: `  ${cell}` }).sigma).toBeNull();
    expect(summary({ iauNo: cell, numStat: cell }))
      .toMatchObject({ iau_no: null, num_stat: null });
  });

  test("overflowing formats are read", () => {
    expect(summary({ Q: " 1.2345e+04", sigmaQ: "1.4e+04", f: "-0.087" }))
      .toMatchObject({ q_au_: 12345, sigma_18: 14000, f_param: -0.087 });
  });

  test.each([
    ["", "column 79 (F param) is empty, expected a number"],
    ["abc", 'column 79 (F param) says "abc", expected a number'],
    ["1.2.3", 'column 79 (F param) says "1.2.3", expected a number'],
  ])("%j is refused with its column", (cell, reason) => {
    expect(rejection(row({ f: cell }))).toEqual(new Rejection(reason, "f_param"));
  });

  test("that are not integers are refused in integer fields", () => {
    expect(rejection(row({ numStat: "2.5" }))).toEqual(
      new Rejection('column 85 (Num stat) says "2.5", expected a whole number', "num_stat"),
    );
  });

  test.each<[Replaced, string]>([
    [{ decGeo: "+90.00001" }, "decgeo_deg"],
    [{ latBeg: "-90.5" }, "latbeg_n_deg"],
    [{ lonBeg: "360.5" }, "lonbeg_e_deg"],
    [{ lonBeg: "-180.1" }, "lonbeg_e_deg"],
    [{ numStat: "-1" }, "num_stat"],
    [{ numStat: "1000000000" }, "num_stat"],
    [{ iauNo: "-2" }, "iau_no"],
  ])("impossible values are refused: %j", (replaced, field) => {
    expect(rejection(row(replaced))).toMatchObject({
      field,
      reason: expect.stringMatching(/expected a value from -?\d+ to \d+$/),
    });
  });

  test.each<Replaced>([
    { decGeo: "-90.00000" },
    { latBeg: "90" },
    { lonBeg: "359.9" },
    { lonBeg: "-180" },
    { numStat: "0" },
    { iauNo: "-1" },
    { solLon: "-3" },
  ])("unlikely values are accepted: %j", (replaced) => {
    expect(read(row(replaced))).not.toBeInstanceOf(Rejection);
  });
});

describe("shower, flags, time", () => {
  test("a sporadic meteor keeps its -1 and has no code", () => {
    expect(summary({ iauNo: "   -1", iauCode: " ..." }))
      .toMatchObject({ iau_no: -1, iau_code: null });
  });

  test.each(["NAN", "nan", "None", "M24U1", "M2025U1", "inf"])("%s is a code", (code) => {
    expect(summary({ iauCode: `  ${code}` }).iau_code).toBe(code);
  });

  test("an unknown flag is null, not true", () => {
    expect(summary({ begInFov: "  None" }).beg_in_fov).toBeNull();
    expect(rejection(row({ begInFov: "yes" })).field).toBe("beg_in_fov");
  });

  test("a time may be exact to the second, and be padded", () => {
    expect(summary({ time: "2024-08-12 03:14:15       " }).beginning_utc_time)
      .toBe(Date.UTC(2024, 7, 12, 3, 14, 15) * 1000);
  });

  test("the time the source could not compute is null", () => {
    expect(summary({ time: "0001-01-01 00:00:00       " }).beginning_utc_time).toBeNull();
    expect(rejection(row({ time: "yesterday" })).field).toBe("beginning_utc_time");
  });

  test("an identifier of another form is refused", () => {
    for (const id of ["", "None", "20240812031415", "20240812031415_aB3x"]) {
      expect(rejection(row({ id }))).toMatchObject({
        field: "unique_trajectory_identifier",
        reason: expect.stringContaining("expected a trajectory identifier"),
      });
    }
  });
});

describe("stations", () => {
  test.each([
    ["HR0002", ["HR0002"]],
    [" HR0002 , HR000D,SI0001 ", ["HR0002", "HR000D", "SI0001"]],
    ["HR0002,,HR000D,", ["HR0002", "HR000D"]],
    ["", null],
    [" , ", null],
  ])("%j", (cell, stations) => {
    expect(summary({ stations: cell }).participating_stations).toEqual(stations);
  });
});

describe("lines that are not rows", () => {
  test("have their fields counted first, before any is read", () => {
    const tooFew = cells().slice(1).join("; ");
    expect(rejection(tooFew)).toEqual(
      new Rejection(`${WIDTH - 1} fields where the header has ${WIDTH} columns`, null),
    );
    expect(rejection(`${row()}; ${row()}`).reason).toMatch(/^172 fields/);
    expect(rejection("hello").reason).toMatch(/^1 fields/);
  });

  test.each([0x00, 0x07, 0x09, 0x0d, 0x1b, 0x7f])("control character %d", (code) => {
    const line = row({ stations: `HR0002${String.fromCharCode(code)}` });
    expect(rejection(line).reason).toBe(
      `control character 0x${code.toString(16).padStart(2, "0")} at byte ${line.length}`,
    );
  });

  test("bytes that are not UTF-8", () => {
    const line = Buffer.concat([Buffer.from(row()), Buffer.from([0xe9])]);
    expect(rejection(line)).toEqual(new Rejection("not UTF-8 text", null));
  });

  test("text beyond ASCII is accepted", () => {
    expect(summary({ stations: "HR0002,ČŽ0001" }).participating_stations)
      .toEqual(["HR0002", "ČŽ0001"]);
  });

  test("a long cell is quoted in part, and its control characters are escaped", () => {
    const { reason } = rejection(row({ f: "x".repeat(500) }));
    expect(reason.length).toBeLessThan(150);
  });
});
