import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { linear, niceStep, niceTop, powersOfTen, ticks, ticksThatFit } from "./scale.js";

describe("ticks", () => {
  test("are round, inside, and about as many as wanted", () => {
    expect(ticks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(-8.5, 4, 8)).toEqual([-8, -6, -4, -2, 0, 2, 4]);
    expect(ticks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(5, 5, 3)).toEqual([5]);
    fc.assert(fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      fc.integer({ min: 2, max: 12 }),
      (low, size, wanted) => {
        const values = ticks(low, low + size, wanted);
        expect(values.length).toBeLessThanOrEqual(wanted + 1);
        const slack = size * 1e-6 + 1e-6;
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(low - slack);
          expect(value).toBeLessThanOrEqual(low + size + slack);
        }
      },
    ));
  });

  test("are thinned out if their labels would touch: all stay, or every second, third, …", () => {
    const named = [0, 10, 20, 30, 40].map((at) => ({ at, text: `${at} km` }));
    // Texts of 5 digits need 5 * 7 + 9 = 44 pixels from middle to middle, the first pair 4 less.
    const shown = (width: number) =>
      ticksThatFit(named, linear([0, 40], [0, width])).map(({ at }) => at);
    expect(shown(176)).toEqual([0, 10, 20, 30, 40]);
    expect(shown(175)).toEqual([0, 20, 40]);
    expect(shown(80)).toEqual([0, 30]);
    expect(shown(1)).toEqual([0]);
    expect(ticksThatFit([], linear([0, 1], [0, 1]))).toEqual([]);
  });
});

test("a round step is 1, 2 or 5 times a power of ten, and not below the given step", () => {
  expect([0.03, 1, 1.1, 3, 7, 150].map(niceStep)).toEqual([0.05, 1, 2, 5, 10, 200]);
  fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (step) => {
    const nice = niceStep(step);
    expect(nice).toBeGreaterThanOrEqual(step * (1 - 1e-6));
    expect(nice).toBeLessThanOrEqual(step * 2.5 * (1 + 1e-6));
  }));
});

test("ends of axes and powers of ten", () => {
  expect([0, 1, 437, 400].map((high) => niceTop(high, 4))).toEqual([1, 1, 600, 400]);
  expect([1, 10, 11, 150].map(powersOfTen)).toEqual([[1], [1, 10], [1, 10, 100], [
    1,
    10,
    100,
    1000,
  ]]);
});

describe("a linear scale", () => {
  test("goes from its domain to its range, and beyond", () => {
    const scale = linear([0, 10], [100, 0]);
    expect([0, 2.5, 10, 11].map(scale)).toEqual([100, 75, 0, -10]);
    expect(scale.domain).toEqual([0, 10]);
    expect(scale.range).toEqual([100, 0]);
  });

  test("of a single value is its beginning", () => {
    expect(linear([3, 3], [5, 50])(3)).toBe(5);
  });
});
