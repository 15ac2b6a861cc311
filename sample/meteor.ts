/**
 * The meteors of one window: each comes from somewhere, meets the night side of the Earth above some cameras, and is
 * measured. Most draws are discarded at some step: by day, below the horizon, seen by one camera only.
 */
import {
  direction,
  dot,
  latitudeOf,
  longitudeOf,
  sinDegrees,
  turn,
  turnAboutZ,
  type Vector,
} from "./astronomy/angles.ts";
import { enter, type Entry, zenithOf } from "./astronomy/entry.ts";
import {
  earthFixed,
  eclipticFromEquatorial,
  equatorialFromEcliptic,
  precessionTo,
  rotate,
  type Rotation,
} from "./astronomy/frames.ts";
import { earthAt, type EarthState, type Orbit, orbitOf } from "./astronomy/orbit.ts";
import { epochMicrosecondsOf, siderealTime, solarLongitude } from "./astronomy/time.ts";
import { braking, photometricMass } from "./light.ts";
import { type Arrival, type Influx, influxAt } from "./radiants.ts";
import { createRandom, type Random } from "./random.ts";
import { sight } from "./sighting.ts";
import { type Station, STATIONS } from "./stations.ts";
import type { Measured, SummaryRow } from "./summary_row.ts";
import { LOWEST_ELEVATION, type Track, trackNear } from "./track.ts";
import { groundErrors, measuringError, propagate } from "./uncertainty.ts";
import type { Window } from "./windows.ts";

/** A meteor and its history in the files (see `history.ts`). Julian dates. */
export interface Meteor {
  row: SummaryRow;
  /** When it first appears in the files, without uncertainties. */
  solvedAt: number;
  /** When it gets uncertainties. */
  refinedAt: number;
  /** A station with late data: the row has it from this moment on. */
  late: { station: string; at: number } | undefined;
}

/** Cameras work when the Sun is this far below the horizon, degrees. */
const NIGHT_BELOW_DEGREES = -9;
/** Sine of the elevation below which radiants are skipped: they hardly ever give a track. */
const SMALLEST_SINE = 0.03;
/** The real writer's limit. */
const LARGEST_ECCENTRICITY = 1.5;
/** A window needs about 20 draws per meteor; far more mean that something is wrong with the model. */
const MOST_DRAWS_PER_METEOR = 2000;
/** Solutions older than this (2021-11-09) have no uncertainty for the latitude of perihelion. */
const SIGMA_B_SINCE_JULIAN_DATE = 2_459_527.5;
/** Before this day (2025-03-04) a mass of zero was written for meteors without usable magnitudes. */
const MASSES_MENDED_JULIAN_DATE = 2_460_738.5;

const ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Mean of `Influx.rate` over the year, so that `meteorsPerDay` is a true mean. */
const MEAN_RATE = Array.from({ length: 360 }, (_, degree) => influxAt(degree + 0.5).rate)
  .reduce((sum, rate) => sum + rate, 0) / 360;

/** All meteors of a window, in order of time. The same seed and window give the same meteors, whatever else is generated. */
export function meteorsOf(window: Window, seed: number, meteorsPerDay: number): Meteor[] {
  const random = createRandom("window", seed, window.number, meteorsPerDay);
  const sky = skyOf(window);
  const count = random.poisson(meteorsPerDay * sky.influx.rate / MEAN_RATE);
  const meteors: Meteor[] = [];
  for (let draws = 0; meteors.length < count; draws++) {
    if (draws > count * MOST_DRAWS_PER_METEOR) {
      throw new Error(
        `window ${window.number}: ${draws} draws gave ${meteors.length} of ${count} meteors`,
      );
    }
    const meteor = drawMeteor(sky, random);
    if (meteor !== undefined) meteors.push(meteor);
  }
  return meteors.sort((a, b) => a.row.julianDate - b.row.julianDate);
}

