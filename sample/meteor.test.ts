/** Checks that the generated meteors are astronomically plausible. */
import { beforeAll, describe, expect, test } from "vitest";
import { angleBetween, direction, dot, halfTurn, sinDegrees } from "./astronomy/angles.ts";
import { julianDateOf, siderealTime, solarLongitude } from "./astronomy/time.ts";
import { equatorialFromEcliptic, precessionTo, rotate } from "./astronomy/frames.ts";
import { zenithOf } from "./astronomy/entry.ts";
import { rowAt } from "./history.ts";
import { type Meteor, meteorsOf } from "./meteor.ts";
import { SHOWERS, SPORADIC_SOURCES } from "./showers.ts";
import { neighboursOf, STATIONS } from "./stations.ts";
import type { SummaryRow } from "./summary_row.ts";
import { windowNumberAt, windowOf } from "./windows.ts";

const SEED = 20261124;

/** Every fifteenth window of a year, and the Geminid maximum. */
const meteors: Meteor[] = [];
let rows: SummaryRow[] = [];
beforeAll(() => {
  const first = windowNumberAt(new Date("2026-01-01T00:00:00Z"));
  for (let window = first; window < first + 360; window += 15) {
    meteors.push(...meteorsOf(windowOf(window), SEED, 150));
  }
  meteors.push(...meteorsOf(windowOf(27 * 360 + 262), SEED, 150));
  rows = meteors.map(({ row }) => row);
});

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

describe(`meteors of seed ${SEED}`, () => {
  test("have the speeds, heights and brightness of meteors", () => {
    expect(rows.length).toBeGreaterThan(3000);
    for (const { value, duration_s, peakHeight } of rows) {
      expect(value.vInit).toBeGreaterThan(11);
      expect(value.vInit).toBeLessThan(78);
      expect(value.vGeo).toBeGreaterThan(5);
      expect(value.elevation).toBeGreaterThanOrEqual(4);
      expect(value.heightBegin).toBeLessThan(160);
      expect(value.heightEnd).toBeGreaterThan(20);
      expect(value.heightBegin).toBeGreaterThan(value.heightEnd);
      expect(peakHeight).toBeLessThan(value.heightBegin + 3);
      expect(duration_s).toBeGreaterThan(0.15);
      expect(duration_s).toBeLessThan(15);
    }
    // Medians of a published night: 39 km/s, 99 km, 87 km, 0.45 s, magnitude +0.3.
    const medianOf = (of: (row: SummaryRow) => number) => median(rows.map(of));
    expect(medianOf(({ value }) => value.vGeo)).toBeGreaterThan(30);
    expect(medianOf(({ value }) => value.vGeo)).toBeLessThan(50);
    expect(Math.abs(medianOf(({ value }) => value.heightBegin) - 99.5)).toBeLessThan(4);
    expect(Math.abs(medianOf(({ value }) => value.heightEnd) - 86.7)).toBeLessThan(4);
    expect(Math.abs(medianOf(({ duration_s }) => duration_s) - 0.45)).toBeLessThan(0.15);
    expect(Math.abs(medianOf(({ peakMagnitude }) => peakMagnitude) - 0.27)).toBeLessThan(0.7);
  });

  test("begin higher the faster they are", () => {
    const heights = (slow: number, fast: number) =>
      median(
        rows.filter(({ value: { vInit } }) => slow < vInit && vInit < fast)
          .map(({ value }) => value.heightBegin),
      );
    expect(heights(55, 80) - heights(11, 30)).toBeGreaterThan(10);
  });

  test("appear above cameras at night", () => {
    const byCode = new Map(STATIONS.map((station) => [station.code, station]));
    for (const { julianDate, stations } of rows) {
      const sun = rotate(
        precessionTo(julianDate),
        equatorialFromEcliptic(direction(solarLongitude(julianDate), 0)),
      );
      const sines = stations.map((code) => {
        const { latitude = 0, longitude = 0 } = byCode.get(code) ?? {};
        return dot(sun, zenithOf(latitude, longitude, siderealTime(julianDate)));
      });
      expect(Math.min(...sines)).toBeLessThan(sinDegrees(-8));
      expect(stations.length).toBeGreaterThanOrEqual(2);
      expect(stations.length).toBeLessThanOrEqual(13);
      expect(stations).toEqual([...new Set(stations)].sort());
    }
  });

  test("have tracks consistent with radiant, speed and duration", () => {
    for (const { value, duration_s } of rows) {
      const length = value.vAvg * duration_s;
      const fall = value.heightBegin - value.heightEnd;
      // A flat track descends less than its elevation suggests, because the Earth is round.
      expect(Math.abs(fall - length * sinDegrees(value.elevation))).toBeLessThan(
        0.5 + 0.06 * length,
      );
      const ground = 111.2 * angleBetween(
        direction(value.lonBegin, value.latBegin),
        direction(value.lonEnd, value.latEnd),
      );
      expect(Math.abs(Math.hypot(ground, fall) - length)).toBeLessThan(0.5 + 0.06 * length);
      // It points away from the radiant.
      const east = halfTurn(value.lonEnd - value.lonBegin) *
        Math.cos(value.latBegin * Math.PI / 180);
      const bearing = Math.atan2(east, value.latEnd - value.latBegin) * 180 / Math.PI;
      if (ground > 8) {
        expect(Math.abs(halfTurn(bearing + 180 - value.azimuth))).toBeLessThan(12);
      }
    }
  });

  test("have consistent orbits", () => {
    for (const { value, solarLongitude } of rows) {
      expect(value.e).toBeLessThanOrEqual(1.5);
      expect(value.q).toBeLessThan(1.05);
      expect(value.q).toBeCloseTo(value.a * (1 - value.e), 5);
      // The node is at the solar longitude or opposite to it; flat orbits may differ.
      if (value.i > 5 && value.i < 175) {
        expect(Math.abs(halfTurn(2 * (value.node - solarLongitude)))).toBeLessThan(0.5);
      }
      expect(value.a > 0).toBe(value.e < 1);
      expect(Number.isNaN(value.period)).toBe(value.a < 0);
      expect(Number.isNaN(value.m)).toBe(value.a < 0);
      expect(value.aphelion > 0).toBe(value.a > 0);
    }
  });

  test("are hyperbolic in a few percent of cases, and lack a sigma for M and T in more", () => {
    const share = (of: (row: SummaryRow) => boolean) => rows.filter(of).length / rows.length;
    const hyperbolic = share(({ value }) => value.a < 0);
    expect(hyperbolic).toBeGreaterThan(0.005);
    expect(hyperbolic).toBeLessThan(0.08);
    const open = share(({ sigma }) => Number.isNaN(sigma.m));
    expect(open).toBeGreaterThan(hyperbolic);
    expect(open).toBeLessThan(0.25);
    for (const { value, sigma } of rows) {
      if (value.a < 0) expect([sigma.m, sigma.period]).toEqual([NaN, NaN]);
    }
  });

  test("include Geminids from Gemini at their speed", () => {
    const geminids = rows.filter(({ showerCode }) => showerCode === "GEM");
    expect(geminids.length).toBeGreaterThan(100);
    const at = (of: (row: SummaryRow) => number) => median(geminids.map(of));
    expect(Math.abs(at(({ value }) => value.raGeo) - 113.4)).toBeLessThan(1.5);
    expect(Math.abs(at(({ value }) => value.decGeo) - 32.3)).toBeLessThan(1);
    expect(Math.abs(at(({ value }) => value.vGeo) - 34)).toBeLessThan(0.7);
    expect(Math.abs(at(({ value }) => value.a) - 1.35)).toBeLessThan(0.15);
    expect(Math.abs(at(({ value }) => value.q) - 0.145)).toBeLessThan(0.03);
  });

  test("are mostly sporadic outside of the major showers", () => {
    const quiet = rows.filter(({ solarLongitude }) => solarLongitude < 30);
    const sporadic = quiet.filter(({ showerNumber }) => showerNumber === -1);
    expect(sporadic.length / quiet.length).toBeGreaterThan(0.6);
    for (const { showerCode } of sporadic) expect(showerCode).toBe("...");
  });
});

