// The meteors: where and when they were, where they came from, how fast, high and bright; all for one range of time and one shower.
import { useMemo } from "preact/hooks";
import { count, fixed, plural, utc, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useData, useTitle } from "../lib/hooks.js";
import { go, href } from "../lib/router.js";
import { SERIES_MAX, seriesOf } from "../charts/series.js";
import { SkyMap } from "../charts/sky_map.js";
import { WorldMap } from "../charts/world_map.js";
import { Ago, Bones, Card, Empty, ErrorNote, Show } from "../parts/basics.js";
import { Filters } from "../parts/meteor_filters.js";
import { HeightsCard, MagnitudesCard, NightsCard, SpeedsCard } from "../parts/meteor_plots.js";
import { ShowersCard, StationsCard } from "../parts/meteor_tables.js";

/** @typedef {import("../charts/series.js").Series} Series @typedef {import("../types.ts").ShowerCount} ShowerCount */

const DAY_MS = 86_400_000;
const STANDARD_DAYS = 10;
const RADIANTS = 4000;
const TRACKS = 2000;
const LATEST = 15;
/** Showers that are asked for; the table has all of them, the maps' key the first. */
const SHOWERS = 200;
/** New meteors come by thousands in a load; the plots are renewed now and then. */
const CALM = { topics: ["store"], atMostEvery: 8_000, poll: 60_000 };

