// The orbit of a meteoroid as seen from the north of the ecliptic, with the orbits of the planets as circles, and the vernal
// equinox to the right as usual. In astronomical units.
import { html } from "../lib/html.js";
import { useWidth } from "../lib/hooks.js";
import { fixed } from "../lib/format.js";
import {
  FARTHEST_AU,
  halfPath,
  isCut,
  orbitPoints,
  pictureReach,
  placeOfEarth,
} from "./orbit_geometry.js";

/** Mean distances from the Sun, AU. */
const PLANETS = /** @type {const} */ ([
  ["Mercury", 0.387],
  ["Venus", 0.723],
  ["Earth", 1],
  ["Mars", 1.524],
  ["Jupiter", 5.203],
  ["Saturn", 9.58],
]);

/** @typedef {import("./orbit_geometry.js").Orbit} Orbit */

/** @param {{ orbit: Orbit }} props */
export function OrbitPlot({ orbit }) {
  const [box, width] = useWidth();
  const height = Math.min(width, 360);
  const points = orbitPoints(orbit);
  const reach = pictureReach(points);
  const scale = Math.min(width, height) / 2 / reach;
  const toX = (/** @type {number} */ x) => width / 2 + x * scale;
  const toY = (/** @type {number} */ y) => height / 2 - y * scale;
  const parts = [true, false].map((isNorth) => halfPath(points, isNorth, toX, toY));
  const earth = placeOfEarth(orbit.sol);
  const label = `Orbit seen from ecliptic north: semi-major axis ${fixed(orbit.a, 2)} AU, ` +
    `eccentricity ${fixed(orbit.e, 3)}, inclination ${fixed(orbit.i, 1)} degrees.`;
  // deno-fmt-ignore
  return html`<div class="plot" ref=${box}>
    ${width === 0 ? null : html`<svg width=${width} height=${height} role="img" aria-label=${label}>
      ${PLANETS.filter(([, a]) => a < reach * 1.3).map(([name, a]) =>
        html`<g key=${name}>
          <circle class=${name === "Earth" ? "planet earth" : "planet"} cx=${toX(0)} cy=${toY(0)} r=${a * scale} />
          ${a * scale > 34 && a < reach * 0.98
            ? html`<text class="halo" x=${toX(a * Math.SQRT1_2)} y=${toY(-a * Math.SQRT1_2)}>${name}</text>`
            : null}
        </g>`
      )}
      <path class="orbit south" d=${parts[1]} />
      <path class="orbit" d=${parts[0]} />
      <circle class="sun" cx=${toX(0)} cy=${toY(0)} r="4" />
      <circle class="earth-now" cx=${toX(earth.x)} cy=${toY(earth.y)} r="4.5" />
      <g class="axis"><path d=${`M${width - 42} ${height - 14}h30m-6 -3l6 3l-6 3`} /></g>
      <text x=${width - 46} y=${height - 10} text-anchor="end">♈︎ 0°</text>
    </svg>`}
    <p class="caption">
      Seen from the north of the ecliptic, J2000; planets as circles at their mean distances; solid where the orbit is north of the
      ecliptic, dashed where south. The dot is the Earth at the time of the meteor.${isCut(orbit) ? ` Cut at ${FARTHEST_AU} AU.` : ""}
    </p>
  </div>`;
}
