// The most active showers, and the stations with the most meteors.
import { SeriesMark } from "../charts/mark_key.js";
import { count, fixed, plural, showerListText, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useData, useNow } from "../lib/hooks.js";
import { refine } from "../lib/meteor_filter.js";
import { Card, Empty, Meter, Show } from "./basics.js";

/** @typedef {import("../types.ts").ShowerCounts} ShowerCounts @typedef {import("../types.ts").StationCounts} StationCounts */
/** @typedef {import("../types.ts").ServiceStatus} ServiceStatus */
/**
 * @template Data
 * @typedef {import("../types.ts").Loaded<Data>} Loaded
 */

/** A shower with meteors in the last three days counts as active now. */
const ACTIVE_DAYS = 3;
const DAY_MS = 86_400_000;
const ROWS = 12;
/** The list that names come from changes at most once a week. */
const STATUS_POLL_MS = 60_000;

/** @typedef {import("../charts/series.js").Series["index"]} SeriesIndex */

/** @param {{ showers: Loaded<ShowerCounts>, indexOf: (code: string | null) => SeriesIndex, query: URLSearchParams, live: object }} props */
export function ShowersCard({ showers, indexOf, query, live }) {
  const today = utcDate(useNow(60_000));
  const since = utcDate(Date.parse(today) - (ACTIVE_DAYS - 1) * DAY_MS);
  const active = /** @type {Loaded<ShowerCounts>} */ (
    useData(`/statistics/showers?limit=200&from=${since}`, live)
  );
  const status = /** @type {Loaded<ServiceStatus>} */ (
    useData("/status", { topics: ["status"], poll: STATUS_POLL_MS })
  );
  const activeNow = active.data?.showers ?? [];
  // deno-fmt-ignore
  return html`<${Card} class="span-7" title="Showers" aside=${`active now: with meteors since ${since}`} flush>
    <${Show} of=${showers} what="the showers">${(/** @type {ShowerCounts} */ data) => {
      /** @type {Map<string, number>} */
      const now = new Map(activeNow.map(({ code, meteors }) => [code, meteors]));
      const rows = data.showers
        .toSorted((a, b) => (now.get(b.code) ?? 0) - (now.get(a.code) ?? 0) || b.meteors - a.meteors)
        .slice(0, ROWS);
      if (rows.length === 0) return html`<${Empty} title="No shower meteors in this range" />`;
      const most = Math.max(...rows.map(({ meteors }) => meteors));
      return html`<div class="table-scroll"><table>
        <thead><tr>
          <th scope="col">Shower</th><th scope="col">Name</th><th scope="col" class="number">Active now</th>
          <th scope="col" class="number">Mean Vg, km/s</th><th scope="col" class="number">In range</th>
          <th scope="col"><span class="hidden">Compared</span></th>
        </tr></thead>
        <tbody>${rows.map(({ code, number, name, meteors, vgeo_km_s }) =>
          html`<tr key=${code} class="rowlink">
            <th scope="row" class="nowrap"><span class="state"><${SeriesMark} index=${indexOf(code)} />
              <button type="button" class="link-button" title=${number === null ? "" : `IAU number ${number}`}
                onClick=${() => refine(query, { shower: code })}>${code}</button></span></th>
            <td>${name ?? html`<span class="muted">–</span>`}</td>
            <td class="number">${count(now.get(code) ?? 0)}</td>
            <td class="number">${fixed(vgeo_km_s, 1)}</td>
            <td class="number">${count(meteors)}</td>
            <td width="120"><${Meter} whole=${most} parts=${[{ size: meteors, tone: "busy" }]} label=${`${code}: ${meteors}`} /></td>
          </tr>`
        )}</tbody>
      </table></div>
      <p class="caption card-body">${count(data.sporadic)} of ${count(data.meteors)} meteors in the range are sporadic (belong to no shower).${
        data.showers.length > ROWS ? ` The filter’s list has ${plural(data.showers.length - ROWS, "more shower")}.` : ""
      } ${showerListText(status.data?.shower_list)}</p>`;
    }}<//>
  <//>`;
}

/** @param {{ stations: Loaded<StationCounts>, query: URLSearchParams }} props */
export function StationsCard({ stations, query }) {
  // deno-fmt-ignore
  return html`<${Card} class="span-5" title="Top stations" aside="trajectories they took part in" flush>
    <${Show} of=${stations} what="the stations">${(/** @type {StationCounts} */ data) => {
      const rows = data.stations.slice(0, ROWS);
      if (rows.length === 0) return html`<${Empty} title="No stations in this range" />`;
      const most = rows[0].meteors;
      return html`<div class="table-scroll"><table>
        <thead><tr>
          <th scope="col">Station</th><th scope="col">Country</th><th scope="col" class="number">Meteors</th>
          <th scope="col"><span class="hidden">Compared</span></th>
        </tr></thead>
        <tbody>${rows.map(({ code, country_code, meteors }) =>
          html`<tr key=${code} class="rowlink">
            <th scope="row"><button type="button" class="link-button mono"
              onClick=${() => refine(query, { station: code })}>${code}</button></th>
            <td>${country_code}</td>
            <td class="number">${count(meteors)}</td>
            <td width="40%"><${Meter} whole=${most} parts=${[{ size: meteors, tone: "busy" }]} label=${`${code}: ${meteors}`} /></td>
          </tr>`
        )}</tbody>
      </table></div>`;
    }}<//>
  <//>`;
}