/** @param {{ query: URLSearchParams }} props */
export function MeteorsView({ query }) {
  useTitle("Meteors");
  const all =
    /** @type {import("../types.ts").Loaded<any>} */ (useData("/statistics/totals", CALM));
  const newest = all.data?.last ?? null;
  const range = useMemo(() => rangeOf(query, newest), [query.toString(), newest?.slice(0, 10)]);
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head">
      <div>
        <h1 tabindex="-1">Meteors</h1>
        <p>Trajectories of the data store. Every plot follows the filter; every point opens its trajectory.</p>
      </div>
    </div>
    ${all.error !== null && all.data === null
      ? html`<${ErrorNote} error=${all.error} what="The meteors can't be shown." retry=${all.reload} />`
      : all.data === null
      ? html`<${Bones} what="the meteors" />`
      : all.data.meteors === 0
      ? html`<div class="card"><${Empty} title="No meteors yet">
        They appear here as soon as a run has loaded the first ones. <a href="#/now">Start a run</a>
      <//></div>`
      : html`<${Plots} query=${query} range=${range} />`}
  </div>`;
}

/** @typedef {{ from: string | null, to: string | null, text: string }} Range */

/**
 * The range of time that the address asks for; without any the last days that have meteors.
 * @param {URLSearchParams} query @param {string | null} newest
 * @returns {Range}
 */
function rangeOf(query, newest) {
  const from = query.get("from");
  const to = query.get("to");
  if (from !== null || to !== null) return { from, to, text: "" };
  const last = query.get("last") ?? String(STANDARD_DAYS);
  if (last === "all" || newest === null) return { from: null, to: null, text: "all" };
  const days = Number.parseInt(last, 10) || STANDARD_DAYS;
  return { from: utcDate(Date.parse(newest) - (days - 1) * DAY_MS), to: null, text: String(days) };
}

/** @param {{ query: URLSearchParams, range: Range }} props */
function Plots({ query, range }) {
  const shower = query.get("shower");
  const station = query.get("station");
  const filter = filterText({ from: range.from, to: range.to, shower, station });
  const inTime = filterText({ from: range.from, to: range.to });
  const totals = useData(`/statistics/totals?${filter}`, CALM);
  const showers = useData(`/statistics/showers?limit=${SHOWERS}&${inTime}`, CALM);
  const radiants = useData(`/statistics/radiants?limit=${RADIANTS}&${filter}`, CALM);
  const tracks = useData(`/statistics/ground-tracks?limit=${TRACKS}&${filter}`, CALM);
  const stations = useData(`/statistics/stations?limit=15&${filter}`, CALM);
  const list = /** @type {ShowerCount[]} */ (/** @type {any} */ (showers.data)?.showers ?? []);
  const codes = list.map(({ code }) => code).join(" ");
  const indexOf = useMemo(() => seriesOf(codes === "" ? [] : codes.split(" ")), [codes]);
  const series = useMemo(() => seriesList(list, shower), [codes, shower]);
  // deno-fmt-ignore
  return html`<div class="stack">
    <${Filters} query=${query} range=${range} showers=${list} totals=${totals} />
    <div class="meteor-grid">
      <${Card} class="span-6" title="Ground tracks" aside=${ofNewest(tracks.data, "tracks", totals.data)}>
        <${Show} of=${tracks} what="the ground tracks">${(/** @type {any} */ data) =>
          html`<${WorldMap} tracks=${data.tracks} seriesOf=${indexOf} series=${series} />
          <p class="caption">Each line runs from the beginning of a meteor to the mark at its end, over the ground.
            Mercator projection. Drag to move; pinch, Ctrl and wheel, or the buttons enlarge.</p>`}<//>
      <//>
      <${Card} class="span-6" title="Radiants" aside=${ofNewest(radiants.data, "radiants", totals.data)}>
        <${Show} of=${radiants} what="the radiants">${(/** @type {any} */ data) =>
          html`<${SkyMap} radiants=${data.radiants} seriesOf=${indexOf} series=${series} />`}<//>
      <//>
      <${NightsCard} filter=${filter} query=${query} live=${CALM} />
      <${SpeedsCard} filter=${filter} shower=${shower} live=${CALM} />
      <${HeightsCard} filter=${filter} live=${CALM} />
      <${MagnitudesCard} filter=${filter} shower=${shower} live=${CALM} />
      <${ShowersCard} showers=${showers} indexOf=${indexOf} query=${query} live=${CALM} />
      <${StationsCard} stations=${stations} query=${query} />
      <${Latest} filter=${filter} />
    </div>
  </div>`;
}

/** The filter as the API takes it. @param {Record<string, string | null>} given */
function filterText(given) {
  return new URLSearchParams(
    /** @type {[string, string][]} */ (Object.entries(given).filter(([, value]) => value !== null)),
  ).toString();
}

/** @param {readonly ShowerCount[]} showers @param {string | null} chosen @returns {Series[]} */
function seriesList(showers, chosen) {
  const named = showers.slice(0, SERIES_MAX).map(({ code, name }, at) => ({
    key: code,
    name: name === null ? code : code,
    index: at,
  }));
  const rest = [
    ...(showers.length > SERIES_MAX
      ? [{ key: "other", name: "other showers", index: /** @type {const} */ ("other") }]
      : []),
    { key: "sporadic", name: "sporadic", index: /** @type {const} */ ("sporadic") },
  ];
  const list = [...named, ...rest];
  return chosen === null
    ? list
    : list.filter(({ key }) =>
      key === chosen || (key === "other" && !list.some((one) => one.key === chosen))
    );
}

/** @param {any} data @param {string} name @param {any} totals */
function ofNewest(data, name, totals) {
  if (data === null || totals === null) return "";
  const shown = data[name].length;
  return shown < totals.meteors
    ? `the newest ${count(shown)} of ${count(totals.meteors)}`
    : plural(shown, "meteor");
}

/** @param {{ filter: string }} props */
function Latest({ filter }) {
  const latest = useData(`/meteors?limit=${LATEST}&order=-time&${filter}`, CALM);
  // deno-fmt-ignore
  return html`<${Card} class="span-12" title="Latest trajectories" aside="times in UTC" flush>
    <${Show} of=${latest} what="the latest trajectories">${(/** @type {{ meteors: Record<string, any>[] }} */ { meteors }) =>
      meteors.length === 0
        ? html`<${Empty} title="No meteors in this range">Take a longer range, or another shower.<//>`
        : html`<div class="table-scroll"><table>
          <thead><tr>
            <th scope="col">Begins</th><th scope="col">Trajectory</th><th scope="col">Shower</th>
            ${["Vg, km/s", "Peak, mag", "Heights, km", "Duration, s", "Stations", "Qc, °"].map((name) =>
          html`<th key=${name} scope="col" class="number">${name}</th>`
        )}
            <th scope="col">Stored</th>
          </tr></thead>
          <tbody>${meteors.map(({ unique_trajectory_identifier: id, ...meteor }) =>
          html`<tr key=${id} class="rowlink">
            <td class="nowrap">${utc(meteor.beginning_utc_time).slice(0, 19)}</td>
            <th scope="row"><a class="mono nowrap" href=${href(["meteors", id])}>${id}</a></th>
            <td>${meteor.iau_code ?? html`<span class="muted">sporadic</span>`}</td>
            <td class="number">${fixed(meteor.vgeo_km_s, 1)}</td>
            <td class="number">${fixed(meteor.peak_absmag, 1)}</td>
            <td class="number nowrap">${fixed(meteor.htbeg_km, 1)} – ${fixed(meteor.htend_km, 1)}</td>
            <td class="number">${fixed(meteor.duration_sec, 2)}</td>
            <td class="number">${count(meteor.num_stat)}</td>
            <td class="number">${fixed(meteor.qc_deg, 1)}</td>
            <td class="nowrap"><${Ago} at=${meteor.updated_at} /></td>
          </tr>`
        )}</tbody>
        </table></div>`}<//>
  <//>`;
}

/** Goes to the same view with another filter. @param {URLSearchParams} query @param {Record<string, string | null>} change */
export function refine(query, change) {
  go(href(["meteors"], { ...Object.fromEntries(query), ...change }));
}
