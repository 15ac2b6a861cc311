/**
 * Uncertainties: the cameras' errors, and how they propagate to everything computed from the measurements.
 *
 * The real ones come from a Monte Carlo run. Here the radiant and the speed get an error each, which is propagated
 * to first order: the orbit is computed again with each error added, and the differences are added in quadrature.
 * So errors are correlated as in the real files: a fast, nearly parabolic orbit has a huge error in its axis.
 */
import { cosDegrees, direction, halfTurn, latitudeOf, longitudeOf } from "./astronomy/angles.ts";
import { eclipticFromEquatorial } from "./astronomy/frames.ts";
import { type Orbit } from "./astronomy/orbit.ts";
import type { Random } from "./random.ts";
import type { Measured } from "./summary_row.ts";

/** Standard deviations of the measured values. */
export interface MeasuringError {
  /** Of the radiant, degrees on the sky, along right ascension and along declination. */
  alongRa: number;
  alongDec: number;
  /** Of the geocentric speed, km/s. */
  vGeo: number;
}

/** The real writer's limits: rows with larger errors are left out. */
const LARGEST_RADIANT_ERROR_DEGREES = 2;
const LARGEST_RELATIVE_SPEED_ERROR = 0.1;
/** A Monte Carlo run has clones out to about this many standard deviations. */
const FARTHEST_CLONE = 2.2;
const KM_PER_DEGREE = 111.2;

/**
 * The errors of a meteor's measurement: more stations and a wider convergence angle help; chance matters most. Undefined
 * when the errors are so large that the real writer would omit it.
 */
export function measuringError(
  vGeo: number,
  convergenceAngle: number,
  stations: number,
  random: Random,
): MeasuringError | undefined {
  const shared = Math.exp(0.75 * random.normal()) * (40 / convergenceAngle) ** 0.35 *
    (2.6 / stations) ** 0.35;
  const alongRa = 0.22 * shared * Math.exp(0.5 * random.normal());
  const alongDec = 0.22 * shared * Math.exp(0.5 * random.normal());
  const relative = 0.004 * shared * Math.exp(0.9 * random.normal());
  if (Math.max(alongRa, alongDec) > LARGEST_RADIANT_ERROR_DEGREES) return undefined;
  if (relative > LARGEST_RELATIVE_SPEED_ERROR) return undefined;
  return { alongRa, alongDec, vGeo: vGeo * relative };
}

/** The values that depend only on the radiant and the speed; the others depend on the view from the ground. */
export type OfOrbit = "raGeo" | "decGeo" | "lamGeo" | "betGeo" | "vGeo" | keyof Orbit;

/** A measured state: radiant in degrees (J2000 equatorial), speed in km/s, with its orbit. */
export interface State {
  ra: number;
  dec: number;
  vGeo: number;
  orbit: Orbit;
}

const ORBIT_ELEMENTS = [
  "lamHel",
  "betHel",
  "vHel",
  "a",
  "e",
  "i",
  "peri",
  "node",
  "pi",
  "b",
  "q",
  "f",
  "m",
  "aphelion",
  "n",
  "period",
  "tisserand",
] as const satisfies readonly (keyof Orbit)[];

/** Angles that wrap around: use the shorter difference. */
const ANGLES = new Set<keyof Orbit>(["lamHel", "peri", "node", "pi", "f", "m"]);

/**
 * The sigmas of the radiant (geocentric, heliocentric) and of the orbit.
 *
 * @param orbitFrom the orbit of another radiant and speed at the same moment
 */
export function propagate(
  state: State,
  error: MeasuringError,
  orbitFrom: (ra: number, dec: number, vGeo: number) => Orbit,
): Record<OfOrbit, number> {
  const { ra, dec, vGeo, orbit } = state;
  const raError = error.alongRa / Math.max(0.01, cosDegrees(dec));
  const clones = [
    orbitFrom(ra + raError, dec, vGeo),
    orbitFrom(ra, dec + error.alongDec, vGeo),
    orbitFrom(ra, dec, vGeo + error.vGeo),
  ];
  const sigma: Record<OfOrbit, number> = {
    // Only for its names; the values are set below.
    ...orbit,
    raGeo: raError,
    decGeo: error.alongDec,
    ...eclipticErrors(ra, dec, raError, error.alongDec),
    vGeo: error.vGeo,
  };
  for (const name of ORBIT_ELEMENTS) {
    const at = orbit[name];
    let squares = 0;
    for (const clone of clones) {
      const difference = ANGLES.has(name) ? halfTurn(clone[name] - at) : clone[name] - at;
      squares += difference * difference;
    }
    sigma[name] = Math.sqrt(squares);
  }
  // Mean anomaly and period have no spread when one clone has neither (its orbit is not closed).
  const farthest = 1 / orbit.a - FARTHEST_CLONE * Math.hypot(
        ...clones.map((clone) => 1 / clone.a - 1 / orbit.a),
      );
  if (!(farthest > 0)) sigma.m = sigma.period = NaN;
  return sigma;
}

function eclipticErrors(
  ra: number,
  dec: number,
  raError: number,
  decError: number,
): { lamGeo: number; betGeo: number } {
  const at = eclipticFromEquatorial(direction(ra, dec));
  const moved = [direction(ra + raError, dec), direction(ra, dec + decError)]
    .map(eclipticFromEquatorial);
  return {
    lamGeo: Math.hypot(...moved.map((to) => halfTurn(longitudeOf(to) - longitudeOf(at)))),
    betGeo: Math.hypot(...moved.map((to) => latitudeOf(to) - latitudeOf(at))),
  };
}

/** The sigmas of the values seen from the ground: apparent radiant, speeds, the two ends of the track. */
export function groundErrors(
  error: MeasuringError,
  seen: { decApp: number; elevation: number; latitude: number; vGeo: number; vInit: number },
  random: Random,
): Record<Exclude<Measured, OfOrbit>, number> {
  const vInit = error.vGeo * seen.vGeo / seen.vInit;
  const metres = () => 35 * Math.exp(0.95 * random.normal());
  const north = () => metres() / 1000 / KM_PER_DEGREE;
  const east = () => metres() / 1000 / KM_PER_DEGREE / cosDegrees(seen.latitude);
  const height = () => 0.05 * Math.exp(0.95 * random.normal());
  return {
    raApp: 0.97 * error.alongRa / Math.max(0.01, cosDegrees(seen.decApp)),
    decApp: 0.97 * error.alongDec,
    azimuth: error.alongRa / Math.max(0.01, cosDegrees(seen.elevation)),
    elevation: 0.97 * error.alongDec,
    vInit,
    vAvg: 0.6 * vInit * Math.exp(0.6 * random.normal()),
    latBegin: north(),
    lonBegin: east(),
    heightBegin: height(),
    latEnd: north(),
    lonEnd: east(),
    heightEnd: height(),
  };
}
