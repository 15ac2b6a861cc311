import { describe, expect, test } from "vitest";
import fc from "fast-check";
import {
  coordinatesOf,
  placeOnSky,
  shownNames,
  skyGrid,
  skyHeight,
  skyRadius,
} from "./sky_geometry.js";

const WIDTH = 628;
const HEIGHT = skyHeight(WIDTH);

test("a map is twice as wide as high, with 14 pixels around it", () => {
  expect(skyRadius(WIDTH)).toBe(300);
  expect(HEIGHT).toBe(328);
  expect(skyHeight(0)).toBe(38);
});

describe("places", () => {
  test("the centre, the rim and the poles", () => {
    expect(placeOnSky(270, 0, 270, WIDTH, HEIGHT)).toEqual([
      expect.closeTo(314),
      expect.closeTo(164),
    ]);
    // Longitude increases to the left: a longitude just before the half turn is at the left rim.
    expect(placeOnSky(269.999 + 180, 0, 270, WIDTH, HEIGHT)[0]).toBeCloseTo(14, 1);
    expect(placeOnSky(0, 90, 270, WIDTH, HEIGHT)).toEqual([
      expect.closeTo(314),
      expect.closeTo(14),
    ]);
    expect(placeOnSky(0, -90, 270, WIDTH, HEIGHT)[1]).toBeCloseTo(314, 9);
  });

  test("0° and 360° are the same place", () => {
    expect(placeOnSky(360, 20, 270, WIDTH, HEIGHT)).toEqual(placeOnSky(0, 20, 270, WIDTH, HEIGHT));
  });

  test("every place is inside the picture", () => {
    fc.assert(fc.property(
      fc.double({ min: 0, max: 360, noNaN: true }),
      fc.double({ min: -90, max: 90, noNaN: true }),
      (lon, lat) => {
        const [x, y] = placeOnSky(lon, lat, 180, WIDTH, HEIGHT);
        expect(x).toBeGreaterThanOrEqual(14 - 1e-6);
        expect(x).toBeLessThanOrEqual(WIDTH - 14 + 1e-6);
        expect(y).toBeGreaterThanOrEqual(14 - 1e-6);
        expect(y).toBeLessThanOrEqual(HEIGHT - 14 + 1e-6);
      },
    ));
  });
});

test("a radiant has its coordinates in either frame; one without right ascension is not on that map", () => {
  const radiant = {
    id: "x",
    time: "",
    shower: null,
    sun_centred_longitude_deg: 268.4,
    latitude_deg: -21,
    rageo_deg: null,
    decgeo_deg: null,
    vgeo_km_s: null,
  };
  expect(coordinatesOf(radiant, "ecliptic")).toEqual({ lon: 268.4, lat: -21 });
  expect(coordinatesOf(radiant, "equatorial")).toBeNull();
  expect(coordinatesOf({ ...radiant, rageo_deg: 0, decgeo_deg: 5 }, "equatorial"))
    .toEqual({ lon: 0, lat: 5 });
});

test("the grid has a line every 30 degrees and stays off the rim", () => {
  const { parallels, meridians, equator } = skyGrid(180);
  expect(parallels.map((line) => line[0]![1])).toEqual([-60, -30, 0, 30, 60]);
  expect(meridians.map((line) => line[0]![0])).toEqual(
    [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330],
  );
  expect(equator[0]![0]).toBeCloseTo(0.018, 6);
  expect(equator.at(-1)![0]).toBeCloseTo(359.982, 6);
});

test("axis labels: on a narrow map only every 60 degrees and named points", () => {
  const at = (frame: "ecliptic" | "equatorial", width: number) =>
    shownNames(frame, width).map(([lon]) => lon).toSorted((a, b) => a - b);
  expect(at("ecliptic", 900)).toEqual([0, 30, 60, 120, 180, 210, 240, 270, 300, 330]);
  expect(at("ecliptic", 400)).toEqual([0, 60, 120, 180, 240, 270, 300]);
  expect(at("equatorial", 400)).toEqual([60, 120, 180, 240, 300]);
});
