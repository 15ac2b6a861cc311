// Where meteors appeared: ground tracks from beginning to end on a map of the world that can be panned and zoomed.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { useWidth } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { fixed, utc } from "../lib/format.js";
import { label, markPath, strokeLine } from "./canvas.js";
import { MarkedCanvas } from "./marked_canvas.js";
import { SeriesKey } from "./mark_key.js";
import {
  degreesText,
  draggedView,
  fitView,
  graticule,
  placeOnMap,
  wholeView,
  zoomedView,
} from "./map_view.js";
import { drawingOrder, shapeOf } from "./series.js";
import { themeColours } from "./theme_colours.js";

/** @typedef {import("../types.ts").GroundTrack} GroundTrack @typedef {import("./series.js").Series} Series */
/** @typedef {{ land: number[][], borders: number[][] }} Outlines */
/** @typedef {import("./map_view.js").MapView} MapView */

/** Aspect ratio (height by width) of the whole map: shows all land with cameras, and leaves out the poles. */
const SHAPE = 0.58;
/** From this many pixels per degree on, the finer outlines are worth their size. */
const FINE_FROM = 6;
const ZOOM = 1.6;

/** @type {Map<string, Promise<Outlines>>} */
const outlines = new Map();

/** @param {"world-110m.json" | "world-50m.json"} name @returns {Promise<Outlines>} */
function loadOutlines(name) {
  let loading = outlines.get(name);
  if (loading === undefined) {
    loading = fetch(new URL(`../${name}`, import.meta.url)).then((response) => {
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      return response.json();
    });
    loading.catch(() => outlines.delete(name));
    outlines.set(name, loading);
  }
  return loading;
}

/**
 * @param {{
 *   tracks: readonly GroundTrack[], seriesOf: (code: string | null) => Series["index"], series: readonly Series[],
 *   start?: "world" | "tracks", height?: number,
 * }} props
 */
export function WorldMap({ tracks, seriesOf, series, start = "world", height: given }) {
  const [box, width] = useWidth();
  const height = given ?? Math.round(Math.max(240, width * SHAPE));
  const [moved, setMoved] = useState(/** @type {MapView | null} */ (null));
  const [world, setWorld] = useState(/** @type {Outlines | null} */ (null));
  const whole = useMemo(() => wholeView(width), [width]);
  const fitted = useMemo(() => fitView(tracks, width, height), [tracks, width, height]);
  const view = moved ?? (start === "tracks" ? fitted : whole);
  const isFine = view.scale >= FINE_FROM;

  useEffect(() => {
    let isCurrent = true;
    loadOutlines(isFine ? "world-50m.json" : "world-110m.json").then((loaded) => {
      if (isCurrent) setWorld(loaded);
    }, () => {});
    return () => {
      isCurrent = false;
    };
  }, [isFine]);

  const marks = useMemo(() =>
    width === 0 ? [] : tracks.map((track) => {
      const [x0, y0] = placeOnMap(track.begin.lon_deg, track.begin.lat_deg, view, width, height);
      const [x1, y1] = placeOnMap(track.end.lon_deg, track.end.lat_deg, view, width, height);
      return {
        id: track.id,
        x: x1,
        y: y1,
        x0,
        y0,
        index: seriesOf(track.shower),
        lines: describe(track),
      };
    }), [tracks, view, width, height, seriesOf]);

  const draw = useCallback((/** @type {CanvasRenderingContext2D} */ context) => {
    drawLand(context, world, view, width, height);
    drawTracks(context, marks, view.scale);
  }, [world, marks, view, width, height]);

  const zoom = (/** @type {number} */ factor, x = width / 2, y = height / 2) =>
    setMoved(zoomedView(view, factor, x, y, width, height));
  const drag = (/** @type {number} */ dx, /** @type {number} */ dy) =>
    setMoved(draggedView(view, dx, dy));
  const key = (/** @type {string} */ pressed) => {
    if (pressed === "+" || pressed === "=") zoom(ZOOM);
    else if (pressed === "-") zoom(1 / ZOOM);
    else if (pressed === "0") setMoved(whole);
    else return false;
    return true;
  };
  // deno-fmt-ignore
  return html`<div>
    <div ref=${box} class="plot">
      <${MarkedCanvas}
        width=${width} height=${height} marks=${marks} draw=${draw} onKey=${key} onDrag=${drag} onWheel=${zoom}
        onDouble=${(/** @type {number} */ x, /** @type {number} */ y) => zoom(ZOOM * ZOOM, x, y)}
        label=${`Map of the ground tracks of ${tracks.length} meteors. Plus and minus enlarge and shrink it.`}
      />
      <div class="map-tools">
        <${Tool} name="Enlarge the map" icon="M8 3V13M3 8H13" work=${() => zoom(ZOOM)} />
        <${Tool} name="Shrink the map" icon="M3 8H13" work=${() => zoom(1 / ZOOM)} />
        <${Tool} name="Fit the map to the tracks" icon=${CORNERS} work=${() => setMoved(fitted)} />
        <${Tool} name="Show the whole world" icon=${GLOBE} work=${() => setMoved(whole)} />
      </div>
    </div>
    <${SeriesKey} series=${series} />
  </div>`;
}

