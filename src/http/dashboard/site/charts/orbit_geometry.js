// The calculations for the plot of an orbit: places on it, how much of it is shown. Astronomical units and degrees. No drawing.

const RAD = Math.PI / 180;
/** Long orbits are cut off here; otherwise the Earth's would be too small to see. */
export const FARTHEST_AU = 8;
/** The smallest picture: the Earth's orbit with some space around it. */
const REACH_MIN_AU = 1.25;
/** Space around the orbit, as a factor. */
const MARGIN = 1.08;
const STEPS = 360;

/**
 * AU and degrees.
 * @typedef {{ a: number, e: number, i: number, peri: number, node: number, q: number, f: number | null, sol: number }} Orbit
 * On the ecliptic plane: x to the vernal equinox, y to longitude 90°, z to the north; r is the distance from the Sun.
 * @typedef {{ x: number, y: number, z: number, r: number }} Place
 */

/**
 * A position on the orbit.
 * @param {Pick<Orbit, "e" | "i" | "peri" | "node" | "q">} orbit @param {number} f true anomaly, degrees
 * @returns {Place}
 */
export function placeOnOrbit({ e, i, peri, node, q }, f) {
  const r = q * (1 + e) / (1 + e * Math.cos(f * RAD));
  const u = (peri + f) * RAD;
  const [cosN, sinN] = [Math.cos(node * RAD), Math.sin(node * RAD)];
  const [cosI, sinI] = [Math.cos(i * RAD), Math.sin(i * RAD)];
  return {
    r,
    x: r * (Math.cos(u) * cosN - Math.sin(u) * sinN * cosI),
    y: r * (Math.cos(u) * sinN + Math.sin(u) * cosN * cosI),
    z: r * Math.sin(u) * sinI,
  };
}

/** The largest true anomaly: hyperbolic orbits have no aphelion and end at an asymptote. @param {number} e */
export function largestAnomaly(e) {
  return e >= 1 ? Math.acos(-1 / e) / RAD - 0.5 : 180;
}

/** Positions along the orbit, from before the perihelion to after it, as far as it is shown. @param {Orbit} orbit */
export function orbitPoints(orbit) {
  const edge = largestAnomaly(orbit.e);
  return Array.from(
    { length: STEPS + 1 },
    (_, at) => placeOnOrbit(orbit, -edge + 2 * edge * at / STEPS),
  ).filter(({ r }) => r > 0 && r <= FARTHEST_AU);
}

/** How far from the Sun the picture extends, AU. @param {readonly Place[]} points */
export function pictureReach(points) {
  const farthest = Math.max(...points.map(({ x, y }) => Math.hypot(x, y)), 1.1);
  return Math.max(REACH_MIN_AU, Math.min(FARTHEST_AU, farthest * MARGIN));
}

/** Whether a part of the orbit is not shown. @param {Pick<Orbit, "a" | "e">} orbit */
export function isCut({ a, e }) {
  return e >= 1 || a * (1 + e) > FARTHEST_AU;
}

/** The Earth's position: opposite to the Sun, whose longitude is `sol`, on a circle of 1 AU. @param {number} sol degrees */
export function placeOfEarth(sol) {
  return { x: Math.cos((sol + 180) * RAD), y: Math.sin((sol + 180) * RAD) };
}

/**
 * The part of the orbit north of the ecliptic (or south of it) as an SVG path; a new line begins after each gap.
 * @param {readonly Place[]} points @param {boolean} isNorth
 * @param {(x: number) => number} toX @param {(y: number) => number} toY
 */
export function halfPath(points, isNorth, toX, toY) {
  let path = "";
  let isDown = false;
  for (const { x, y, z } of points) {
    const isMine = (z >= 0) === isNorth;
    if (isMine) path += `${isDown ? "L" : "M"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
    isDown = isMine;
  }
  return path;
}
