import { describe, expect, test } from "vitest";
import {
  addDays,
  describeSelection,
  parseSelection,
  SelectionError,
  selectionOf,
} from "./selection.ts";

const NOW = new Date("2026-11-23T12:00:00Z");
const parse = (json: unknown) => parseSelection(json, NOW);

describe("parseSelection", () => {
  test.each([
    { days: 10 },
    { all: true },
    { year: 2018 },
    { year: 2026 },
    { month: "2026-11" },
    { from: "2024-02-29", to: "2024-03-01" },
    { from: "2026-11-23", to: "2026-11-23" },
    { from: "2024-01-01", to: "2024-12-31" },
    { upload: "a b.txt" },
  ])("accepts %j unchanged", (selection) => {
    expect(parse(selection)).toEqual(selection);
    expect(selectionOf(JSON.stringify(selection))).toEqual(selection);
  });

  test.each([
    [{ days: 0 }, "days", /days is 0; allowed: a whole number from 1 to 366/],
    [{ days: "10" }, "days", /days is "10"/],
    [{ all: false }, "all", /all is false; allowed: true/],
    [{ year: 2017 }, "year", /from 2018 to 2026/],
    [{ year: 2027 }, "year", /from 2018 to 2026/],
    [{ year: 2024.5 }, "year", /2024.5/],
    [{ month: "2024-13" }, "month", /month YYYY-MM/],
    [{ month: "2026-12" }, "month", /to 2026-11/],
    [{ month: 202408 }, "month", /202408/],
    [{ from: "2023-02-29", to: "2023-03-01" }, "from", /real date/],
    [{ from: "2026-11-01", to: "2026-11-24" }, "to", /to 2026-11-23 \(UTC\)/],
    [{ from: "2024-08-02", to: "2024-08-01" }, "from", /2024-08-02 is after to 2024-08-01/],
    [{ from: "2023-01-01", to: "2024-01-02" }, "to", /are 367 days; .* at most 366/],
    [{ from: "2024-08-01" }, "to", /needs both from and to/],
    [{ to: "2024-08-01" }, "from", /needs both/],
    [{}, "selection", /exactly one of/],
    [{ year: 2024, all: true }, "year", /exactly one of/],
    [{ years: 2024 }, "years", /exactly one of/],
    [null, "selection", /JSON object, got null/],
    [[1], "selection", /JSON object/],
    ["all", "selection", /JSON object/],
    [undefined, "selection", /JSON object/],
    [{ upload: "" }, "upload", /file name/],
    [{ upload: "a\nb" }, "upload", /printable/],
  ])("refuses %j", (json, field, message) => {
    expect(() => parse(json)).toThrow(message);
    try {
      parse(json);
    } catch (error) {
      expect(error).toBeInstanceOf(SelectionError);
      expect((error as SelectionError).field).toBe(field);
    }
  });
});

test("selections are described in words", () => {
  expect(describeSelection({ days: 10 })).toBe("the last 10 days");
  expect(describeSelection({ days: 1 })).toBe("the last day");
  expect(describeSelection({ all: true })).toBe("everything");
  expect(describeSelection({ year: 2024 })).toBe("the year 2024");
  expect(describeSelection({ month: "2024-08" })).toBe("the month 2024-08");
  expect(describeSelection({ from: "2024-08-01", to: "2024-08-31" })).toBe(
    "2024-08-01 to 2024-08-31",
  );
  expect(describeSelection({ from: "2024-08-01", to: "2024-08-01" })).toBe("the day 2024-08-01");
  expect(describeSelection({ upload: "x" })).toBe("the file x");
});

test("addDays counts across months and leap days", () => {
  expect(addDays("2024-02-28", 2)).toBe("2024-03-01");
  expect(addDays("2024-01-01", -1)).toBe("2023-12-31");
});
