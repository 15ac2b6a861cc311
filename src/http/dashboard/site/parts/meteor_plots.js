// Plots of many meteors: nights, speeds, heights, magnitudes.
import { BarChart } from "../charts/bars.js";
import { HeightChart } from "../charts/heights.js";
import { barsOf, sumOf, trimmed } from "../charts/histogram.js";
import { dateTicks, instant, nightBars } from "../charts/nights.js";
import { ticks } from "../charts/scale.js";
import { count, fixed, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useData } from "../lib/hooks.js";
import { refine } from "../lib/meteor_filter.js";
import { Card, Empty, Show } from "./basics.js";

/** @typedef {import("../types.ts").Histogram & { field: string, unit: string }} Histogram */
/** @typedef {{ topics: string[], atMostEvery: number, poll: number }} Live */
/** @typedef {import("../types.ts").NightCount} Night */

const PARTS = ["showers", "sporadic"];

/** @param {{ filter: string, query: URLSearchParams, live: Live }} props */
export function NightsCard({ filter, query, live }) {
  const nights = useData(`/statistics/nights?${filter}`, live);
  // deno-fmt-ignore
  return html`<${Card} class="span-12" title="Meteors per night" aside=${html`<${TwoParts} />`}>
    <${Show} of=${nights} what="the nights">${(/** @type {{ nights: Night[] }} */ data) =>
      html`<${Nights} nights=${data.nights} query=${query} />`}<//>
  <//>`;
}

function TwoParts() {
  // deno-fmt-ignore
  return html`<span class="key">
    <span><svg width="10" height="10" class="fill-bar" aria-hidden="true"><rect width="10" height="10" /></svg> of showers</span>
    <span><svg width="10" height="10" class="fill-bar-2" aria-hidden="true"><rect width="10" height="10" /></svg> sporadic</span>
  </span>`;
}

/** @param {{ nights: readonly Night[], query: URLSearchParams }} props */
function Nights({ nights, query }) {
  const counted = nightBars(nights);
  if (counted === null) return html`<${Nothing} />`;
  const { step, domain, first, last } = counted;
  const bars = counted.bars.map((bar) => {
    const night = utcDate(bar.from);
    const range = { from: instant(bar.from), to: instant(bar.to), last: null };
    return {
      ...bar,
      name: step === 1 ? night : `${night} and ${step - 1} more nights`,
      pick: () => refine(query, { ...range, night: step === 1 ? night : `${night} + ${step - 1}` }),
    };
  });
  const most = Math.max(...bars.map(sumOf));
  // deno-fmt-ignore
  return html`<${BarChart}
    bars=${bars} domain=${domain} xTicks=${dateTicks(domain)} partNames=${PARTS} nameOf=${step === 1 ? "Night" : "Nights from"}
    xTitle="Night beginning at 12:00 UTC of this date" yTitle=${step === 1 ? "Meteors" : `Meteors per ${step} nights`} height=${210}
    label=${`Meteors per night from ${first} to ${last}. Most in one bar: ${count(most)}.`}
  />`;
}

/**
 * Two histograms of a field: of all meteors and of sporadic ones.
 * @param {string} field @param {string} filter @param {string | null} shower @param {Live} live
 */
function useParts(field, filter, shower, live) {
  const all = /** @type {import("../types.ts").Loaded<Histogram>} */ (useData(
    `/statistics/histogram?field=${field}&${filter}`,
    live,
  ));
  const sporadic = /** @type {import("../types.ts").Loaded<Histogram>} */ (useData(
    shower === null ? `/statistics/histogram?field=${field}&shower=sporadic&${filter}` : null,
    live,
  ));
  return { all, of: shower === "sporadic" ? all.data : shower === null ? sporadic.data : null };
}

/** @param {Histogram} histogram */
function outside({ below, above, missing }) {
  const parts =
    /** @type {const} */ ([[below, "lower"], [above, "higher"], [missing, "without a value"]])
      .flatMap(([meteors, where]) => meteors > 0 ? [`${count(meteors)} ${where}`] : []);
  return parts.length === 0 ? null : html`<p class="caption">Not shown: ${parts.join(", ")}.</p>`;
}

/** @param {{ filter: string, shower: string | null, live: Live }} props */
export function SpeedsCard({ filter, shower, live }) {
  const { all, of } = useParts("vgeo_km_s", filter, shower, live);
  // deno-fmt-ignore
  return html`<${Card} class="span-4" title="Geocentric speed" aside=${html`<${TwoParts} />`}>
    <${Show} of=${all} what="the speeds">${(/** @type {Histogram} */ data) => {
      const bars = trimmed(barsOf(data, of, "km/s"));
      if (bars.length === 0) return html`<${Nothing} />`;
      const domain = /** @type {[number, number]} */ ([Math.min(10, bars[0].from), Math.max(74, bars[bars.length - 1].to)]);
      return html`<${BarChart} bars=${bars} domain=${domain} xTicks=${ticks(...domain, 7).map((at) => ({ at, text: String(at) }))}
        xTitle="Geocentric speed Vg, km/s" yTitle="Meteors" partNames=${PARTS} nameOf="Speed"
        label="Histogram of geocentric speeds." />${outside(data)}`;
    }}<//>
  <//>`;
}

/** @param {{ filter: string, live: Live }} props */
export function HeightsCard({ filter, live }) {
  const begin = /** @type {import("../types.ts").Loaded<Histogram>} */ (useData(
    `/statistics/histogram?field=htbeg_km&${filter}`,
    live,
  ));
  const end = /** @type {import("../types.ts").Loaded<Histogram>} */ (useData(
    `/statistics/histogram?field=htend_km&${filter}`,
    live,
  ));
  // deno-fmt-ignore
  return html`<${Card} class="span-4" title="Heights">
    <${Show} of=${begin} what="the heights">${(/** @type {Histogram} */ data) =>
      data.bins.every(({ meteors }) => meteors === 0)
        ? html`<${Nothing} />`
        : html`<${HeightChart} begin=${data.bins} end=${end.data?.bins ?? []} />`}<//>
  <//>`;
}

/** @param {{ filter: string, shower: string | null, live: Live }} props */
export function MagnitudesCard({ filter, shower, live }) {
  const { all, of } = useParts("peak_absmag", filter, shower, live);
  // deno-fmt-ignore
  return html`<${Card} class="span-4" title="Peak magnitude" aside="bright on the left">
    <${Show} of=${all} what="the magnitudes">${(/** @type {Histogram} */ data) => {
      const bars = trimmed(barsOf(data, of, "mag"));
      if (bars.length === 0) return html`<${Nothing} />`;
      const domain = /** @type {[number, number]} */ ([Math.min(-4, bars[0].from), Math.max(4, bars[bars.length - 1].to)]);
      const xTicks = ticks(...domain, 8).filter(Number.isInteger).map((at) => ({ at, text: fixed(at, 0) }));
      return html`<${BarChart} bars=${bars} domain=${domain} isLog xTicks=${xTicks}
        xTitle="Peak absolute magnitude (at 100 km)" yTitle="Meteors (log)" partNames=${PARTS} nameOf="Magnitude"
        label="Histogram of peak absolute magnitudes, bright meteors on the left, counts on a logarithmic axis."
      />${outside(data)}`;
    }}<//>
  <//>`;
}

function Nothing() {
  return html`<${Empty} title="No meteors in this range">Choose a longer range or another shower.<//>`;
}