describe("a window", () => {
  const window = windowOf(27 * 360 + 242);
  test("has the same meteors each time, sorted, within the window, with unique identifiers", () => {
    const once = meteorsOf(window, SEED, 400);
    expect(meteorsOf(window, SEED, 400)).toEqual(once);
    expect(meteorsOf(window, SEED + 1, 400)).not.toEqual(once);
    const times = once.map(({ row }) => row.julianDate);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const { row } of once) {
      expect(row.julianDate).toBeGreaterThan(window.begin);
      expect(row.julianDate).toBeLessThanOrEqual(window.end);
      expect(Math.abs(halfTurn(row.solarLongitude - 242.5))).toBeLessThanOrEqual(0.5001);
      expect(row.id).toMatch(/^\d{14}_[A-Za-z0-9]{5}$/);
      const stamp = new Date(Math.floor(row.beginning_us / 1000)).toISOString();
      expect(row.id.slice(0, 14)).toBe(stamp.replace(/[-T:]/g, "").slice(0, 14));
    }
    expect(new Set(once.map(({ row }) => row.id)).size).toBe(once.length);
  });

  test("has no sigma b before November 2021", () => {
    const old = meteorsOf(windowOf(windowNumberAt(new Date("2019-06-01T00:00:00Z"))), SEED, 30);
    expect(old.length).toBeGreaterThan(5);
    for (const { row } of old) expect(row.sigma.b).toBeNull();
  });

  test("adds its meteors gradually", () => {
    const late = meteorsOf(window, SEED, 2000).find(({ late }) => late !== undefined);
    if (late?.late === undefined) throw new Error("no meteor of 2000 has a late station");
    expect(rowAt(late, late.solvedAt - 0.001)).toBeUndefined();
    const young = rowAt(late, late.solvedAt + 0.001);
    expect(Object.values(young?.sigma ?? {}).every((sigma) => sigma === null)).toBe(true);
    expect(young?.stations).toEqual(
      late.row.stations.filter((code) => code !== late.late?.station),
    );
    expect(rowAt(late, julianDateOf(new Date("2027-01-01T00:00:00Z")))).toBe(late.row);
  });

  test("without meteors is empty", () => {
    expect(meteorsOf(window, SEED, 0)).toEqual([]);
  });
});

describe("tables", () => {
  test("stations are well-formed, unique and always have a neighbour", () => {
    expect(STATIONS.length).toBeGreaterThan(140);
    for (const { code } of STATIONS) expect(code).toMatch(/^[A-Z]{2}[A-Z0-9]{4}$/);
    expect(new Set(STATIONS.map(({ code }) => code)).size).toBe(STATIONS.length);
    for (const station of STATIONS) expect(neighboursOf(station).length).toBeGreaterThan(0);
  });

  test("showers have unique numbers, and sources add up to the background", () => {
    expect(new Set(SHOWERS.map(({ number }) => number)).size).toBe(SHOWERS.length);
    expect(SHOWERS.some(({ code }) => code.length === 5)).toBe(true);
    const total = SPORADIC_SOURCES.reduce((sum, { weight }) => sum + weight, 0);
    expect(total).toBeCloseTo(1, 1);
  });
});
