/**
 * Light: a meteor's brightness, the heights of its begin and end, and its mass.
 *
 * The relations are least-squares fits to a published daily file (2022-03-04, 534 rows): fast meteors begin and end
 * higher, bright ones end lower, steep ones cut deeper.
 */
import { sinDegrees } from "./astronomy/angles.ts";
import type { Random } from "./random.ts";

/** Population index: how many times more meteors there are one magnitude fainter. */
const POPULATION_INDEX = 2.2;
/** The brightest magnitude that is generated: such a fireball lights up the landscape. */
const BRIGHTEST = -12;
/** Watts of a meteor of magnitude 0, averaged over the light curve. */
const WATTS_AT_MAGNITUDE_0 = 760;
/** Share of the kinetic energy that becomes light, as in the file's mass column (tau = 0.7 %). */
const LUMINOUS_EFFICIENCY = 0.007;

/** Absolute magnitude at the peak. Cameras miss faint meteors, but slow ones less often: they stay longer on each pixel. */
export function peakMagnitude(vInit: number, random: Random): number {
  const limit = 2.6 - 0.03 * vInit + 0.8 * random.normal();
  return Math.max(BRIGHTEST, limit - random.exponential() / Math.log(POPULATION_INDEX));
}

/** The heights at which the light begins and ends, km. */
export function heights(
  vInit: number,
  magnitude: number,
  elevation: number,
  random: Random,
): { begin: number; end: number } {
  const sine = sinDegrees(elevation);
  const shared = 3.6 * random.normal();
  const begin = 35.8 + 18.1 * Math.log(vInit) + 0.27 * magnitude - 3.3 * sine + shared +
    2.8 * random.normal();
  const end = 24.2 + 18.9 * Math.log(vInit) + 2.2 * magnitude - 8.5 * sine + shared +
    2.4 * random.normal();
  return { begin, end: Math.max(22, Math.min(end, begin - 3)) };
}

/** Mean speed as a share of the initial one: the air brakes. */
export const braking = (random: Random): number =>
  1 - Math.min(0.2, 0.021 * Math.exp(0.75 * random.normal()));

/** Photometric mass, kg: the light's energy, over the luminous efficiency, is the kinetic energy. */
export function photometricMass(
  magnitude: number,
  duration_s: number,
  vAvg: number,
  random: Random,
): number {
  const joules = WATTS_AT_MAGNITUDE_0 * 10 ** (-0.4 * magnitude) * duration_s *
    Math.exp(0.15 * random.normal());
  return 2 * joules / (LUMINOUS_EFFICIENCY * (1000 * vAvg) ** 2);
}
