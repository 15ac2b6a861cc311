// The calculations for histograms: two histograms of the API as stacked bars, and the axis of counts. No drawing.
import { fixed } from "../lib/format.js";
import { linear, niceTop, powersOfTen, ticks } from "./scale.js";

/**
 * `parts` are stacked: meteors of showers below, sporadic ones above.
 * @typedef {{ from: number, to: number, parts: readonly number[], name: string, pick?: () => void }} Bar
 * @typedef {import("../types.ts").Histogram} Histogram
 */

/** Where a logarithmic axis begins, so that a bar of one is visible. */
const LOG_FLOOR = 0.6;

/**
 * A bar for each bin: meteors of showers, and the sporadic meteors.
 * @param {Pick<Histogram, "bins">} all @param {Pick<Histogram, "bins"> | null} sporadic null: none @param {string} unit
 * @returns {Bar[]}
 */
export function barsOf(all, sporadic, unit) {
  return all.bins.map(({ from, to, meteors }, at) => {
    // The two come from two requests: meteors may have been added in between.
    const background = Math.min(meteors, sporadic?.bins[at]?.meteors ?? 0);
    const decimals = to - from < 1 ? 1 : 0;
    const name = `${fixed(from, decimals)} to ${fixed(to, decimals)} ${unit}`;
    return { from, to, parts: [meteors - background, background], name };
  });
}

/** The bars without the empty ones at both ends. @param {readonly Bar[]} bars */
export function trimmed(bars) {
  const full = bars.map((bar) => sumOf(bar) > 0);
  return bars.slice(Math.max(0, full.indexOf(true)), full.lastIndexOf(true) + 1);
}

/** Meteors of a bar. @param {Pick<Bar, "parts">} bar */
export function sumOf({ parts }) {
  return parts.reduce((sum, part) => sum + part, 0);
}

/**
 * The axis of counts: the values that it labels, and the position of any count; `scale` and `ticks` are for `LeftAxis`.
 * @param {number} most the highest bar @param {boolean} isLog @param {readonly [number, number]} range of places, from 0 upwards
 */
export function countAxis(most, isLog, range) {
  const values = isLog
    ? powersOfTen(Math.max(10, most))
    : ticks(0, niceTop(most, 4), 4).filter(Number.isInteger);
  const top = values[values.length - 1] || 1;
  const scale = linear(isLog ? [Math.log10(LOG_FLOOR), Math.log10(top)] : [0, top], range);
  return {
    values,
    scale,
    /** Where a labelled value is on `scale`. @param {number} value */
    at: (value) => isLog ? Math.log10(value) : value,
    /** The position of a count; zero is at the floor. @param {number} value */
    place: (value) => scale(isLog ? Math.log10(Math.max(value, LOG_FLOOR)) : value),
  };
}