const CORNERS = "M2 5.5V2H5.5M10.5 2H14V5.5M14 10.5V14H10.5M5.5 14H2V10.5";
const GLOBE = "M2 8a6 6 0 1 1 12 0a6 6 0 1 1 -12 0M2 8H14M8 2a3 6 0 0 0 0 12a3 6 0 0 0 0 -12";

/** @param {{ name: string, icon: string, work: () => void }} props */
function Tool({ name, icon, work }) {
  // deno-fmt-ignore
  return html`<button type="button" class="button" onClick=${work} title=${name} aria-label=${name}>
    <svg viewBox="0 0 16 16" width="16" aria-hidden="true"><path d=${icon} fill="none" stroke="currentColor" stroke-width="1.5" /></svg>
  </button>`;
}

/** @param {GroundTrack} track */
function describe({ shower, time, peak_absmag, begin, end }) {
  return [
    `${shower ?? "sporadic"}, ${fixed(peak_absmag, 1)} mag`,
    utc(time),
    `${place(begin)} to ${place(end)}`,
    `${fixed(begin.height_km, 0)} to ${fixed(end.height_km, 0)} km high`,
  ];
}

/** @param {{ lat_deg: number, lon_deg: number }} point */
function place({ lat_deg, lon_deg }) {
  return `${fixed(Math.abs(lat_deg), 1)}° ${lat_deg < 0 ? "S" : "N"} ${
    fixed(Math.abs(lon_deg), 1)
  }° ${lon_deg < 0 ? "W" : "E"}`;
}

/** @param {CanvasRenderingContext2D} context @param {Outlines | null} world @param {MapView} view @param {number} width @param {number} height */
function drawLand(context, world, view, width, height) {
  const colours = themeColours();
  context.fillStyle = colours.sea;
  context.fillRect(0, 0, width, height);
  if (world !== null) {
    const trace = (/** @type {number[]} */ flat) => {
      for (let at = 0; at < flat.length; at += 2) {
        const [x, y] = placeOnMap(flat[at], flat[at + 1], view, width, height);
        if (at === 0) context.moveTo(x, y);
        else context.lineTo(x, y);
      }
    };
    context.beginPath();
    world.land.forEach(trace);
    context.fillStyle = colours.land;
    context.fill("evenodd");
    context.strokeStyle = colours.coast;
    context.lineWidth = 0.7;
    context.stroke();
    context.beginPath();
    world.borders.forEach(trace);
    context.globalAlpha = 0.55;
    context.stroke();
    context.globalAlpha = 1;
  }
  drawGraticule(context, view, width, height, colours);
}

/**
 * @param {CanvasRenderingContext2D} context @param {MapView} view @param {number} width @param {number} height
 * @param {ReturnType<typeof themeColours>} colours
 */
function drawGraticule(context, view, width, height, colours) {
  const { west, east, south, north, meridians, parallels } = graticule(view, width, height);
  const at = (/** @type {number} */ lon, /** @type {number} */ lat) =>
    placeOnMap(lon, lat, view, width, height);
  const look = { colour: colours.muted, halo: colours.sea };
  context.strokeStyle = colours.grid;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  for (const lon of meridians) strokeLine(context, [at(lon, south), at(lon, north)]);
  for (const lat of parallels) strokeLine(context, [at(west, lat), at(east, lat)]);
  context.setLineDash([]);
  for (const lon of meridians) {
    const [x] = at(lon, 0);
    if (x > 24 && x < width - 24) label(context, degreesText(lon, "E", "W"), x, height - 9, look);
  }
  for (const lat of parallels) {
    const [, y] = at(0, lat);
    if (y > 12 && y < height - 22) {
      label(context, degreesText(lat, "N", "S"), 5, y, { ...look, align: "left" });
    }
  }
}

/**
 * A line from beginning to end, with the shower's shape at the end to show the direction.
 * @param {CanvasRenderingContext2D} context
 * @param {readonly { x: number, y: number, x0: number, y0: number, index: Series["index"] }[]} marks @param {number} scale
 */
function drawTracks(context, marks, scale) {
  const colours = themeColours();
  const size = scale > 40 ? 3.4 : scale > 10 ? 2.8 : marks.length > 1500 ? 1.8 : 2.3;
  for (const { x, y, x0, y0, index } of drawingOrder(marks)) {
    const shape = shapeOf(index);
    context.strokeStyle = context.fillStyle = colours.series(index);
    context.globalAlpha = 0.9;
    context.lineWidth = scale > 40 ? 2 : 1.2;
    strokeLine(context, [[x0, y0], [x, y]]);
    context.save();
    context.translate(x, y);
    const path = markPath(shape, shape === "dot" ? size * 0.8 : size);
    if (shape === "ring") context.stroke(path);
    else context.fill(path);
    context.restore();
  }
  context.globalAlpha = 1;
}
