// The calculations for the plot of heights: which heights are shown, the outline of a histogram. No drawing.

/** @typedef {{ from: number, to: number, meteors: number }} Bin heights in km */

/** Heights that are always shown, km: where most meteors are. */
const ALWAYS_SHOWN = { low: 70, high: 120 };

/** The shown heights and the most meteors in one bin. @param {readonly Bin[]} bins of all histograms of the plot */
export function heightRange(bins) {
  const full = bins.filter(({ meteors }) => meteors > 0);
  return {
    low: Math.min(...full.map(({ from }) => from), ALWAYS_SHOWN.low),
    high: Math.max(...full.map(({ to }) => to), ALWAYS_SHOWN.high),
    most: Math.max(0, ...full.map(({ meteors }) => meteors)),
  };
}

/**
 * The outline of a horizontal histogram, as an SVG path: meteors to the right, height upwards.
 * @param {readonly Bin[]} bins @param {{ low: number, high: number }} range
 * @param {(meteors: number) => number} x @param {(height: number) => number} y
 */
export function stepPath(bins, { low, high }, x, y) {
  const shown = bins.filter(({ from, to }) => from >= low && to <= high);
  const steps = shown.map(({ from, to, meteors }) =>
    `V${y(from).toFixed(1)}H${x(meteors).toFixed(1)}V${y(to).toFixed(1)}`
  );
  return `M${x(0)} ${y(shown[0]?.from ?? low).toFixed(1)}${steps.join("")}H${x(0)}`;
}

/** The middle of the bin with the most meteors, km; the lowest of several. @param {readonly Bin[]} bins */
export function commonHeight(bins) {
  const most = bins.reduce(
    (a, b) => b.meteors > a.meteors ? b : a,
    bins[0] ?? { from: 0, to: 0, meteors: 0 },
  );
  return (most.from + most.to) / 2;
}
