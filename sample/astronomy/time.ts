/**
 * Julian dates, the Sun's position, the Earth's rotation.
 *
 * Low-precision formulae of Jean Meeus, Astronomical Algorithms (2nd edition, chapters 12, 25): accurate to 0.01 degrees
 * in this century, which is better than a plot shows. UTC is used as dynamical time; the difference of a minute
 * moves the Sun by 0.0008 degrees.
 */
import { cosDegrees, halfTurn, sinDegrees, turn } from "./angles.ts";

const JULIAN_DATE_OF_UNIX_EPOCH = 2_440_587.5;
const JULIAN_DATE_OF_J2000 = 2_451_545;
const DAYS_PER_CENTURY = 36_525;
const MILLISECONDS_PER_DAY = 86_400_000;
/** Mean motion of the Sun against the J2000 equinox, degrees a day (a sidereal year is 365.2564 days). */
const SOLAR_DEGREES_PER_DAY = 360 / 365.25636;

/** Julian centuries since J2000. */
export const centuriesSinceJ2000 = (julianDate: number): number =>
  (julianDate - JULIAN_DATE_OF_J2000) / DAYS_PER_CENTURY;

/** The Julian date of a moment. */
export const julianDateOf = (moment: Date): number =>
  moment.getTime() / MILLISECONDS_PER_DAY + JULIAN_DATE_OF_UNIX_EPOCH;

/** The moment of a Julian date, to the millisecond. */
export const momentOf = (julianDate: number): Date =>
  new Date(Math.round((julianDate - JULIAN_DATE_OF_UNIX_EPOCH) * MILLISECONDS_PER_DAY));

/** Microseconds since 1970 of a Julian date (a double holds it to about 40 of them). */
export const epochMicrosecondsOf = (julianDate: number): number =>
  Math.round((julianDate - JULIAN_DATE_OF_UNIX_EPOCH) * MILLISECONDS_PER_DAY * 1000);

/**
 * Solar longitude: the Sun's apparent geocentric ecliptic longitude, J2000 equinox, degrees in [0, 360).
 * Meteor astronomy uses it as a calendar: the same longitude is the same place on the Earth's orbit in every year.
 */
export function solarLongitude(julianDate: number): number {
  const t = centuriesSinceJ2000(julianDate);
  const meanLongitude = 280.46646 + t * (36_000.76983 + t * 0.0003032);
  const anomaly = 357.52911 + t * (35_999.05029 - t * 0.0001537);
  const centre = (1.914602 - t * (0.004817 + t * 0.000014)) * sinDegrees(anomaly) +
    (0.019993 - 0.000101 * t) * sinDegrees(2 * anomaly) + 0.000289 * sinDegrees(3 * anomaly);
  const aberration = 0.00569;
  // The pull of the Moon, Venus and Jupiter, the three largest terms (Meeus, chapter 25, in the higher accuracy).
  const pulls = 0.00179 * sinDegrees(297.85 + 445_267.1115 * t) +
    0.00134 * cosDegrees(153.23 + 22_518.7541 * t) +
    0.00154 * cosDegrees(216.57 + 45_037.5082 * t) +
    0.002 * cosDegrees(312.69 + 32_964.3577 * t);
  const precession = t * (1.396971 + t * 0.0003086);
  return turn(meanLongitude + centre + pulls - aberration - precession);
}

/** The Sun's longitude without wrapping: 360 more every year, 360 in the spring of 2000. */
export function totalSolarLongitude(julianDate: number): number {
  const mean = 280.4 + (julianDate - JULIAN_DATE_OF_J2000) * SOLAR_DEGREES_PER_DAY;
  return mean + halfTurn(solarLongitude(julianDate) - mean);
}

/** When the total solar longitude has this value, as a Julian date accurate to a second. */
export function julianDateOfTotalSolarLongitude(total: number): number {
  let julianDate = JULIAN_DATE_OF_J2000 + (total - 280.4) / SOLAR_DEGREES_PER_DAY;
  // The true motion differs from the mean one by 3 % at most, so each round leaves 3 % of the error.
  for (let round = 0; round < 6; round++) {
    julianDate += (total - totalSolarLongitude(julianDate)) / SOLAR_DEGREES_PER_DAY;
  }
  return julianDate;
}

/** Greenwich mean sidereal time, degrees in [0, 360) (Meeus, formula 12.4). */
export function siderealTime(julianDate: number): number {
  const t = centuriesSinceJ2000(julianDate);
  return turn(
    280.46061837 + 360.98564736629 * (julianDate - JULIAN_DATE_OF_J2000) + t * t * 0.000387933,
  );
}
