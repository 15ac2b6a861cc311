import { expect, test } from "vitest";
import { commonHeight, heightRange, stepPath } from "./height_profile.js";

const bins = (...counts: [from: number, meteors: number][]) =>
  counts.map(([from, meteors]) => ({ from, to: from + 2, meteors }));
const same = (value: number) => value;

test("70 to 120 km are always shown, and further heights that have meteors", () => {
  expect(heightRange([])).toEqual({ low: 70, high: 120, most: 0 });
  expect(heightRange(bins([88, 4], [90, 9]))).toEqual({ low: 70, high: 120, most: 9 });
  expect(heightRange(bins([30, 0], [42, 1], [130, 2], [150, 0])))
    .toEqual({ low: 42, high: 132, most: 2 });
});

test("the outline goes up bin by bin, and returns to zero", () => {
  expect(stepPath(bins([70, 3], [72, 5]), { low: 70, high: 120 }, same, same))
    .toBe("M0 70.0V70.0H3.0V72.0V72.0H5.0V74.0H0");
  expect(stepPath(bins([60, 3], [119, 5]), { low: 70, high: 120 }, same, same)).toBe("M0 70.0H0");
});

test("the most common height is the middle of the fullest bin", () => {
  expect(commonHeight(bins([88, 4], [90, 9], [92, 9]))).toBe(91);
  expect(commonHeight([])).toBe(0);
});
