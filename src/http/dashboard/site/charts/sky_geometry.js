// The calculations for the map of radiants: coordinate frames, positions in the ellipse of the sky, its grid. No drawing.
import { hammer, wrap180 } from "./projections.js";

/** @typedef {import("../types.ts").Radiant} Radiant @typedef {"ecliptic" | "equatorial"} Frame */
/** Longitude, its axis label, and the name of the point. @typedef {readonly [lon: number, text: string, name?: string]} AxisName */

/** Pixels around the ellipse. */
const PAD = 14;
/** On a map narrower than this, only some labels of the axis fit. */
export const NARROW_PX = 480;

/** The longitude in the middle, and the axis labels. @type {Record<Frame, { centre: number, names: readonly AxisName[] }>} */
export const FRAMES = {
  ecliptic: {
    centre: 270,
    names: [
      ...[330, 300, 240, 210, 120, 60, 30].map((lon) => /** @type {const} */ ([lon, `${lon}°`])),
      [270, "270°", "apex"],
      [0, "0°", "Sun"],
      [180, "180°", "anti-Sun"],
    ],
  },
  equatorial: {
    centre: 180,
    names: [[60, "4h"], [120, "8h"], [180, "12h"], [240, "16h"], [300, "20h"]],
  },
};

/** Half of the ellipse's width, in pixels. @param {number} width */
export function skyRadius(width) {
  return (width - 2 * PAD) / 2;
}

/** The height of a map of this width. @param {number} width */
export function skyHeight(width) {
  return Math.round(Math.max(10, skyRadius(width)) + 2 * PAD);
}

/**
 * The position of a direction in the picture, in pixels from its top left corner.
 * @param {number} lon @param {number} lat @param {number} centre degrees @param {number} width @param {number} height
 * @returns {[x: number, y: number]}
 */
export function placeOnSky(lon, lat, centre, width, height) {
  const [x, y] = hammer(lon, lat, centre);
  const radius = skyRadius(width);
  return [width / 2 + x / 2 * radius, height / 2 - y / 2 * radius];
}

/** The radiant in a frame; null where it has no such coordinates. @param {Radiant} radiant @param {Frame} frame */
export function coordinatesOf(radiant, frame) {
  const lon = frame === "ecliptic" ? radiant.sun_centred_longitude_deg : radiant.rageo_deg;
  const lat = frame === "ecliptic" ? radiant.latitude_deg : radiant.decgeo_deg;
  return lon === null || lat === null ? null : { lon, lat };
}

/**
 * The grid as lines of longitude, latitude: parallels and meridians every 30°, and the equator of the frame.
 * Parallels end just inside the rim, where longitude would jump to the other side.
 * @param {number} centre longitude in the middle
 */
export function skyGrid(centre) {
  const parallel = (/** @type {number} */ lat, /** @type {number} */ step) =>
    range(-180, 180, step).map((lon) => /** @type {const} */ ([centre + lon * 0.9999, lat]));
  const meridian = (/** @type {number} */ lon) =>
    range(-90, 90, 3).map((lat) => /** @type {const} */ ([centre + lon, lat]));
  return {
    parallels: range(-60, 60, 30).map((lat) => parallel(lat, 3)),
    meridians: range(-150, 150, 30).map(meridian),
    equator: parallel(0, 6),
  };
}

/** The labels of the axis that fit: none on the rim, and on a narrow map only some. @param {Frame} frame @param {number} width */
export function shownNames(frame, width) {
  const { centre, names } = FRAMES[frame];
  return names.filter(([lon, , name]) =>
    Math.abs(wrap180(lon - centre)) <= 179 &&
    (width >= NARROW_PX || name !== undefined || lon % 60 === 0)
  );
}

/** @param {number} from @param {number} to @param {number} step */
function range(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, at) => from + at * step);
}
