import { expect, test } from "vitest";
import { nearest } from "./canvas.js";

test("finds the nearest mark within reach; of two equally near, the later one, which is drawn below", () => {
  const marks = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 8 }];
  expect(nearest(marks, 1, 1, 9)).toBe(0);
  expect(nearest(marks, 10, 3, 9)).toBe(1);
  expect(nearest(marks, 10, 4, 9)).toBe(2);
  expect(nearest(marks, 10, 17, 9)).toBe(2);
  expect(nearest(marks, 10, 17.1, 9)).toBe(-1);
  expect(nearest([], 0, 0, 9)).toBe(-1);
});
