/** Rows and headers compared with the real file's bytes, and edge cases of the formats that it does not contain. */
import { describe, expect, test } from "vitest";
import { fileHeader, formatRow, headerLines, stampLine } from "./format_row.ts";
import { exponential, fixed, signed } from "./python_format.ts";
import { MEASURED, type Measured, type SummaryRow } from "./summary_row.ts";
import { publishedLines, publishedText } from "./testing/published_file.ts";

const FIRST_MEASURED_COLUMN = 7;

/** A published line, parsed back into the writer's input. */
function rowOf(line: string): SummaryRow {
  const fields = line.split("; ");
  const cell = (at: number): string => fields[at]?.trim() ?? "";
  const value = {} as Record<Measured, number>;
  const sigma = {} as Record<Measured, number | null>;
  // Solar longitude and sidereal time stand before the measured columns, which come in pairs.
  MEASURED.forEach((name, at) => {
    value[name] = Number(cell(FIRST_MEASURED_COLUMN + 2 * at));
    const text = cell(FIRST_MEASURED_COLUMN + 2 * at + 1);
    // `1.0e+02` was a little more than 100, or it would have been written `100.0000`.
    sigma[name] = text === "None" ? null : Number(text) * (text === "1.0e+02" ? 1.001 : 1);
  });
  const [whole = "", fraction = ""] = cell(2).split(".");
  return {
    id: cell(0),
    julianDate: Number(cell(1)),
    beginning_us: Date.parse(`${whole.replace(" ", "T")}Z`) * 1000 + Number(fraction),
    showerNumber: Number(cell(3)),
    showerCode: cell(4),
    solarLongitude: Number(cell(5)),
    localSiderealTime: Number(cell(6)),
    value,
    sigma,
    duration_s: Number(cell(75)),
    peakMagnitude: Number(cell(76)),
    peakHeight: Number(cell(77)),
    fParameter: Number(cell(78)),
    mass_kg: Number(cell(79)),
    convergenceAngle: Number(cell(80)),
    medianFitError: Number(cell(81)),
    beginInView: cell(82) === "True",
    endInView: cell(83) === "True",
    stations: cell(85).split(","),
  };
}

describe.skipIf(publishedText() === undefined)("the real file", () => {
  test("has the same header as is written here, byte for byte", () => {
    const text = publishedText() ?? "";
    const header = fileHeader({ at: new Date("2022-03-16T17:49:26.628Z"), microseconds: 43 });
    expect(text.slice(0, header.length)).toBe(header);
  });

  test("has rows that are unchanged after reading and writing", () => {
    const rows = publishedLines()?.rows ?? [];
    expect(rows.length).toBe(534);
    for (const line of rows) expect(formatRow(rowOf(line), 4)).toBe(line);
  });
});

describe("headers", () => {
  test("every line has 86 cells, and the rule is as wide as the cells", () => {
    for (const codeWidth of [4, 5] as const) {
      const cells = headerLines(codeWidth).map((line) => line.slice(2).split("; "));
      expect(cells.map((line) => line.length)).toEqual([86, 86, 86]);
      const [names = [], units = [], rule = []] = cells;
      for (let at = 0; at < 85; at++) {
        expect(units[at]?.length).toBe(names[at]?.length);
        expect(rule[at]?.length).toBe(names[at]?.length);
      }
      expect([names[4], units[4], rule[4]]).toEqual(
        codeWidth === 4 ? [" IAU", "code", "----"] : ["  IAU", " code", "-----"],
      );
    }
  });

  test("the code column widens on 2025-03-30, the stamp gets its zone on 2024-08-23", () => {
    const stamp = (time: string, microseconds = 456) => ({ at: new Date(time), microseconds });
    const header = (day: string) => fileHeader(stamp(`${day}T06:00:00.123Z`));
    expect(header("2025-03-29")).toContain(";   IAU;  IAU; ");
    expect(header("2025-03-30")).toContain(";   IAU;   IAU; ");
    expect(stampLine(stamp("2024-08-22T06:00:00.123Z"))).toBe(
      "# Summary generated on 2024-08-22 06:00:00.123456 UTC",
    );
    expect(stampLine(stamp("2024-08-23T06:00:00.123Z"))).toBe(
      "# Summary generated on 2024-08-23 06:00:00.123456+00:00 UTC",
    );
    expect(stampLine(stamp("2026-11-24T06:00:00Z", 0))).toBe(
      "# Summary generated on 2026-11-24 06:00:00+00:00 UTC",
    );
  });
});

describe("numbers as Python writes them", () => {
  test("exponents have two digits, nan and inf their Python names", () => {
    expect(exponential(1234.5, 7, 1)).toBe("1.2e+03");
    expect(exponential(0, 8, 2)).toBe("0.00e+00");
    expect(exponential(3.8e-104, 8, 2)).toBe("3.80e-104");
    expect(fixed(NaN, 10, 6)).toBe("       nan");
    expect(signed(NaN, 9, 5)).toBe("     +nan");
    expect(signed(0, 6, 2)).toBe(" +0.00");
    expect(fixed(-0, 7, 4)).toBe("-0.0000");
    expect(fixed(-Infinity, 5, 3)).toBe(" -inf");
  });
});
