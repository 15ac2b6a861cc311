// The filter of meteors: a range of time and a shower. The choice is in the address.
import { count, plural, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { refine } from "../lib/meteor_filter.js";

/** @typedef {import("../types.ts").ShowerCount} ShowerCount */

const RANGES = [
  ["3", "3 days"],
  ["10", "10 days"],
  ["30", "30 days"],
  ["365", "A year"],
  ["all", "All"],
];

/**
 * @param {{
 *   query: URLSearchParams, range: import("../lib/meteor_filter.js").Range, showers: readonly ShowerCount[],
 *   totals: import("../types.ts").Loaded<import("../types.ts").MeteorTotals>,
 * }} props
 */
export function Filters({ query, range, showers, totals }) {
  const shower = query.get("shower") ?? "";
  const station = query.get("station");
  const night = query.get("night");
  const isListed = ["", "sporadic", ...showers.map(({ code }) => code)].includes(shower);
  const clearNight = () => refine(query, { night: null, from: null, to: null });
  const set = (/** @type {string} */ name) => (/** @type {Event} */ event) => {
    const value = /** @type {HTMLInputElement} */ (event.target).value;
    const dates = { from: range.from?.slice(0, 10) ?? null, to: range.to?.slice(0, 10) ?? null };
    refine(
      query,
      name === "shower" ? { shower: value } : { ...dates, [name]: value, last: null, night: null },
    );
  };
  // deno-fmt-ignore
  return html`<section class="card filters" aria-label="Filter">
    <div class="segmented" role="group" aria-label="Last days with meteors">
      ${RANGES.map(([value, text]) =>
        html`<button key=${value} type="button" aria-pressed=${String(range.text === value)}
          onClick=${() => refine(query, { last: value, from: null, to: null, night: null })}>${text}</button>`
      )}
    </div>
    <label class="field"><span>From (UTC)</span>
      <input type="date" value=${range.from?.slice(0, 10) ?? ""} onChange=${set("from")} /></label>
    <label class="field"><span>To (inclusive)</span>
      <input type="date" value=${range.to?.slice(0, 10) ?? ""} max=${utcDate(Date.now())} onChange=${set("to")} /></label>
    <label class="field"><span>Shower</span>
      <select value=${shower} onChange=${set("shower")}>
        <option value="" selected=${shower === ""}>All meteors</option>
        <option value="sporadic" selected=${shower === "sporadic"}>Sporadic</option>
        ${isListed ? null : html`<option value=${shower} selected>${shower}</option>`}
        ${showers.map(({ code, name, meteors }) =>
          html`<option key=${code} value=${code} selected=${shower === code}>
            ${code}${name === null ? "" : ` ${name}`} (${count(meteors)})
          </option>`
        )}
      </select>
    </label>
    ${night === null ? null : html`<${Chip} text=${`Night of ${night}`} clear=${clearNight} />`}
    ${station === null ? null : html`<${Chip} text=${`Station ${station}`} clear=${() => refine(query, { station: null })} />`}
    <div class="sum-up" aria-live="polite">
      ${totals.data === null ? "…" : html`<strong>${plural(totals.data.meteors, "meteor")}</strong>`}
    </div>
  </section>`;
}

/** @param {{ text: string, clear: () => void }} props */
function Chip({ text, clear }) {
  return html`<button type="button" class="button small" onClick=${clear} title="Remove this filter">
    ${text} <span aria-hidden="true">×</span><span class="hidden">, remove this filter</span>
  </button>`;
}
