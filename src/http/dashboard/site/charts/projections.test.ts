import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { hammer, latitudeOf, mercatorY, wrap180 } from "./projections.js";

const angle = fc.double({ min: -720, max: 720, noNaN: true });
const latitude = fc.double({ min: -90, max: 90, noNaN: true });

describe("hammer", () => {
  test("the centre is in the middle, and longitude increases to the left", () => {
    expect(hammer(270, 0, 270)).toEqual([-0, 0].map((zero) => expect.closeTo(zero)));
    // The Sun (0) is 90 degrees beyond the apex (270): to the left. The anti-Sun is to the right.
    expect(hammer(0, 0, 270)[0]).toBeLessThan(0);
    expect(hammer(180, 0, 270)[0]).toBeGreaterThan(0);
    expect(hammer(10, 60, 270)[1]).toBeGreaterThan(0);
  });

  test("known places: a quarter turn, the rim, the poles", () => {
    // x = 2 sin 45° / √(1 + cos 45°)
    expect(hammer(90, 0, 0)).toEqual([expect.closeTo(-1.0823922, 7), expect.closeTo(0)]);
    expect(hammer(-90, 0, 0)).toEqual([expect.closeTo(1.0823922, 7), expect.closeTo(0)]);
    expect(hammer(180, 0, 0)[0]).toBeCloseTo(2, 12);
    expect(hammer(123, 90, 270)).toEqual([expect.closeTo(0), expect.closeTo(1)]);
    expect(hammer(123, -90, 270)).toEqual([expect.closeTo(0), expect.closeTo(-1)]);
    // y = sin 60° / √(1 + cos 60°)
    expect(hammer(0, 60, 0)).toEqual([expect.closeTo(0), expect.closeTo(Math.SQRT1_2, 12)]);
  });

  test("everything lies in an ellipse twice as wide as high", () => {
    fc.assert(fc.property(angle, latitude, (lon, lat) => {
      const [x, y] = hammer(lon, lat, 270);
      expect((x / 2) ** 2 + y ** 2).toBeLessThanOrEqual(1 + 1e-9);
    }));
  });

  test("a whole turn changes nothing, and the two sides mirror each other", () => {
    fc.assert(fc.property(fc.double({ min: -179, max: 179, noNaN: true }), latitude, (lon, lat) => {
      const [x, y] = hammer(lon, lat, 0);
      expect(hammer(lon + 360, lat, 0)).toEqual([expect.closeTo(x, 9), expect.closeTo(y, 9)]);
      expect(hammer(-lon, lat, 0)).toEqual([expect.closeTo(-x, 9), expect.closeTo(y, 9)]);
    }));
  });

  test("equal areas stay equal: a cap's share of the ellipse is its share of the sky", () => {
    let inside = 0;
    let all = 0;
    for (let lat = -89.5; lat < 90; lat++) {
      // The height of a narrow band at the central meridian, times its width.
      const [, y0] = hammer(0, lat - 0.5, 0);
      const [, y1] = hammer(0, lat + 0.5, 0);
      const width = 4 * Math.sqrt(Math.max(0, 1 - ((y0 + y1) / 2) ** 2));
      all += (y1 - y0) * width;
      if (lat > 30) inside += (y1 - y0) * width;
    }
    // Parallels are curved, so the straight cut at 30 degrees is a little off.
    expect(all).toBeCloseTo(2 * Math.PI, 2);
    expect(inside / all).toBeGreaterThan(0.2);
    expect(inside / all).toBeLessThan(0.32);
  });
});

describe("wrap180", () => {
  test.each([[0, 0], [180, -180], [190, -170], [-190, 170], [360, 0], [-540, -180]])(
    "wrap180(%d) is %d",
    (angle, wrapped) => expect(wrap180(angle)).toBeCloseTo(wrapped),
  );

  test("the result is in range and a whole number of turns away", () => {
    fc.assert(fc.property(fc.integer({ min: -100_000, max: 100_000 }), (angle) => {
      const wrapped = wrap180(angle);
      expect(wrapped).toBeGreaterThanOrEqual(-180);
      expect(wrapped).toBeLessThan(180);
      expect(Math.abs((angle - wrapped) % 360)).toBe(0);
    }));
  });
});

describe("Mercator", () => {
  test("known latitudes: the inverse Gudermannian function, in degrees", () => {
    expect(mercatorY(0)).toBeCloseTo(0, 12);
    expect(mercatorY(45)).toBeCloseTo(Math.asinh(1) * 180 / Math.PI, 10);
    expect(mercatorY(60)).toBeCloseTo(Math.asinh(Math.sqrt(3)) * 180 / Math.PI, 10);
  });

  test("the inverse restores the latitude; beyond 85° it stays at 85°", () => {
    fc.assert(fc.property(fc.double({ min: -85, max: 85, noNaN: true }), (lat) => {
      expect(latitudeOf(mercatorY(lat))).toBeCloseTo(lat, 8);
    }));
    expect(latitudeOf(mercatorY(90))).toBeCloseTo(85, 8);
    expect(latitudeOf(mercatorY(-89))).toBeCloseTo(-85, 8);
  });
});
