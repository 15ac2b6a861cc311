// One trajectory: all its values, their meanings, and the source of the row.
import { useMemo } from "preact/hooks";
import { OrbitPlot } from "../charts/orbit.js";
import { WorldMap } from "../charts/world_map.js";
import { count, fixed, plural, utc } from "../lib/format.js";
import { FIELD_GROUPS } from "../lib/field_names.js";
import { html } from "../lib/html.js";
import { useData, useTitle } from "../lib/hooks.js";
import { href, lastAddress } from "../lib/router.js";
import { Ago, Bones, Card, PageError, Utc } from "../parts/basics.js";

/** @typedef {import("../types.ts").MeteorDetail} MeteorDetail @typedef {import("../types.ts").MeteorField} MeteorField */

/** @param {{ id: string }} props */
export function TrajectoryView({ id }) {
  const loaded = /** @type {import("../types.ts").Loaded<MeteorDetail>} */ (
    useData(`/meteors/${encodeURIComponent(id)}`, {
      topics: ["store"],
      atMostEvery: 10_000,
      poll: 60_000,
    })
  );
  const meteor = loaded.data;
  useTitle(`Trajectory ${id}`);
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head"><div>
      <nav class="crumb" aria-label="Above this page"><a href=${lastAddress("meteors")}>Meteors</a></nav>
      <h1 tabindex="-1" class="mono">${id}</h1>
      ${meteor === null ? null : html`<${Headline} meteor=${meteor} />`}
    </div></div>
    <${PageError} of=${loaded} what="Could not load this trajectory." />
    ${meteor === null && loaded.error === null ? html`<${Bones} what="the trajectory" />` : null}
    ${meteor === null ? null : html`<${Details} meteor=${meteor} />`}
  </div>`;
}

/** @param {MeteorDetail} meteor */
function valuesOf(meteor) {
  const byName = new Map(meteor.fields.map((field) => [field.name, field]));
  return (/** @type {string} */ name) => {
    const value = byName.get(name)?.value;
    return typeof value === "number" ? value : null;
  };
}

/** @param {{ meteor: MeteorDetail }} props */
function Headline({ meteor }) {
  const value = valuesOf(meteor);
  const field = (/** @type {string} */ name) =>
    meteor.fields.find((one) => one.name === name)?.value ?? null;
  const code = field("iau_code");
  const shower = code === null
    ? "Sporadic meteor"
    : html`<a href=${href(["meteors"], { shower: String(code), last: "all" })}>${code}</a>`;
  const name = meteor.shower_name === null ? "" : ` (${meteor.shower_name})`;
  const time = /** @type {string | null} */ (field("beginning_utc_time"));
  const [speed, peak, stations] = [value("vgeo_km_s"), value("peak_absmag"), value("num_stat")];
  const rest = `, ${fixed(speed, 1)} km/s geocentric, ${fixed(peak, 1)} mag, seen by ${
    plural(stations ?? 0, "station")
  }`;
  return html`<p>${shower}${name}, <${Utc} at=${time} />${rest}</p>`;
}

/** @param {{ meteor: MeteorDetail }} props */
function Details({ meteor }) {
  const byName = new Map(meteor.fields.map((field) => [field.name, field]));
  const named = new Set(FIELD_GROUPS.flatMap(({ fields }) => fields.map(([name]) => name)));
  const others = meteor.fields.filter(({ name }) => !named.has(name)).map((
    { name },
  ) => /** @type {const} */ ([name, name]));
  const groups = others.length === 0
    ? FIELD_GROUPS
    : [...FIELD_GROUPS, { title: "Other fields", fields: others }];
  // deno-fmt-ignore
  return html`<div class="stack">
    ${meteor.lineage.withdrawn_at === null ? null : html`<div class="note warn">
      <strong>Withdrawn.</strong> The source withdrew this trajectory <${Ago} at=${meteor.lineage.withdrawn_at} />; its values are kept.
    </div>`}
    <div class="trajectory-columns">
      <div class="stack">
        ${groups.map(({ title, fields }) =>
          html`<${Card} key=${title} title=${title} flush>
            <div class="table-scroll" tabindex="0" role="region" aria-label=${`${title}: fields`}><table class="fields-table">
              <colgroup><col class="col-name" /><col class="col-value" /><col class="col-field" /><col /></colgroup>
              <thead class="hidden"><tr>
                ${["Name", "Value", "Field", "Meaning"].map((column) => html`<th key=${column} scope="col">${column}</th>`)}
              </tr></thead>
              <tbody>${fields.map(([name, text]) => {
              const field = byName.get(name);
              return field === undefined ? null : html`<${Field} key=${name} name=${text} field=${field} />`;
            })}</tbody>
            </table></div>
          <//>`
        )}
      </div>
      <div class="stack">
        <${Lineage} meteor=${meteor} />
        <${Track} meteor=${meteor} />
        <${Orbit} meteor=${meteor} />
      </div>
    </div>
  </div>`;
}

/** @param {{ name: string, field: MeteorField }} props */
function Field({ name, field }) {
  // deno-fmt-ignore
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="value"><${Value} field=${field} /></td>
    <td class="field-name mono small muted">${field.name}</td>
    <td class="doc">${field.description}</td>
  </tr>`;
}

