import { describe, expect, test } from "vitest";
import {
  drawingOrder,
  seriesList,
  seriesOf,
  shapeOf,
  shapePath,
  speedColour,
  speedColours,
} from "./series.js";

const CODES = ["LEO", "NTA", "A", "B", "C", "D", "E", "F"];

test("showers have colours by their number of meteors, and shapes of their own", () => {
  const indexOf = seriesOf(CODES);
  expect(["LEO", "E", "F", null].map(indexOf)).toEqual([0, 6, "other", "sporadic"]);
  const all = [0, 1, 2, 3, 4, 5, 6, "other", "sporadic"] as const;
  expect(new Set(all.map(shapeOf)).size).toBe(9);
});

describe("the key of the maps", () => {
  const keys = (codes: string[], chosen: string | null) =>
    seriesList(codes, chosen).map(({ key, index }) => [key, index]);

  test("seven showers, the others, the sporadic ones", () => {
    expect(keys(CODES, null).map(([key]) => key))
      .toEqual(["LEO", "NTA", "A", "B", "C", "D", "E", "other", "sporadic"]);
    expect(keys(["LEO"], null)).toEqual([["LEO", 0], ["sporadic", "sporadic"]]);
  });

  test("only the chosen one, as it is on the map", () => {
    expect(keys(CODES, "NTA")).toEqual([["NTA", 1]]);
    expect(keys(CODES, "sporadic")).toEqual([["sporadic", "sporadic"]]);
    expect(keys(CODES, "F")).toEqual([["other", "other"]]);
    expect(keys(["LEO"], "XYZ")).toEqual([]);
  });
});

test("showers are drawn over the others, those over sporadic meteors, newer over older", () => {
  const marks =
    ([["a", 0], ["b", "sporadic"], ["c", "other"], ["d", 3], ["e", "sporadic"]] as const)
      .map(([id, index]) => ({ id, index }));
  expect(drawingOrder(marks).map(({ id }) => id)).toEqual(["e", "b", "c", "d", "a"]);
});

test("the slowest and fastest meteors have the end colours, also beyond 11 and 72 km/s", () => {
  const colours = speedColours(false);
  expect([5, 11, 41.5, 72, 90].map((speed) => colours.indexOf(speedColour(speed, colours))))
    .toEqual([0, 0, 4, 8, 8]);
  expect(speedColours(true)).toHaveLength(colours.length);
});

test("shapes have about the area of a circle of their radius", () => {
  expect(shapePath("square", 10)).toBe("M-9 -9L9 -9L9 9L-9 9Z");
  expect(shapePath("circle", 2)).toBe("M2 0A2 2 0 1 1 -2 0A2 2 0 1 1 2 0Z");
  expect(shapePath("star", 1).match(/[ML]/g)).toHaveLength(10);
});
