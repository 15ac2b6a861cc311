/** The astronomy against published rows: everything else is computed from their time, radiant and speed, as by the GMN. */
import { describe, expect, test } from "vitest";
import { publishedLines } from "../testing/published_file.ts";
import { direction, halfTurn, latitudeOf, longitudeOf, turnAboutZ } from "./angles.ts";
import { enter } from "./entry.ts";
import {
  earthFixed,
  eclipticFromEquatorial,
  equatorialFromEcliptic,
  placeOf,
  precessionTo,
  rotate,
} from "./frames.ts";
import { earthAt, geocentricSpeed, heliocentricSpeed, orbitOf } from "./orbit.ts";
import {
  julianDateOf,
  julianDateOfTotalSolarLongitude,
  momentOf,
  siderealTime,
  solarLongitude,
  totalSolarLongitude,
} from "./time.ts";

const published = publishedLines()?.rows.map((line) => line.split(";").map(Number));

/** The median and the 95th percentile of the difference between computed and published values. */
function residuals(computed: (row: number[]) => number, column: number): [number, number] {
  const left = (published ?? [])
    .filter((row) => Number.isFinite(row[column]))
    .map((row) => Math.abs(halfTurn(computed(row) - (row[column] ?? NaN))))
    .sort((a, b) => a - b);
  return [left[left.length >> 1] ?? NaN, left[Math.floor(left.length * 0.95)] ?? NaN];
}

function orbitOfRow(row: number[]) {
  const [julianDate = 0, sun = 0] = [row[1], row[5]];
  const radiant = direction(row[7] ?? 0, row[9] ?? 0);
  const place = { latitude: row[63] ?? 0, longitude: row[65] ?? 0, height_km: row[67] ?? 0 };
  const offset = eclipticFromEquatorial(
    turnAboutZ(earthFixed(place), -siderealTime(julianDate)),
  );
  return orbitOf(earthAt(sun), offset, eclipticFromEquatorial(radiant), row[15] ?? 0);
}

function entryOfRow(row: number[]) {
  const place = { latitude: row[63] ?? 0, longitude: row[65] ?? 0, height_km: row[67] ?? 0 };
  const julianDate = row[1] ?? 0;
  const radiant = rotate(precessionTo(julianDate), direction(row[7] ?? 0, row[9] ?? 0));
  return enter(radiant, row[15] ?? 0, julianDate, place);
}

describe.skipIf(published === undefined)("published rows", () => {
  const cases: [string, number, (row: number[]) => number, number, number][] = [
    // name, column, computed, largest median, largest 95th percentile
    ["solar longitude", 5, (row) => solarLongitude(row[1] ?? 0), 0.005, 0.005],
    ["sidereal time", 6, (row) => entryOfRow(row).localSiderealTime, 0.02, 0.05],
    [
      "ecliptic longitude",
      11,
      (row) => longitudeOf(eclipticFromEquatorial(direction(row[7] ?? 0, row[9] ?? 0))),
      0.002,
      0.004,
    ],
    [
      "ecliptic latitude",
      13,
      (row) => latitudeOf(eclipticFromEquatorial(direction(row[7] ?? 0, row[9] ?? 0))),
      0.002,
      0.004,
    ],
    ["heliocentric longitude", 17, (row) => orbitOfRow(row).lamHel, 0.03, 0.06],
    ["heliocentric latitude", 19, (row) => orbitOfRow(row).betHel, 0.02, 0.04],
    ["heliocentric speed", 21, (row) => orbitOfRow(row).vHel, 0.02, 0.03],
    ["eccentricity", 25, (row) => orbitOfRow(row).e, 0.001, 0.002],
    ["inclination", 27, (row) => orbitOfRow(row).i, 0.02, 0.05],
    ["argument of perihelion", 29, (row) => orbitOfRow(row).peri, 0.05, 0.2],
    ["node", 31, (row) => orbitOfRow(row).node, 0.01, 0.05],
    ["latitude of perihelion", 35, (row) => orbitOfRow(row).b, 0.05, 0.1],
    ["perihelion distance", 37, (row) => orbitOfRow(row).q, 0.0005, 0.001],
    ["true anomaly", 39, (row) => orbitOfRow(row).f, 0.05, 0.2],
    ["Tisserand parameter", 49, (row) => orbitOfRow(row).tisserand, 0.01, 0.02],
    ["apparent right ascension", 51, (row) => entryOfRow(row).raApp, 0.001, 0.01],
    ["apparent declination", 53, (row) => entryOfRow(row).decApp, 0.001, 0.01],
    ["azimuth", 55, (row) => entryOfRow(row).azimuth, 0.01, 0.05],
    ["elevation", 57, (row) => entryOfRow(row).elevation, 0.01, 0.05],
    ["initial speed", 59, (row) => entryOfRow(row).vInit, 0.001, 0.005],
  ];
  test.each(cases)("%s matches", (_name, column, computed, median, percentile) => {
    const [half, most] = residuals(computed, column);
    expect(half).toBeLessThan(median);
    expect(most).toBeLessThan(percentile);
  });
});

