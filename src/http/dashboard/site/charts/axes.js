// Axes of SVG plots.
import { html } from "../lib/html.js";
import { ticksThatFit } from "./scale.js";

/** @typedef {import("./scale.js").Scale} Scale @typedef {import("./scale.js").Tick} Tick */

/**
 * The axis at the bottom.
 * @param {{ scale: Scale, ticks: readonly Tick[], y: number, title: string }} props
 */
export function BottomAxis({ scale, ticks, y, title }) {
  const [x0, x1] = scale.range;
  const roomy = ticksThatFit(ticks, scale);
  // deno-fmt-ignore
  return html`<g class="axis" aria-hidden="true">
    <line x1=${x0} x2=${x1} y1=${y + 0.5} y2=${y + 0.5} />
    ${roomy.map(({ at, text }) =>
      html`<g key=${at}>
        <line x1=${crisp(scale(at))} x2=${crisp(scale(at))} y1=${y} y2=${y + 4} />
        <text x=${scale(at)} y=${y + 16} text-anchor="middle">${text}</text>
      </g>`
    )}
    <text class="axis-title" x=${(x0 + x1) / 2} y=${y + 33} text-anchor="middle">${title}</text>
  </g>`;
}

/**
 * The axis at the left, with grid lines across the plot.
 * @param {{ scale: Scale, ticks: readonly Tick[], x: number, to: number, title: string }} props
 */
export function LeftAxis({ scale, ticks, x, to, title }) {
  const middle = (scale.range[0] + scale.range[1]) / 2;
  // deno-fmt-ignore
  return html`<g class="axis" aria-hidden="true">
    ${ticks.map(({ at, text }) =>
      html`<g key=${at}>
        <line class="rule" x1=${x} x2=${to} y1=${crisp(scale(at))} y2=${crisp(scale(at))} />
        <text x=${x - 6} y=${scale(at) + 4} text-anchor="end">${text}</text>
      </g>`
    )}
    <text class="axis-title" x=${-middle} y="11" text-anchor="middle" transform="rotate(-90)">${title}</text>
  </g>`;
}

/** Half pixels make lines sharp. @param {number} place */
export function crisp(place) {
  return Math.round(place) + 0.5;
}