/** @param {{ field: MeteorField }} props */
function Value({ field }) {
  const { value, sigma, unit } = field;
  if (value === null) return html`<span class="muted">no value</span>`;
  if (Array.isArray(value)) {
    // deno-fmt-ignore
    return html`<ul class="stations">${value.map((station) => html`<li key=${station}>${station}</li>`)}</ul>`;
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return html`<span class="mono">${value}</span>`;
  // deno-fmt-ignore
  return html`<span>
    <strong>${String(value).replace("-", "−").replace("e−", "e-")}</strong>
    ${sigma === null ? null : html`<span class="muted" title="one standard deviation"> ± ${sigma}</span>`}
    ${unit === null ? "" : unit === "deg" ? "°" : ` ${unit}`}
  </span>`;
}

/** @param {{ meteor: MeteorDetail }} props */
function Lineage({ meteor }) {
  const { lineage } = meteor;
  const { run_id } = lineage;
  // deno-fmt-ignore
  return html`<${Card} title="Where it comes from">
    <dl class="facts">
      <dt>File</dt><dd class="mono">${lineage.source_file ?? "not from a file"}</dd>
      <dt>Line</dt><dd>${count(lineage.source_line)}</dd>
      <dt>Generated</dt><dd><${Utc} at=${lineage.source_generated_at} /></dd>
      <dt>Run</dt><dd>${run_id === null ? "–" : html`<a class="mono" href=${href(["runs", run_id], { file: lineage.source_file })}>${run_id}</a>`}</dd>
      <dt>Topic</dt><dd class="mono">${lineage.topic}</dd>
      <dt>Partition, offset</dt><dd class="mono">${lineage.topic_partition}, ${lineage.topic_offset}</dd>
      <dt>Stored</dt><dd><${Utc} at=${lineage.created_at} /></dd>
      <dt>Changed</dt><dd>${lineage.updated_at === lineage.created_at ? "never since" : utc(lineage.updated_at)}</dd>
      <dt>As JSON</dt><dd><a href=${`/meteors/${encodeURIComponent(meteor.id)}`}>/meteors/${meteor.id}</a></dd>
    </dl>
  <//>`;
}

/** @param {{ meteor: MeteorDetail }} props */
function Track({ meteor }) {
  const tracks = useMemo(() => {
    const value = valuesOf(meteor);
    const [lat0, lon0, lat1, lon1] = [
      "latbeg_n_deg",
      "lonbeg_e_deg",
      "latend_n_deg",
      "lonend_e_deg",
    ].map(value);
    if (lat0 === null || lon0 === null || lat1 === null || lon1 === null) return [];
    const time = String(
      meteor.fields.find(({ name }) => name === "beginning_utc_time")?.value ?? 0,
    );
    return [{
      id: meteor.id,
      time,
      shower: null,
      peak_absmag: value("peak_absmag"),
      begin: { lat_deg: lat0, lon_deg: lon0, height_km: value("htbeg_km") },
      end: { lat_deg: lat1, lon_deg: lon1, height_km: value("htend_km") },
    }];
  }, [meteor]);
  if (tracks.length === 0) return null;
  // deno-fmt-ignore
  return html`<${Card} title="Ground track">
    <${WorldMap} tracks=${tracks} seriesOf=${oneSeries} series=${ONE} start="tracks" height=${280} />
  <//>`;
}

const oneSeries = () => /** @type {const} */ (1);
const ONE = [{ key: "end", name: "end of the track", index: 1 }];

/** @param {{ meteor: MeteorDetail }} props */
function Orbit({ meteor }) {
  const value = valuesOf(meteor);
  const [a, e, i, peri, node, q, sol] = [
    "a_au",
    "e",
    "i_deg",
    "peri_deg",
    "node_deg",
    "q_au",
    "sol_lon_deg",
  ].map(value);
  if (
    a === null || e === null || i === null || peri === null || node === null || q === null ||
    sol === null
  ) return null;
  // deno-fmt-ignore
  return html`<${Card} title="Orbit from above"><${OrbitPlot} orbit=${{ a, e, i, peri, node, q, f: value("f_deg"), sol }} /><//>`;
}
