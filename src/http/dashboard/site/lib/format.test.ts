import { describe, expect, test } from "vitest";
import {
  bytes,
  count,
  countdown,
  fixed,
  plural,
  relative,
  shortCount,
  shortId,
  shortUtc,
  showerListText,
  span,
  utc,
  utcDate,
} from "./format.js";

describe("numbers", () => {
  test("counts, and a dash for null", () => {
    expect([0, 12_345, null, undefined].map(count)).toEqual(["0", "12,345", "–", "–"]);
    expect([9_999, 12_345, 3_000_000].map(shortCount)).toEqual(["9,999", "12.3K", "3M"]);
    expect([plural(1, "file"), plural(2, "file"), plural(0, "body", "bodies")])
      .toEqual(["1 file", "2 files", "0 bodies"]);
  });

  test("decimals with a real minus sign", () => {
    expect(fixed(-1.25, 1)).toBe("−1.3");
    expect([fixed(null), fixed(undefined), fixed(Number.NaN)]).toEqual(["–", "–", "–"]);
  });

  test("bytes", () => {
    expect([950, 1_500, 15_000, 2_500_000, 25_000_000, 3e9, null].map(bytes))
      .toEqual(["950 B", "1.5 kB", "15 kB", "2.5 MB", "25 MB", "3.0 GB", "–"]);
  });
});

describe("times", () => {
  test("a countdown to a second, which ends with now", () => {
    const now = Date.parse("2026-11-20T12:00:00.400Z");
    const at = (s: number) => countdown(now + s * 1000, now);
    expect([-5, 0, 0.1, 45, 59.2, 60.5, 3600].map(at))
      .toEqual(["now", "now", "in 1 s", "in 45 s", "in 1 min", "in 1 min 1 s", "in 1 h"]);
  });

  test("in UTC", () => {
    expect(utc("2026-11-20T12:34:56.789Z")).toBe("2026-11-20 12:34:56 UTC");
    expect(utc(null)).toBe("–");
    expect(shortUtc("2026-11-20T12:34:56Z")).toBe("11-20 12:34");
    expect(utcDate("2026-11-20T23:59:59Z")).toBe("2026-11-20");
  });

  test("spans, with one or two units", () => {
    expect([0.5, 3.25, 59.6, 61, 3_660, 90_000].map(span)).toEqual([
      "500 ms",
      "3.3 s",
      "60 s",
      "1 min 1 s",
      "1 h 1 min",
      "1 d 1 h",
    ]);
    expect([599, 600, 601, 3_600, 864_000].map(span))
      .toEqual(["9 min 59 s", "10 min", "10 min", "1 h", "10 d"]);
  });

  test("relative to now", () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    expect(relative(now - 180_000, now)).toBe("3 min ago");
    expect(relative(now + 7_200_000, now)).toBe("in 2 h");
    expect(relative(now + 1_900, now)).toBe("now");
  });
});

test("the end of an id", () => {
  expect(shortId("019ab0d3-0000-7000-8000-000000000001")).toBe("000001");
});

test("the list that the showers' names come from is described", () => {
  const shipped = {
    in_use: "shipped",
    source: "shipped list of 2021-11",
    state_of: "2021-11",
    fetched_at: null,
    showers: 973,
    address: null,
    note: null,
  } as const;
  const fetched = {
    ...shipped,
    in_use: "fetched",
    state_of: null,
    fetched_at: "2026-11-20T10:00:00.000Z",
  } as const;
  expect(showerListText(null)).toBe("");
  expect(showerListText(shipped))
    .toBe("Names come from the IAU list of November 2021 that ships with the service.");
  expect(showerListText({ ...shipped, note: "could not be fetched: offline" })).toMatch(
    / A newer list: could not be fetched: offline\.$/,
  );
  expect(showerListText(fetched)).toBe("Names come from the IAU list fetched on 2026-11-20.");
  expect(showerListText({ ...fetched, fetched_at: null })).toBe("Names come from the IAU list.");
  expect(showerListText({ ...fetched, in_use: null })).toBe("Names are not available yet.");
});
