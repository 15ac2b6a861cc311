// Conversion of values to positions and back, and round numbers for axes. No drawing.

/**
 * @typedef {{
 *   (value: number): number, readonly domain: readonly [number, number], readonly range: readonly [number, number],
 * }} Scale
 */

/**
 * A linear scale.
 * @param {readonly [number, number]} domain @param {readonly [number, number]} range
 * @returns {Scale}
 */
export function linear(domain, range) {
  const [d0, d1] = domain;
  const [r0, r1] = range;
  const slope = d1 === d0 ? 0 : (r1 - r0) / (d1 - d0);
  return Object.assign((/** @type {number} */ value) => r0 + (value - d0) * slope, {
    domain,
    range,
  });
}

/**
 * About `wanted` round values from `low` to `high`: steps of 1, 2 or 5 times a power of ten.
 * @param {number} low @param {number} high @param {number} wanted
 * @returns {number[]}
 */
export function ticks(low, high, wanted) {
  if (!(high > low) || wanted < 1) return [low];
  const step = niceStep((high - low) / wanted);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const values = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) {
    values.push(Number((at * step).toFixed(digits)) + 0);
  }
  return values;
}

/** The smallest round step not below `step`. @param {number} step */
export function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const rest = step / power;
  return power * (rest <= 1.0000001 ? 1 : rest <= 2.0000001 ? 2 : rest <= 5.0000001 ? 5 : 10);
}

/** A round value at or above `high`, to end an axis with. @param {number} high @param {number} wanted ticks */
export function niceTop(high, wanted) {
  if (high <= 0) return 1;
  const step = niceStep(high / wanted);
  return Math.ceil(high / step - 1e-9) * step;
}

/** Powers of ten from 1 to at least `high`. @param {number} high */
export function powersOfTen(high) {
  const values = [1];
  while (values[values.length - 1] < high) values.push(values[values.length - 1] * 10);
  return values;
}

/** A labelled value of an axis. @typedef {{ at: number, text: string }} Tick */

/** Approximate width of a digit on an axis, and the space between two labels, in pixels. */
const DIGIT_PX = 7;
const SPACE_PX = 9;

/** The ticks whose labels don't touch: all, or every second, third, … @param {readonly Tick[]} ticks @param {Scale} scale */
export function ticksThatFit(ticks, scale) {
  for (let every = 1; every < ticks.length; every++) {
    const some = ticks.filter((_, at) => at % every === 0);
    const fits = some.every(({ at, text }, index) => {
      const next = some[index + 1];
      if (next === undefined) return true;
      const needed = (text.length + next.text.length) / 2 * DIGIT_PX + SPACE_PX;
      return Math.abs(scale(next.at) - scale(at)) >= needed;
    });
    if (fits) return some;
  }
  return ticks.slice(0, 1);
}
