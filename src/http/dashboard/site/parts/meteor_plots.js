// Plots of many meteors: nights, speeds, heights, magnitudes.
import { BarChart } from "../charts/bars.js";
import { HeightChart } from "../charts/heights.js";
import { ticks } from "../charts/scale.js";
import { count, fixed, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useData } from "../lib/hooks.js";
import { refine } from "../views/meteors.js";
import { Card, Empty, Show } from "./basics.js";

/** @typedef {import("../types.ts").Histogram & { field: string, unit: string }} Histogram */
/** @typedef {{ topics: string[], atMostEvery: number, poll: number }} Live */
/** @typedef {{ night: string, meteors: number, shower_meteors: number }} Night */

const DAY_MS = 86_400_000;
/** More bars than this are put together by weeks, then by months. */
const NIGHTS_MAX = 120;
const WEEKS_MAX = 200;
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
  const first = nights[0];
  const last = nights[nights.length - 1];
  if (first === undefined || last === undefined) return html`<${Nothing} />`;
  const at = (/** @type {string} */ night) => Date.parse(`${night}T12:00:00Z`);
  const span = at(last.night) - at(first.night) + DAY_MS;
  const step = span / DAY_MS <= NIGHTS_MAX ? 1 : span / DAY_MS / 7 <= WEEKS_MAX ? 7 : 30;
  /** @type {Map<number, [number, number]>} */
  const sums = new Map();
  for (const { night, meteors, shower_meteors } of nights) {
    const from = at(first.night) +
      Math.floor((at(night) - at(first.night)) / DAY_MS / step) * step * DAY_MS;
    const [showers, sporadic] = sums.get(from) ?? [0, 0];
    sums.set(from, [showers + shower_meteors, sporadic + meteors - shower_meteors]);
  }
  const bars = [...sums].map(([from, parts]) => {
    const to = from + step * DAY_MS;
    const night = utcDate(from);
    return {
      from,
      to,
      parts,
      name: step === 1 ? night : `${night} and ${step - 1} more nights`,
      pick: () =>
        refine(query, {
          from: instant(from),
          to: instant(to),
          night: step === 1 ? night : `${night} + ${step - 1}`,
          last: null,
        }),
    };
  });
  const most = Math.max(...bars.map(({ parts }) => parts[0] + parts[1]));
  const domain = /** @type {[number, number]} */ ([
    at(first.night),
    Math.max(at(last.night) + DAY_MS, at(first.night) + 3 * DAY_MS),
  ]);
  // deno-fmt-ignore
  return html`<${BarChart}
    bars=${bars} domain=${domain} xTicks=${dateTicks(domain)} partNames=${PARTS} nameOf=${step === 1 ? "Night" : "Nights from"}
    xTitle="Night beginning at 12:00 UTC of this date" yTitle=${step === 1 ? "Meteors" : `Meteors per ${step} nights`} height=${210}
    label=${`Meteors per night from ${first.night} to ${last.night}. Most in one bar: ${count(most)}.`}
  />`;
}

/** To the second, as the API takes it. @param {number} at */
function instant(at) {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Days, months or years, whichever give about ten. @param {readonly [number, number]} domain */
function dateTicks([from, to]) {
  const days = (to - from) / DAY_MS;
  const every = [1, 2, 5, 10].find((step) => days / step <= 16);
  if (every !== undefined) {
    return Array.from({ length: Math.floor(days / every) + 1 }, (_, n) => from + n * every * DAY_MS)
      .filter((at) => at < to)
      .map((at) => ({ at, text: utcDate(at).slice(5) }));
  }
  const months = days < 800 ? [1, 3] : [12];
  const step = months.find((one) => days / 30 / one <= 14) ?? 12;
  const start = new Date(from);
  const beginning = (/** @type {number} */ n) =>
    Date.UTC(start.getUTCFullYear(), (Math.floor(start.getUTCMonth() / step) + n) * step, 1, 12);
  return Array.from({ length: Math.ceil(days / 30 / step) + 1 }, (_, n) => beginning(n))
    .filter((at) => at >= from && at <= to)
    .map((at) => ({ at, text: step === 12 ? utcDate(at).slice(0, 4) : utcDate(at).slice(0, 7) }));
}

/**
 * Two histograms of a field: of all meteors and of the sporadic ones.
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

/**
 * @param {Histogram} all @param {Histogram | null} sporadic @param {string} unit
 * @returns {import("../charts/bars.js").Bar[]}
 */
function barsOf(all, sporadic, unit) {
  return all.bins.map(({ from, to, meteors }, at) => {
    const background = Math.min(meteors, sporadic?.bins[at]?.meteors ?? 0);
    const decimals = to - from < 1 ? 1 : 0;
    const name = `${fixed(from, decimals)} to ${fixed(to, decimals)} ${unit}`;
    return { from, to, parts: [meteors - background, background], name };
  });
}

/** The bars without the empty ones at both ends. @param {import("../charts/bars.js").Bar[]} bars */
function trimmed(bars) {
  const full = bars.map(({ parts }) => parts.some((part) => part > 0));
  return bars.slice(Math.max(0, full.indexOf(true)), full.lastIndexOf(true) + 1);
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
  return html`<${Empty} title="No meteors in this range">Take a longer range, or another shower.<//>`;
}
