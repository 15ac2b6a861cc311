// Heights at which meteors begin and end: height increases upwards, as in the sky.
import { useWidth } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { count, shortCount } from "../lib/format.js";
import { BottomAxis, LeftAxis } from "./axes.js";
import { commonHeight, heightRange, stepPath } from "./height_profile.js";
import { linear, niceTop, ticks } from "./scale.js";

/** @typedef {import("./height_profile.js").Bin} Bin */

const MARGIN = { top: 10, right: 12, bottom: 40, left: 52 };

/** @param {{ begin: readonly Bin[], end: readonly Bin[], height?: number }} props */
export function HeightChart({ begin, end, height = 230 }) {
  const [box, width] = useWidth();
  const range = heightRange([...begin, ...end]);
  const { low, high, most } = range;
  const xValues = ticks(0, niceTop(most, 3), 3).filter(Number.isInteger);
  const x = linear([0, xValues[xValues.length - 1] || 1], [
    MARGIN.left,
    Math.max(MARGIN.left + 1, width - MARGIN.right),
  ]);
  const y = linear([low, high], [height - MARGIN.bottom, MARGIN.top]);
  const xTicks = xValues.map((at) => ({ at, text: shortCount(at) }));
  const yTicks = ticks(low, high, 5).map((at) => ({ at, text: String(at) }));
  // deno-fmt-ignore
  return html`<div class="plot" ref=${box}>
    ${width === 0 ? null : html`<svg width=${width} height=${height} role="img" aria-label=${summary(begin, end)}>
      <${LeftAxis} scale=${y} ticks=${yTicks} x=${MARGIN.left} to=${width - MARGIN.right} title="Height, km" />
      <path class="line-1" d=${stepPath(begin, range, x, y)} />
      <path class="line-2" d=${stepPath(end, range, x, y)} />
      <${BottomAxis} scale=${x} ticks=${xTicks} y=${height - MARGIN.bottom} title="Meteors per 2 km" />
    </svg>`}
    <div class="key">
      <span><svg width="22" height="8" aria-hidden="true"><path class="line-1" d="M0 4H22" /></svg> begin</span>
      <span><svg width="22" height="8" aria-hidden="true"><path class="line-2" d="M0 4H22" /></svg> end</span>
      <span class="muted">above the WGS84 ellipsoid</span>
    </div>
  </div>`;
}

/** @param {readonly Bin[]} begin @param {readonly Bin[]} end */
function summary(begin, end) {
  return `Heights: most meteors begin at about ${count(commonHeight(begin))} km and end at about ${
    count(commonHeight(end))
  } km.`;
}
