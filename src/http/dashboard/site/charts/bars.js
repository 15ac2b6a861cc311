// Vertical bars: nights, speeds, magnitudes. Two parts may be stacked (meteors of showers below, sporadic ones above).
import { useWidth } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { count, shortCount } from "../lib/format.js";
import { BottomAxis, LeftAxis } from "./axes.js";
import { countAxis, sumOf } from "./histogram.js";
import { linear } from "./scale.js";

/** @typedef {import("./histogram.js").Bar} Bar */

const MARGIN = { top: 10, right: 8, bottom: 40, left: 52 };

/**
 * @param {{
 *   bars: readonly Bar[], domain: readonly [number, number], xTicks: readonly { at: number, text: string }[],
 *   xTitle: string, yTitle: string, height?: number, isLog?: boolean, label: string, partNames: readonly string[], nameOf: string,
 * }} props
 */
export function BarChart(
  { bars, domain, xTicks, xTitle, yTitle, height = 230, isLog = false, label, partNames, nameOf },
) {
  const [box, width] = useWidth();
  const sums = bars.map(sumOf);
  const x = linear(domain, [MARGIN.left, Math.max(MARGIN.left + 1, width - MARGIN.right)]);
  const counts = countAxis(Math.max(0, ...sums), isLog, [height - MARGIN.bottom, MARGIN.top]);
  const yTicks = counts.values.map((value) => ({ at: counts.at(value), text: shortCount(value) }));
  // deno-fmt-ignore
  return html`<div class="plot" ref=${box}>
    ${width === 0 ? html`<div class="bones"><span></span></div>` : html`<svg width=${width} height=${height} role="img" aria-label=${label}>
      <${LeftAxis} scale=${counts.scale} ticks=${yTicks} x=${MARGIN.left} to=${width - MARGIN.right} title=${yTitle} />
      <g>${bars.map((bar, at) => html`<${OneBar} key=${bar.from} bar=${bar} sum=${sums[at]} x=${x} y=${counts.place} height=${height} />`)}</g>
      <${BottomAxis} scale=${x} ticks=${xTicks} y=${height - MARGIN.bottom} title=${xTitle} />
    </svg>`}
    <${Numbers} bars=${bars} sums=${sums} partNames=${partNames} nameOf=${nameOf} />
  </div>`;
}

/** @param {{ bar: Bar, sum: number, x: (value: number) => number, y: (value: number) => number, height: number }} props */
function OneBar({ bar, sum, x, y, height }) {
  const left = Math.min(x(bar.from), x(bar.to));
  const whole = Math.abs(x(bar.to) - x(bar.from));
  const gap = whole > 5 ? 1 : 0;
  let below = 0;
  // deno-fmt-ignore
  return html`<g class=${bar.pick === undefined ? "" : "clickable"} onClick=${bar.pick}>
    ${bar.parts.map((part, at) => {
      const bottom = y(below);
      below += part;
      if (part === 0) return null;
      return html`<rect key=${at} class=${at === 0 ? "bar" : "bar-2"}
        x=${left + gap / 2} width=${Math.max(0.6, whole - gap)} y=${y(below)} height=${Math.max(0, bottom - y(below))} />`;
    })}
    <rect class="bar-hit" x=${left} width=${Math.max(whole, 1)} y=${MARGIN.top} height=${height - MARGIN.bottom - MARGIN.top}>
      <title>${`${bar.name}: ${count(sum)}`}</title>
    </rect>
  </g>`;
}

/**
 * The same data as a table, for people who can't see the picture or want the numbers.
 * @param {{ bars: readonly Bar[], sums: readonly number[], partNames: readonly string[], nameOf: string }} props
 */
function Numbers({ bars, sums, partNames, nameOf }) {
  // deno-fmt-ignore
  return html`<details class="numbers">
    <summary>Numbers</summary>
    <div class="table-scroll" tabindex="0" role="region" aria-label=${`Numbers by ${nameOf}`}><table>
      <thead><tr><th scope="col">${nameOf}</th>${partNames.map((name) => html`<th key=${name} scope="col" class="number">${name}</th>`)}${
        partNames.length > 1 ? html`<th scope="col" class="number">all</th>` : null
      }</tr></thead>
      <tbody>${bars.map((bar, at) =>
        html`<tr key=${bar.from}>
          <th scope="row" class="nowrap"><${BarName} bar=${bar} /></th>
          ${bar.parts.map((part, index) => html`<td key=${index} class="number">${count(part)}</td>`)}
          ${partNames.length > 1 ? html`<td class="number">${count(sums[at])}</td>` : null}
        </tr>`
      )}</tbody>
    </table></div>
  </details>`;
}

/** The bar's name, as a button for people who do not use the picture. @param {{ bar: Bar }} props */
function BarName({ bar: { name, pick } }) {
  return pick === undefined
    ? name
    : html`<button type="button" class="link-button" onClick=${pick}>${name}</button>`;
}
