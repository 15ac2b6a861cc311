import { describe, expect, test } from "vitest";
import { filterText, rangeOf } from "./meteor_filter.js";

const range = (query: string, newest: string | null = "2024-08-13T02:00:00Z") =>
  rangeOf(new URLSearchParams(query), newest);

describe("the range of time", () => {
  test("defaults to the last ten days that have meteors", () => {
    expect(range("")).toEqual({ from: "2024-08-04", to: null, text: "10" });
    expect(range("last=x")).toEqual({ from: "2024-08-04", to: null, text: "10" });
    expect(range("last=1")).toEqual({ from: "2024-08-13", to: null, text: "1" });
  });

  test("all of it, also while the newest meteor is unknown", () => {
    expect(range("last=all")).toEqual({ from: null, to: null, text: "all" });
    expect(range("last=3", null)).toEqual({ from: null, to: null, text: "all" });
  });

  test("chosen dates win", () => {
    expect(range("from=2024-08-11&last=3")).toEqual({ from: "2024-08-11", to: null, text: "" });
    expect(range("to=2024-08-11")).toEqual({ from: null, to: "2024-08-11", text: "" });
  });
});

test("the filter in the API's form, without unset values", () => {
  expect(filterText({ from: "2024-08-11T12:00:00Z", to: null, shower: "PER", station: null }))
    .toBe("from=2024-08-11T12%3A00%3A00Z&shower=PER");
  expect(filterText({ from: null })).toBe("");
});