describe("time", () => {
  test("the Sun passes the J2000 equinox point at the right time", () => {
    // Equinox of 2000: March 20, 07:35 UTC.
    expect(halfTurn(solarLongitude(julianDateOf(new Date("2000-03-20T07:35:00Z"))))).toBeCloseTo(
      0,
      1,
    );
    // The Geminid maximum of 2026 at solar longitude 262.2: December 14.
    const geminids = julianDateOfTotalSolarLongitude(27 * 360 + 262.2);
    expect(momentOf(geminids).toISOString().slice(0, 10)).toBe("2026-12-14");
  });

  test("the total longitude and its inverse agree over the years", () => {
    for (let total = 6000; total < 11_000; total += 97.3) {
      const julianDate = julianDateOfTotalSolarLongitude(total);
      expect(Math.abs(totalSolarLongitude(julianDate) - total)).toBeLessThan(1e-7);
    }
  });
});

describe("frames", () => {
  test("conversions round-trip", () => {
    const star = direction(123.4, -56.7);
    const back = equatorialFromEcliptic(eclipticFromEquatorial(star));
    expect(longitudeOf(back)).toBeCloseTo(123.4, 9);
    expect(latitudeOf(back)).toBeCloseTo(-56.7, 9);
    for (const latitude of [-89.9, -45, 0, 12.3, 60, 89.9]) {
      const place = placeOf(earthFixed({ latitude, longitude: -77, height_km: 90 }));
      expect(place.latitude).toBeCloseTo(latitude, 6);
      expect(place.longitude).toBeCloseTo(-77, 9);
      expect(place.height_km).toBeCloseTo(90, 4);
    }
  });

  test("precession of theta Persei matches Meeus (example 21.b)", () => {
    // With proper motion, J2000 41.054063, +49.227750 becomes 41.547214, +49.348483 on 2028 November 13.19.
    const then = rotate(precessionTo(2_462_088.69), direction(41.054063, 49.22775));
    expect(longitudeOf(then)).toBeCloseTo(41.547214, 4);
    expect(latitudeOf(then)).toBeCloseTo(49.348483, 4);
  });
});

describe("orbits", () => {
  test("a parabolic orbit has the escape speed, 42.1 km/s at 1 AU", () => {
    expect(heliocentricSpeed(earthAt(13), 0)).toBeCloseTo(42.1, 0);
  });

  test("the speed from an axis and the axis from the speed agree", () => {
    const earth = earthAt(242);
    const radiant = direction(242 + 200, 3);
    const speed = geocentricSpeed(earth, radiant, heliocentricSpeed(earth, 1 / 2.3));
    expect(orbitOf(earth, [0, 0, 0], radiant, speed).a).toBeCloseTo(2.3, 9);
  });

  test("a hyperbolic orbit has no period", () => {
    const orbit = orbitOf(earthAt(242), [0, 0, 0], direction(242 + 270, 10), 74);
    expect(orbit.a).toBeLessThan(0);
    expect(orbit.aphelion).toBeLessThan(0);
    expect(orbit.e).toBeGreaterThan(1);
    expect(orbit.q).toBeGreaterThan(0);
    expect([orbit.m, orbit.period]).toEqual([NaN, NaN]);
  });
});
