import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { dateTicks, instant, nightBars } from "./nights.js";

const DAY_MS = 86_400_000;
const noon = (night: string) => Date.parse(`${night}T12:00:00Z`);
const night = (date: string, meteors: number, shower_meteors: number) => ({
  night: date,
  meteors,
  shower_meteors,
});

describe("nightBars", () => {
  test("no nights: no bars", () => expect(nightBars([])).toBeNull());

  test("few nights: one bar each, from noon to noon, at least three days wide", () => {
    const counted = nightBars([night("2024-08-12", 10, 7), night("2024-08-13", 4, 0)])!;
    expect(counted).toEqual({
      step: 1,
      first: "2024-08-12",
      last: "2024-08-13",
      domain: [noon("2024-08-12"), noon("2024-08-15")],
      bars: [
        { from: noon("2024-08-12"), to: noon("2024-08-13"), parts: [7, 3] },
        { from: noon("2024-08-13"), to: noon("2024-08-14"), parts: [0, 4] },
      ],
    });
  });

  test("weeks from 121 nights on, months from 1,401 on", () => {
    const over = (days: number) =>
      nightBars([
        night("2020-01-01", 1, 0),
        night(new Date(noon("2020-01-01") + (days - 1) * DAY_MS).toISOString().slice(0, 10), 1, 0),
      ])!.step;
    expect([1, 120, 121, 1400, 1401].map(over)).toEqual([1, 1, 7, 7, 30]);
  });

  test("nights of one week make one bar", () => {
    const counted = nightBars([
      night("2024-01-01", 3, 1),
      night("2024-01-07", 5, 5),
      night("2024-01-08", 2, 0),
      night("2024-06-01", 1, 1),
    ])!;
    expect(counted.step).toBe(7);
    expect(counted.bars.slice(0, 2)).toEqual([
      { from: noon("2024-01-01"), to: noon("2024-01-08"), parts: [6, 2] },
      { from: noon("2024-01-08"), to: noon("2024-01-15"), parts: [0, 2] },
    ]);
  });

  test("no meteor is lost or counted twice", () => {
    const days = fc.uniqueArray(fc.nat(4000), { minLength: 1, maxLength: 60 });
    fc.assert(fc.property(days, (given) => {
      const nights = given.toSorted((a, b) => a - b).map((day) =>
        night(new Date(noon("2018-12-01") + day * DAY_MS).toISOString().slice(0, 10), day + 2, day)
      );
      const { bars } = nightBars(nights)!;
      const sum = bars.reduce((all, { parts }) => all + parts[0]! + parts[1]!, 0);
      expect(sum).toBe(nights.reduce((all, { meteors }) => all + meteors, 0));
    }));
  });
});

describe("the axis of dates", () => {
  const texts = (from: string, to: string) =>
    dateTicks([noon(from), noon(to)]).map(({ text }) => text);

  test("days, then every second, fifth, tenth", () => {
    expect(texts("2024-08-11", "2024-08-14")).toEqual(["08-11", "08-12", "08-13"]);
    expect(texts("2024-08-01", "2024-08-21").slice(0, 3)).toEqual(["08-01", "08-03", "08-05"]);
    expect(texts("2024-01-01", "2024-05-01").slice(0, 3)).toEqual(["01-01", "01-11", "01-21"]);
  });

  test("months, then quarters, then years", () => {
    expect(texts("2024-01-15", "2024-12-15").slice(0, 2)).toEqual(["2024-02", "2024-03"]);
    expect(texts("2023-01-15", "2024-12-15").slice(0, 2)).toEqual(["2023-04", "2023-07"]);
    expect(texts("2018-12-01", "2024-12-15")).toEqual([
      "2019",
      "2020",
      "2021",
      "2022",
      "2023",
      "2024",
    ]);
  });
});

test("an instant has no fraction of a second", () => {
  expect(instant(Date.parse("2024-08-12T12:00:00.987Z"))).toBe("2024-08-12T12:00:00Z");
});
