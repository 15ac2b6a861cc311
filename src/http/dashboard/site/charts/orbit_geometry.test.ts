import { describe, expect, test } from "vitest";
import fc from "fast-check";
import {
  FARTHEST_AU,
  halfPath,
  isCut,
  largestAnomaly,
  orbitPoints,
  pictureReach,
  placeOfEarth,
  placeOnOrbit,
} from "./orbit_geometry.js";

/** A Leonid. */
const LEONID = {
  a: 5.271479,
  e: 0.813139,
  i: 160.104072,
  peri: 174.215242,
  node: 241.906028,
  q: 0.985035,
  f: 5.781801,
  sol: 241.906579,
};
/** Nearly the Earth's orbit: a circle in the ecliptic. */
const CIRCLE = { a: 1, e: 0, i: 0, peri: 0, node: 0, q: 1, f: 0, sol: 0 };

describe("placeOnOrbit", () => {
  test("a meteoroid is at the Earth's position when it becomes a meteor", () => {
    // At its true anomaly it is opposite to the Sun's longitude, at the Earth's distance and on the ecliptic.
    const { x, y, z, r } = placeOnOrbit(LEONID, LEONID.f);
    expect(r).toBeCloseTo(0.987, 2);
    expect(z).toBeCloseTo(0, 4);
    expect((Math.atan2(y, x) * 180 / Math.PI + 360) % 360).toBeCloseTo(LEONID.sol - 180, 1);
    const earth = placeOfEarth(LEONID.sol);
    expect(Math.hypot(x - earth.x, y - earth.y)).toBeLessThan(0.015);
  });

  test("perihelion and aphelion are q and a (1 + e) away", () => {
    expect(placeOnOrbit(LEONID, 0).r).toBeCloseTo(LEONID.q, 12);
    expect(placeOnOrbit({ ...LEONID, q: 0.5, e: 0.6 }, 180).r).toBeCloseTo(2, 12);
  });

  test("a quarter of a circle: on the ecliptic, and straight up", () => {
    expect(placeOnOrbit(CIRCLE, 90)).toEqual({
      r: 1,
      x: expect.closeTo(0),
      y: expect.closeTo(1),
      z: expect.closeTo(0),
    });
    expect(placeOnOrbit({ ...CIRCLE, i: 90 }, 90)).toEqual({
      r: 1,
      x: expect.closeTo(0),
      y: expect.closeTo(0),
      z: expect.closeTo(1),
    });
  });

  test("the distance matches the coordinates for any orientation of the orbit", () => {
    const degrees = fc.double({ min: 0, max: 360, noNaN: true });
    fc.assert(fc.property(degrees, degrees, degrees, degrees, (i, peri, node, f) => {
      const { x, y, z, r } = placeOnOrbit({ e: 0.7, q: 0.9, i, peri, node }, f);
      expect(Math.hypot(x, y, z)).toBeCloseTo(r, 9);
    }));
  });
});

test("a hyperbola ends half a degree before its asymptote, an ellipse goes full circle", () => {
  expect(largestAnomaly(0.99)).toBe(180);
  // e = 2: the asymptote is at arccos(-1/2) = 120°.
  expect(largestAnomaly(2)).toBeCloseTo(119.5, 10);
});

test("the shown part of an orbit: all of a circle, up to 8 AU of a long orbit", () => {
  expect(orbitPoints(CIRCLE)).toHaveLength(361);
  expect(pictureReach(orbitPoints(CIRCLE))).toBe(1.25);
  expect(isCut(CIRCLE)).toBe(false);
  const long = orbitPoints(LEONID);
  expect(long.length).toBeLessThan(361);
  expect(Math.max(...long.map(({ r }) => r))).toBeLessThanOrEqual(FARTHEST_AU);
  expect(pictureReach(long)).toBe(FARTHEST_AU);
  expect(isCut(LEONID)).toBe(true);
  expect(isCut({ a: -3, e: 1.2 })).toBe(true);
  // Aphelion at 2 AU, plus a margin of 8 %.
  const short = { ...CIRCLE, e: 1 / 3, a: 1.5, q: 1 };
  expect(pictureReach(orbitPoints(short))).toBeCloseTo(2.16, 6);
});

test("the Earth is opposite to the Sun", () => {
  expect(placeOfEarth(0)).toEqual({ x: expect.closeTo(-1), y: expect.closeTo(0) });
  expect(placeOfEarth(270)).toEqual({ x: expect.closeTo(0), y: expect.closeTo(1) });
});

test("the path on one side of the ecliptic restarts wherever the orbit crosses it", () => {
  const points = [1, 1, -1, 1].map((z, at) => ({ x: at, y: at / 2, z, r: 1 }));
  const same = (value: number) => value;
  expect(halfPath(points, true, same, same)).toBe("M0.0 0.0L1.0 0.5M3.0 1.5");
  expect(halfPath(points, false, same, same)).toBe("M2.0 1.0");
});