/** Values that are constant within a window, in which the Sun moves only one degree. */
interface Sky {
  window: Window;
  influx: Influx;
  /** Towards the Sun, equator and equinox of date. */
  sun: Vector;
  precession: Rotation;
}

function skyOf(window: Window): Sky {
  const middle = (window.begin + window.end) / 2;
  const precession = precessionTo(middle);
  return {
    window,
    influx: influxAt(window.number % 360 + 0.5),
    sun: rotate(precession, equatorialFromEcliptic(direction(solarLongitude(middle), 0))),
    precession,
  };
}

function drawMeteor(sky: Sky, random: Random): Meteor | undefined {
  const { window } = sky;
  // 1 - uniform: a window excludes its begin and includes its end.
  const julianDate = window.begin + (window.end - window.begin) * (1 - random.uniform());
  const station = random.pick(STATIONS);
  const sidereal = siderealTime(julianDate);
  const zenith = zenithOf(station.latitude, station.longitude, sidereal);
  if (dot(sky.sun, zenith) > sinDegrees(NIGHT_BELOW_DEGREES)) return undefined;

  const sun = solarLongitude(julianDate);
  const earth = earthAt(sun);
  const arrival = sky.influx.next(random, earth, sun);
  if (arrival === undefined) return undefined;
  const truth = equatorialFromEcliptic(arrival.radiant);
  const sine = dot(rotate(sky.precession, truth), zenith);
  // A horizontal surface receives fewer meteors from a low radiant.
  if (sine < SMALLEST_SINE || random.uniform() > sine) return undefined;
  return measure({ sky, julianDate, station, sun, earth, arrival, truth }, random);
}

/** A meteoroid above a camera at night. */
interface Encounter {
  sky: Sky;
  julianDate: number;
  /** The camera that always sees the meteor; others may. */
  station: Station;
  sun: number;
  earth: EarthState;
  arrival: Arrival;
  /** The true radiant, J2000 equatorial. */
  truth: Vector;
}

function measure(encounter: Encounter, random: Random): Meteor | undefined {
  const { julianDate, arrival, station, truth } = encounter;
  const { precession } = encounter.sky;
  const track = trackNear(station, rotate(precession, truth), arrival.vGeo, julianDate, random);
  if (track === undefined) return undefined;
  const sighting = sight(station, track.begin, track.end, track.magnitude, random);
  if (sighting === undefined) return undefined;

  // The measured radiant and speed include the measurement's error.
  const { convergenceAngle, stations } = sighting;
  const error = measuringError(arrival.vGeo, convergenceAngle, stations.length, random);
  if (error === undefined) return undefined;
  const vGeo = arrival.vGeo + error.vGeo * random.normal();
  const dec = Math.min(89.9, Math.max(-89.9, latitudeOf(truth) + error.alongDec * random.normal()));
  const ra = turn(
    longitudeOf(truth) + error.alongRa * random.normal() / Math.cos(dec * Math.PI / 180),
  );
  const entry = enter(
    rotate(precession, direction(ra, dec)),
    vGeo,
    julianDate,
    track.begin,
  );
  const offset = eclipticFromEquatorial(
    turnAboutZ(earthFixed(track.begin), -siderealTime(julianDate)),
  );
  const orbitFrom = (ra: number, dec: number, vGeo: number): Orbit =>
    orbitOf(encounter.earth, offset, eclipticFromEquatorial(direction(ra, dec)), vGeo);
  const orbit = orbitFrom(ra, dec, vGeo);
  if (orbit.e > LARGEST_ECCENTRICITY || entry.elevation < LOWEST_ELEVATION) return undefined;

  const sigma: Record<Measured, number | null> = {
    ...propagate({ ra, dec, vGeo, orbit }, error, orbitFrom),
    ...groundErrors(error, { ...entry, latitude: track.begin.latitude, vGeo }, random),
  };
  if (julianDate < SIGMA_B_SINCE_JULIAN_DATE) sigma.b = null;
  const value = valuesOf({ ra, dec, vGeo, orbit, entry, track });
  return withHistory(rowOf({ encounter, track, entry, value, sigma, sighting, random }), random);
}

