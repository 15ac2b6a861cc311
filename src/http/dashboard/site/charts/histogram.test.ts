import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { barsOf, countAxis, sumOf, trimmed } from "./histogram.js";

const bins = (width: number, ...counts: number[]) => ({
  bins: counts.map((meteors, at) => ({ from: at * width, to: (at + 1) * width, meteors })),
});

describe("bars", () => {
  test("have meteors of showers below, sporadic ones above, named with the unit", () => {
    expect(barsOf(bins(1, 5, 8), bins(1, 2, 8), "km/s")).toEqual([
      { from: 0, to: 1, parts: [3, 2], name: "0 to 1 km/s" },
      { from: 1, to: 2, parts: [0, 8], name: "1 to 2 km/s" },
    ]);
    expect(barsOf(bins(0.5, 5), null, "mag")).toEqual([
      { from: 0, to: 0.5, parts: [5, 0], name: "0.0 to 0.5 mag" },
    ]);
  });

  test("the parts never add up to more than the whole, and are never negative", () => {
    const counts = fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(counts, counts, (all, sporadic) => {
      const bars = barsOf(bins(1, ...all), bins(1, ...sporadic), "");
      expect(bars.map(sumOf)).toEqual(all);
      expect(bars.flatMap(({ parts }) => parts).every((part) => part >= 0)).toBe(true);
    }));
  });

  test("empty bars at both ends are removed, those between are kept", () => {
    const trim = (...counts: number[]) =>
      trimmed(barsOf(bins(1, ...counts), null, "")).map(({ from }) => from);
    expect(trim(0, 0, 4, 0, 1, 0)).toEqual([2, 3, 4]);
    expect(trim(0, 0)).toEqual([]);
    expect(trim(7)).toEqual([0]);
  });
});

describe("the axis of counts", () => {
  test("linear: round whole numbers up to the highest bar", () => {
    const axis = countAxis(437, false, [190, 10]);
    expect(axis.values).toEqual([0, 200, 400, 600]);
    expect([0, 300, 600].map(axis.place)).toEqual([190, 100, 10]);
    expect(countAxis(0, false, [190, 10]).values).toEqual([0, 1]);
  });

  test("logarithmic: powers of ten, a count of zero at the floor, of one above it", () => {
    const axis = countAxis(150, true, [190, 10]);
    expect(axis.values).toEqual([1, 10, 100, 1000]);
    expect(axis.place(0)).toBeCloseTo(190, 10);
    expect(axis.place(1)).toBeLessThan(190);
    expect(axis.place(1000)).toBeCloseTo(10, 10);
    expect(axis.scale(axis.at(100))).toBeCloseTo(axis.place(100), 10);
  });
});
