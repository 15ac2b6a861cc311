// Which part of the world a map shows, and where a place is on it: Mercator's projection, panned and zoomed. No drawing.
import { latitudeOf, mercatorY } from "./projections.js";

/**
 * Centre (degrees of longitude, Mercator's y in degrees) and pixels per degree.
 * @typedef {{ lon: number, y: number, scale: number }} MapView
 * @typedef {{ begin: Place, end: Place }} Track @typedef {{ lat_deg: number, lon_deg: number }} Place
 */

/** Mercator's y in the middle of the whole map, so that all land with cameras is visible. */
const MIDDLE_Y = 15;
const SCALE_MAX = 220;
/** The smallest span of a map in degrees; without it one short track would fill the map. */
const SPAN_MIN_DEG = 4;
/** Space around the tracks, as a factor. */
const MARGIN = 1.15;
/** The latitude of the centre stays within this, north and south. */
const CENTRE_LATITUDE_MAX = 80;
/** Degrees between lines of the graticule. */
const GRATICULE_STEPS = [60, 30, 15, 10, 5, 2, 1, 0.5];

/** @param {number} width @returns {MapView} */
export function wholeView(width) {
  return { lon: 0, y: MIDDLE_Y, scale: Math.max(width, 1) / 360 };
}

/**
 * The view that shows all tracks; the whole world when there are none.
 * @param {readonly Track[]} tracks @param {number} width @param {number} height pixels
 * @returns {MapView}
 */
export function fitView(tracks, width, height) {
  if (tracks.length === 0 || width === 0) return wholeView(width);
  const [west, east] = ends(tracks.flatMap(({ begin, end }) => [begin.lon_deg, end.lon_deg]));
  const [south, north] = ends(
    tracks.flatMap(({ begin, end }) => [mercatorY(begin.lat_deg), mercatorY(end.lat_deg)]),
  );
  const scale = Math.min(
    width / Math.max((east - west) * MARGIN, SPAN_MIN_DEG),
    height / Math.max((north - south) * MARGIN, SPAN_MIN_DEG),
  );
  return kept({
    lon: (west + east) / 2,
    y: (south + north) / 2,
    scale: Math.max(width / 360, Math.min(SCALE_MAX, scale)),
  });
}

/**
 * The view enlarged by `factor`, with the place under x, y where it was. Never smaller than the whole world.
 * @param {MapView} view @param {number} factor @param {number} x @param {number} y pixels
 * @param {number} width @param {number} height
 * @returns {MapView}
 */
export function zoomedView(view, factor, x, y, width, height) {
  const scale = Math.max(wholeView(width).scale, Math.min(SCALE_MAX, view.scale * factor));
  const [right, down] = [x - width / 2, y - height / 2];
  return kept({
    scale,
    lon: view.lon + right / view.scale - right / scale,
    y: view.y - down / view.scale + down / scale,
  });
}

/** The view after the map was dragged by some pixels. @param {MapView} view @param {number} dx @param {number} dy */
export function draggedView(view, dx, dy) {
  return kept({ ...view, lon: view.lon - dx / view.scale, y: view.y + dy / view.scale });
}

/**
 * The position of a place in the picture, in pixels from its top left corner.
 * @param {number} lon @param {number} lat @param {MapView} view @param {number} width @param {number} height
 * @returns {[x: number, y: number]}
 */
export function placeOnMap(lon, lat, view, width, height) {
  return [
    width / 2 + (lon - view.lon) * view.scale,
    height / 2 - (mercatorY(lat) - view.y) * view.scale,
  ];
}

/**
 * The visible part of the world, and the meridians and parallels to draw in it: round degrees, about five across.
 * @param {MapView} view @param {number} width @param {number} height
 */
export function graticule(view, width, height) {
  const west = Math.max(-180, view.lon - width / 2 / view.scale);
  const east = Math.min(180, view.lon + width / 2 / view.scale);
  const south = latitudeOf(view.y - height / 2 / view.scale);
  const north = latitudeOf(view.y + height / 2 / view.scale);
  const step = GRATICULE_STEPS.find((one) => one * view.scale < width / 5) ?? 0.5;
  return {
    west,
    east,
    south,
    north,
    meridians: multiples(west, east, step),
    parallels: multiples(south, north, step),
  };
}

/** `15° W`, and `0°` without a side. @param {number} degrees @param {string} positive @param {string} negative */
export function degreesText(degrees, positive, negative) {
  const side = degrees < 0 ? ` ${negative}` : degrees > 0 ? ` ${positive}` : "";
  return `${Math.abs(degrees)}°${side}`;
}

/** Multiples of `step` from `low` to `high`. @param {number} low @param {number} high @param {number} step */
function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const length = Math.max(0, Math.floor(high / step) - first + 1);
  return Array.from({ length }, (_, at) => (first + at) * step);
}

/** The view with its centre moved onto the map if necessary. @param {MapView} view @returns {MapView} */
function kept({ lon, y, scale }) {
  const [south, north] = [mercatorY(-CENTRE_LATITUDE_MAX), mercatorY(CENTRE_LATITUDE_MAX)];
  return {
    lon: Math.max(-180, Math.min(180, lon)),
    y: Math.max(south, Math.min(north, y)),
    scale,
  };
}

/** @param {readonly number[]} values @returns {[number, number]} */
function ends(values) {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}