function valuesOf(
  { ra, dec, vGeo, orbit, entry, track: { begin, end } }: {
    ra: number;
    dec: number;
    vGeo: number;
    orbit: Orbit;
    entry: Entry;
    track: Track;
  },
): Record<Measured, number> {
  const ecliptic = eclipticFromEquatorial(direction(ra, dec));
  return {
    raGeo: ra,
    decGeo: dec,
    lamGeo: longitudeOf(ecliptic),
    betGeo: latitudeOf(ecliptic),
    vGeo,
    ...orbit,
    raApp: entry.raApp,
    decApp: entry.decApp,
    azimuth: entry.azimuth,
    elevation: entry.elevation,
    vInit: entry.vInit,
    // Set together with the duration, because they must be consistent.
    vAvg: NaN,
    latBegin: begin.latitude,
    lonBegin: begin.longitude,
    heightBegin: begin.height_km,
    latEnd: end.latitude,
    lonEnd: end.longitude,
    heightEnd: end.height_km,
  };
}

function rowOf({ encounter, track, entry, value, sigma, sighting, random }: {
  encounter: Encounter;
  track: Track;
  entry: Entry;
  value: Record<Measured, number>;
  sigma: Record<Measured, number | null>;
  sighting: { stations: string[]; convergenceAngle: number };
  random: Random;
}): SummaryRow {
  const { julianDate, arrival: { shower } } = encounter;
  const beginning_us = epochMicrosecondsOf(julianDate);
  const vAvg = entry.vInit * braking(random);
  const duration_s = track.length_km / vAvg;
  const fParameter = Math.max(-0.05, Math.min(1, 0.57 + 0.19 * random.normal()));
  const fall = track.begin.height_km - track.end.height_km;
  const massless = julianDate < MASSES_MENDED_JULIAN_DATE && random.uniform() < 0.003;
  return {
    id: identifier(beginning_us, random),
    julianDate,
    beginning_us,
    showerNumber: shower?.number ?? -1,
    showerCode: shower?.code ?? "...",
    solarLongitude: encounter.sun,
    localSiderealTime: entry.localSiderealTime,
    value: { ...value, vAvg },
    sigma,
    duration_s,
    peakMagnitude: track.magnitude,
    peakHeight: track.begin.height_km - fParameter * fall,
    fParameter,
    mass_kg: massless ? 0 : photometricMass(track.magnitude, duration_s, vAvg, random),
    convergenceAngle: sighting.convergenceAngle,
    medianFitError: 45 * Math.exp(0.53 * random.normal()),
    beginInView: inView(random),
    endInView: inView(random),
    stations: sighting.stations,
  };
}

/** Nearly always true; unknown for a few solutions. */
function inView(random: Random): boolean | null {
  const luck = random.uniform();
  return luck < 0.002 ? null : luck > 0.009;
}

/** The second of the beginning, and five characters that distinguish meteors within it. */
function identifier(beginning_us: number, random: Random): string {
  const stamp = new Date(Math.floor(beginning_us / 1000)).toISOString().replace(/[-T:]/g, "");
  let suffix = "";
  for (let at = 0; at < 5; at++) {
    suffix += ID_CHARACTERS.charAt(random.below(ID_CHARACTERS.length));
  }
  return `${stamp.slice(0, 14)}_${suffix}`;
}

/** The times at which the row appears, gets its uncertainties, and perhaps another station. */
function withHistory(row: SummaryRow, random: Random): Meteor {
  const solvedAt = row.julianDate + random.between(2, 9) / 24;
  const refinedAt = solvedAt + random.between(1, 14) / 24;
  const isLate = row.stations.length > 2 && random.uniform() < 0.08;
  return {
    row,
    solvedAt,
    refinedAt,
    late: isLate
      ? { station: random.pick(row.stations), at: solvedAt + random.between(1, 7) }
      : undefined,
  };
}
