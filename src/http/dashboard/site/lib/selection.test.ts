import { expect, test } from "vitest";
import { selectionOf, selectionText } from "./selection.js";

test("a selection as text", () => {
  expect(selectionText({ days: 1 })).toBe("last 1 day");
  expect(selectionText({ days: 10 })).toBe("last 10 days");
  expect(selectionText({ all: true })).toBe("everything");
  expect(selectionText({ year: 2024 })).toBe("year 2024");
  expect(selectionText({ month: "2024-08" })).toBe("month 2024-08");
  expect(selectionText({ from: "2026-01-01", to: "2026-01-02" })).toBe("2026-01-01 to 2026-01-02");
  expect(selectionText({ from: "2026-01-01", to: "2026-01-01" })).toBe("2026-01-01");
  expect(selectionText({ retry: "019ab0d3-0000-7000-8000-000000000001", files: ["a"] })).toBe(
    "retry of 000001: 1 file",
  );
});

test("the choice in the dialog as the API expects it", () => {
  const values = { from: "2024-08-11", to: "2024-08-13", month: "2024-08", year: "2024" };
  expect(selectionOf("range", values)).toEqual({ from: "2024-08-11", to: "2024-08-13" });
  expect(selectionOf("month", values)).toEqual({ month: "2024-08" });
  expect(selectionOf("year", values)).toEqual({ year: 2024 });
  expect(selectionOf("all", values)).toEqual({ all: true });
});
