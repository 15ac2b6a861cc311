// The orbit of a meteoroid as seen from the north of the ecliptic, with those of the planets as circles, and the vernal equinox to
// the right as usual. In astronomical units.
import { html } from "../lib/html.js";
import { useWidth } from "../lib/hooks.js";
import { fixed } from "../lib/format.js";

const RAD = Math.PI / 180;
/** Mean distances from the Sun, AU. */
const PLANETS = /** @type {const} */ ([
  ["Mercury", 0.387],
  ["Venus", 0.723],
  ["Earth", 1],
  ["Mars", 1.524],
  ["Jupiter", 5.203],
  ["Saturn", 9.58],
]);
/** Long orbits are cut here, or the Earth's would vanish in the middle. */
const FARTHEST_AU = 8;
const STEPS = 360;

/** @typedef {{ a: number, e: number, i: number, peri: number, node: number, q: number, f: number | null, sol: number }} Orbit AU and degrees */

/**
 * A place on the orbit, on the ecliptic plane: x to the vernal equinox, y to longitude 90°, z to the north.
 * @param {Orbit} orbit @param {number} f true anomaly, degrees
 */
export function placeOnOrbit({ e, i, peri, node, q }, f) {
  const r = q * (1 + e) / (1 + e * Math.cos(f * RAD));
  const u = (peri + f) * RAD;
  const [cosN, sinN, cosI, sinI] = [
    Math.cos(node * RAD),
    Math.sin(node * RAD),
    Math.cos(i * RAD),
    Math.sin(i * RAD),
  ];
  return {
    r,
    x: r * (Math.cos(u) * cosN - Math.sin(u) * sinN * cosI),
    y: r * (Math.cos(u) * sinN + Math.sin(u) * cosN * cosI),
    z: r * Math.sin(u) * sinI,
  };
}

/** @param {{ orbit: Orbit }} props */
export function OrbitPlot({ orbit }) {
  const [box, width] = useWidth();
  const height = Math.min(width, 360);
  // Hyperbolic orbits have no aphelion and end at an asymptote.
  const edge = orbit.e >= 1 ? Math.acos(-1 / orbit.e) / RAD - 0.5 : 180;
  const points = Array.from(
    { length: STEPS + 1 },
    (_, at) => placeOnOrbit(orbit, -edge + 2 * edge * at / STEPS),
  )
    .filter(({ r }) => r > 0 && r <= FARTHEST_AU);
  const reach = Math.max(
    1.25,
    Math.min(FARTHEST_AU, ...[Math.max(...points.map(({ x, y }) => Math.hypot(x, y)), 1.1) * 1.08]),
  );
  const scale = Math.min(width, height) / 2 / reach;
  const toX = (/** @type {number} */ x) => width / 2 + x * scale;
  const toY = (/** @type {number} */ y) => height / 2 - y * scale;
  const parts = [true, false].map((isNorth) => pathOf(points, isNorth, toX, toY));
  // The Earth stands opposite to the Sun.
  const earth = { x: Math.cos((orbit.sol + 180) * RAD), y: Math.sin((orbit.sol + 180) * RAD) };
  const isCut = orbit.e >= 1 || orbit.a * (1 + orbit.e) > FARTHEST_AU;
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
      ecliptic, dashed where south. The dot is the Earth at the time of the meteor.${isCut ? ` Cut at ${FARTHEST_AU} AU.` : ""}
    </p>
  </div>`;
}

/**
 * @param {readonly { x: number, y: number, z: number }[]} points @param {boolean} isNorth
 * @param {(x: number) => number} toX @param {(y: number) => number} toY
 */
function pathOf(points, isNorth, toX, toY) {
  let path = "";
  let isDown = false;
  for (const { x, y, z } of points) {
    const isMine = (z >= 0) === isNorth;
    if (isMine) path += `${isDown ? "L" : "M"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
    isDown = isMine;
  }
  return path;
}
