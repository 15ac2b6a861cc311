// The key of showers: shape and colour as on the maps.
import { html } from "../lib/html.js";
import { shapeOf, shapePath } from "./series.js";

/** @typedef {import("./series.js").Series} Series */

/** @param {{ index: Series["index"] }} props */
export function SeriesMark({ index }) {
  const shape = shapeOf(index);
  // deno-fmt-ignore
  return html`<svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true" class=${`fill-series-${index}`}>
    ${shape === "ring"
      ? html`<circle r="3.6" fill="none" stroke="currentColor" class=${`stroke-series-${index}`} stroke-width="1.6" />`
      : html`<path d=${shapePath(shape, shape === "dot" ? 2.6 : 4.4)} />`}
  </svg>`;
}

/** @param {{ series: readonly Series[] }} props */
export function SeriesKey({ series }) {
  // deno-fmt-ignore
  return html`<div class="key">${series.map(({ key, name, index }) =>
    html`<span key=${key}><${SeriesMark} index=${index} /> ${name}</span>`
  )}</div>`;
}
