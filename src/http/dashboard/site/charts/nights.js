// Meteors by night, grouped by weeks or months when there are many nights; and the dates of the axis. No drawing.
import { utcDate } from "../lib/format.js";

/** A night lasts from noon to noon UTC and has the date of its first noon. @typedef {import("../types.ts").NightCount} Night */

const DAY_MS = 86_400_000;
/** More bars than this are grouped by weeks, then by months. */
const NIGHTS_MAX = 120;
const WEEKS_MAX = 200;
/** The shortest range of time shown, so that one night does not fill the picture. */
const DOMAIN_MIN_DAYS = 3;
/** Most labels on the axis of dates. */
const DAY_TICKS_MAX = 16;
const MONTH_TICKS_MAX = 14;
/** From this many days on, only years are labelled. */
const YEARS_FROM_DAYS = 800;

/** The noon at which a night begins, in milliseconds. @param {string} night */
function noonOf(night) {
  return Date.parse(`${night}T12:00:00Z`);
}

/**
 * Bars of one, seven or thirty nights from the first one on; null when there are no nights.
 * @param {readonly Night[]} nights oldest first
 */
export function nightBars(nights) {
  const first = nights[0];
  const last = nights[nights.length - 1];
  if (first === undefined || last === undefined) return null;
  const start = noonOf(first.night);
  const end = noonOf(last.night) + DAY_MS;
  const step = nightsPerBar((end - start) / DAY_MS);
  /** @type {Map<number, [showers: number, sporadic: number]>} */
  const sums = new Map();
  for (const { night, meteors, shower_meteors } of nights) {
    const bar = Math.floor((noonOf(night) - start) / DAY_MS / step);
    const from = start + bar * step * DAY_MS;
    const [showers, sporadic] = sums.get(from) ?? [0, 0];
    sums.set(from, [showers + shower_meteors, sporadic + meteors - shower_meteors]);
  }
  const domain = /** @type {[number, number]} */ ([
    start,
    Math.max(end, start + DOMAIN_MIN_DAYS * DAY_MS),
  ]);
  const bars = [...sums].map(([from, parts]) => ({ from, to: from + step * DAY_MS, parts }));
  return { bars, step, domain, first: first.night, last: last.night };
}

/** @param {number} nights from the first to the last */
function nightsPerBar(nights) {
  return nights <= NIGHTS_MAX ? 1 : nights / 7 <= WEEKS_MAX ? 7 : 30;
}

/** To the second, as the API expects it. @param {number} at milliseconds */
export function instant(at) {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Days, months or years, whichever give about ten. @param {readonly [number, number]} domain milliseconds */
export function dateTicks([from, to]) {
  const days = (to - from) / DAY_MS;
  const every = [1, 2, 5, 10].find((step) => days / step <= DAY_TICKS_MAX);
  if (every !== undefined) {
    return Array.from(
      { length: Math.floor(days / every) + 1 },
      (_, n) => from + n * every * DAY_MS,
    )
      .filter((at) => at < to)
      .map((at) => ({ at, text: utcDate(at).slice(5) }));
  }
  const months = days < YEARS_FROM_DAYS ? [1, 3] : [12];
  const step = months.find((one) => days / 30 / one <= MONTH_TICKS_MAX) ?? 12;
  const start = new Date(from);
  const beginning = (/** @type {number} */ n) =>
    Date.UTC(start.getUTCFullYear(), (Math.floor(start.getUTCMonth() / step) + n) * step, 1, 12);
  return Array.from({ length: Math.ceil(days / 30 / step) + 1 }, (_, n) => beginning(n))
    .filter((at) => at >= from && at <= to)
    .map((at) => ({ at, text: utcDate(at).slice(0, step === 12 ? 4 : 7) }));
}
