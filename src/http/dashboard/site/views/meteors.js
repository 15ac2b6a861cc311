// The meteors of a range of time, a shower or a station: where and when they appeared, where they came from, how fast, high and
// bright they were.
import { useMemo } from "preact/hooks";
import { count, fixed, plural, utc } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useData, useTitle } from "../lib/hooks.js";
import { filterText, rangeOf } from "../lib/meteor_filter.js";
import { href } from "../lib/router.js";
import { seriesList, seriesOf } from "../charts/series.js";
import { SkyMap } from "../charts/sky_map.js";
import { WorldMap } from "../charts/world_map.js";
import { Ago, Bones, Card, Empty, ErrorNote, Show } from "../parts/basics.js";
import { Filters } from "../parts/meteor_filters.js";
import { HeightsCard, MagnitudesCard, NightsCard, SpeedsCard } from "../parts/meteor_plots.js";
import { ShowersCard, StationsCard } from "../parts/meteor_tables.js";

/** @typedef {import("../types.ts").MeteorTotals} MeteorTotals @typedef {import("../types.ts").MeteorRow} MeteorRow */
/** @typedef {import("../types.ts").ShowerCounts} ShowerCounts @typedef {import("../types.ts").StationCounts} StationCounts */
/** @typedef {import("../types.ts").Radiant} Radiant @typedef {import("../types.ts").GroundTrack} GroundTrack */
/** @typedef {import("../lib/meteor_filter.js").Range} Range */
/**
 * @template Data
 * @typedef {import("../types.ts").Loaded<Data>} Loaded
 */

const RADIANTS = 4000;
const TRACKS = 2000;
const LATEST = 15;
const STATIONS = 15;
/** Number of showers to request: the filter lists all of them, the key of the maps the first few. */
const SHOWERS = 200;
/** New meteors arrive by the thousand during a load; the plots are updated less often. */
const CALM = { topics: ["store"], atMostEvery: 8_000, poll: 60_000 };

/** @param {{ query: URLSearchParams }} props */
export function MeteorsView({ query }) {
  useTitle("Meteors");
  const all = /** @type {Loaded<MeteorTotals>} */ (useData("/statistics/totals", CALM));
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
      ? html`<${ErrorNote} error=${all.error} what="Could not load the meteors." retry=${all.reload} />`
      : all.data === null
      ? html`<${Bones} what="the meteors" />`
      : all.data.meteors === 0
      ? html`<div class="card"><${Empty} title="No meteors yet">
        They appear here as soon as a run has loaded some. <a href="#/now">Start a run</a>
      <//></div>`
      : html`<${Plots} query=${query} range=${range} />`}
  </div>`;
}

/**
 * The data that several plots share: totals, showers, stations, and the newest radiants and tracks.
 * @param {string} filter @param {string} inTime the filter without the shower and the station
 */
function useStatistics(filter, inTime) {
  return {
    totals: /** @type {Loaded<MeteorTotals>} */ (useData(`/statistics/totals?${filter}`, CALM)),
    showers: /** @type {Loaded<ShowerCounts>} */ (
      useData(`/statistics/showers?limit=${SHOWERS}&${inTime}`, CALM)
    ),
    radiants: /** @type {Loaded<{ radiants: Radiant[] }>} */ (
      useData(`/statistics/radiants?limit=${RADIANTS}&${filter}`, CALM)
    ),
    tracks: /** @type {Loaded<{ tracks: GroundTrack[] }>} */ (
      useData(`/statistics/ground-tracks?limit=${TRACKS}&${filter}`, CALM)
    ),
    stations: /** @type {Loaded<StationCounts>} */ (
      useData(`/statistics/stations?limit=${STATIONS}&${filter}`, CALM)
    ),
  };
}

/** @param {{ query: URLSearchParams, range: Range }} props */
function Plots({ query, range }) {
  const shower = query.get("shower");
  const station = query.get("station");
  const filter = filterText({ from: range.from, to: range.to, shower, station });
  const inTime = filterText({ from: range.from, to: range.to });
  const { totals, showers, radiants, tracks, stations } = useStatistics(filter, inTime);
  const list = showers.data?.showers ?? [];
  const codes = list.map(({ code }) => code).join(" ");
  const indexOf = useMemo(() => seriesOf(codes === "" ? [] : codes.split(" ")), [codes]);
  const series = useMemo(() => seriesList(list.map(({ code }) => code), shower), [codes, shower]);
  // deno-fmt-ignore
  return html`<div class="stack">
    <${Filters} query=${query} range=${range} showers=${list} totals=${totals} />
    <div class="meteor-grid">
      <${Card} class="span-6" title="Ground tracks" aside=${ofNewest(tracks.data?.tracks.length, totals.data)}>
        <${Show} of=${tracks} what="the ground tracks">${(/** @type {{ tracks: GroundTrack[] }} */ data) =>
          html`<${WorldMap} tracks=${data.tracks} seriesOf=${indexOf} series=${series} />
          <p class="caption">Each line runs from the beginning of a meteor to the mark at its end, over the ground.
            Mercator projection. Drag to move; pinch, Ctrl and wheel, or the buttons enlarge.</p>`}<//>
      <//>
      <${Card} class="span-6" title="Radiants" aside=${ofNewest(radiants.data?.radiants.length, totals.data)}>
        <${Show} of=${radiants} what="the radiants">${(/** @type {{ radiants: Radiant[] }} */ data) =>
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

/**
 * How many of the meteors are shown.
 * @param {number | undefined} shown @param {MeteorTotals | null} totals
 */
function ofNewest(shown, totals) {
  if (shown === undefined || totals === null) return "";
  return shown < totals.meteors
    ? `the newest ${count(shown)} of ${count(totals.meteors)}`
    : plural(shown, "meteor");
}

/** @param {{ filter: string }} props */
function Latest({ filter }) {
  const latest = useData(`/meteors?limit=${LATEST}&order=-time&${filter}`, CALM);
  // deno-fmt-ignore
  return html`<${Card} class="span-12" title="Latest trajectories" aside="times in UTC" flush>
    <${Show} of=${latest} what="the latest trajectories">${(/** @type {{ meteors: MeteorRow[] }} */ { meteors }) =>
      meteors.length === 0
        ? html`<${Empty} title="No meteors in this range">Choose a longer range or another shower.<//>`
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
