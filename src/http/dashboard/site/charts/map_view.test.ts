import { describe, expect, test } from "vitest";
import fc from "fast-check";
import {
  degreesText,
  draggedView,
  fitView,
  graticule,
  placeOnMap,
  wholeView,
  zoomedView,
} from "./map_view.js";
import { latitudeOf, mercatorY } from "./projections.js";

const [WIDTH, HEIGHT] = [720, 420];
const track = (lat0: number, lon0: number, lat1: number, lon1: number) => ({
  begin: { lat_deg: lat0, lon_deg: lon0 },
  end: { lat_deg: lat1, lon_deg: lon1 },
});

describe("the whole world", () => {
  test("is as wide as the picture, with Greenwich in the middle", () => {
    const view = wholeView(WIDTH);
    expect(view).toEqual({ lon: 0, y: 15, scale: 2 });
    expect(placeOnMap(0, latitudeOf(15), view, WIDTH, HEIGHT)).toEqual([
      360,
      expect.closeTo(210),
    ]);
    expect(placeOnMap(-180, 0, view, WIDTH, HEIGHT)).toEqual([0, expect.closeTo(240)]);
    expect(placeOnMap(180, 0, view, WIDTH, HEIGHT)[0]).toBe(720);
  });
});

describe("fitView", () => {
  test("one short track: its middle, four degrees wide", () => {
    const view = fitView([track(45, 14, 45.2, 14.4)], WIDTH, HEIGHT);
    expect(view.lon).toBeCloseTo(14.2, 10);
    expect(latitudeOf(view.y)).toBeCloseTo(45.1, 2);
    expect(view.scale).toBe(HEIGHT / 4);
  });

  test("no tracks, or no width yet: the whole world", () => {
    expect(fitView([], WIDTH, HEIGHT)).toEqual(wholeView(WIDTH));
    expect(fitView([track(1, 2, 3, 4)], 0, 0)).toEqual(wholeView(0));
  });

  test("all tracks are in the picture", () => {
    const lat = fc.double({ min: -70, max: 70, noNaN: true });
    const lon = fc.double({ min: -120, max: 120, noNaN: true });
    fc.assert(fc.property(
      fc.array(fc.tuple(lat, lon, lat, lon), { minLength: 1, maxLength: 5 }),
      (given) => {
        const tracks = given.map((one) => track(...one));
        const view = fitView(tracks, WIDTH, HEIGHT);
        if (view.scale <= WIDTH / 360) return; // The map gets no smaller: the poles may be cut off.
        for (const { lat_deg, lon_deg } of tracks.flatMap(({ begin, end }) => [begin, end])) {
          const [x, y] = placeOnMap(lon_deg, lat_deg, view, WIDTH, HEIGHT);
          expect(x).toBeGreaterThanOrEqual(-1e-6);
          expect(x).toBeLessThanOrEqual(WIDTH + 1e-6);
          expect(y).toBeGreaterThanOrEqual(-1e-6);
          expect(y).toBeLessThanOrEqual(HEIGHT + 1e-6);
        }
      },
    ));
  });
});

describe("moving", () => {
  test("the place under the pointer stays there when the map is enlarged", () => {
    const view = { lon: 10, y: 20, scale: 8 };
    const next = zoomedView(view, 2, 500, 100, WIDTH, HEIGHT);
    expect(next.scale).toBe(16);
    const lon = 10 + (500 - 360) / 8;
    const lat = latitudeOf(20 - (100 - 210) / 8);
    expect(placeOnMap(lon, lat, next, WIDTH, HEIGHT)).toEqual([
      expect.closeTo(500),
      expect.closeTo(100),
    ]);
  });

  test("never smaller than the whole world, never larger than 220 pixels per degree", () => {
    const view = wholeView(WIDTH);
    expect(zoomedView(view, 0.5, 360, 210, WIDTH, HEIGHT).scale).toBe(2);
    expect(zoomedView(view, 1e6, 360, 210, WIDTH, HEIGHT).scale).toBe(220);
  });

  test("a drag moves the map; the centre stays on the map", () => {
    const view = { lon: 0, y: 0, scale: 4 };
    expect(draggedView(view, 40, 20)).toEqual({ lon: -10, y: 5, scale: 4 });
    expect(draggedView(view, -4000, 0).lon).toBe(180);
    expect(draggedView(view, 0, 40_000).y).toBeCloseTo(mercatorY(80), 10);
  });
});

describe("the graticule", () => {
  test("of the world: every 60 degrees, within the visible part", () => {
    const { meridians, parallels, west, east } = graticule(wholeView(WIDTH), WIDTH, HEIGHT);
    expect([west, east]).toEqual([-180, 180]);
    expect(meridians).toEqual([-180, -120, -60, 0, 60, 120, 180]);
    expect(parallels).toEqual([-60, 0, 60]);
  });

  test("of a region: round degrees, about five across", () => {
    const { meridians, parallels } = graticule({ lon: 14.2, y: 50.5, scale: 105 }, WIDTH, HEIGHT);
    expect(meridians).toEqual([11, 12, 13, 14, 15, 16, 17]);
    expect(parallels).toEqual([44, 45, 46]);
  });

  test("names of its lines", () => {
    expect([-15, 0, 30].map((lon) => degreesText(lon, "E", "W"))).toEqual(["15° W", "0°", "30° E"]);
  });
});
