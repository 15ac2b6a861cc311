// Where meteors come from: geocentric radiants on the whole sky, in Hammer's equal-area projection, longitude to the left.
import { useCallback, useMemo, useState } from "preact/hooks";
import { useWidth } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { fixed, utc } from "../lib/format.js";
import { label, markPath, strokeLine } from "./canvas.js";
import { MarkedCanvas } from "./marked_canvas.js";
import { SeriesKey } from "./mark_key.js";
import { drawingOrder, shapeOf, SPEED_RANGE, speedColour, speedColours } from "./series.js";
import {
  coordinatesOf,
  FRAMES,
  NARROW_PX,
  placeOnSky,
  shownNames,
  skyGrid,
  skyHeight,
  skyRadius,
} from "./sky_geometry.js";
import { isDarkNow, themeColours } from "./theme_colours.js";

/** @typedef {import("../types.ts").Radiant} Radiant @typedef {import("./series.js").Series} Series */
/** @typedef {import("./sky_geometry.js").Frame} Frame */

/** What the picture shows, in words. @type {Record<Frame, string>} */
const CAPTIONS = {
  ecliptic:
    "Hammer projection. Horizontally the Sun-centred ecliptic longitude λ − λ☉ of the geocentric radiant, " +
    "increasing to the left, with the Earth’s apex (270°) in the middle and the Sun at 0°; vertically the ecliptic " +
    "latitude β (J2000). Labels mark the sporadic sources: antihelion (AH), helion (HE), north and south apex " +
    "(NA, SA), north and south toroidal (NT, ST).",
  equatorial:
    "Hammer projection. Horizontally the right ascension α of the geocentric radiant, increasing to the left; " +
    "vertically its declination δ (J2000).",
};

/** Centres of the sporadic sources, Sun-centred longitude and latitude (Campbell-Brown 2008, Icarus 196, 144); side of the name. */
const SOURCES = /** @type {const} */ ([
  ["AH", 198, 0, 1],
  ["HE", 342, 1, 1],
  ["NA", 271, 19, 1],
  ["SA", 273, -11, -1],
  ["NT", 271, 58, 1],
  ["ST", 274, -60, 1],
]);

/**
 * @param {{
 *   radiants: readonly Radiant[], seriesOf: (code: string | null) => Series["index"], series: readonly Series[],
 * }} props
 */
export function SkyMap({ radiants, seriesOf, series }) {
  const [box, width] = useWidth();
  const [frame, setFrame] = useState(/** @type {Frame} */ ("ecliptic"));
  const [by, setBy] = useState(/** @type {"shower" | "speed"} */ ("shower"));
  const height = skyHeight(width);

  const marks = useMemo(() => {
    if (width === 0) return [];
    const { centre } = FRAMES[frame];
    return radiants.flatMap((radiant) => {
      const coordinates = coordinatesOf(radiant, frame);
      if (coordinates === null) return [];
      const { lon, lat } = coordinates;
      const [x, y] = placeOnSky(lon, lat, centre, width, height);
      return [{
        id: radiant.id,
        x,
        y,
        radiant,
        lines: [
          `${radiant.shower ?? "sporadic"}, ${fixed(radiant.vgeo_km_s, 1)} km/s`,
          utc(radiant.time),
          frame === "ecliptic"
            ? `λ − λ☉ ${fixed(lon, 1)}°, β ${fixed(lat, 1)}°`
            : `α ${fixed(lon, 1)}°, δ ${fixed(lat, 1)}°`,
        ],
      }];
    });
  }, [radiants, frame, width, height]);

  const draw = useCallback((/** @type {CanvasRenderingContext2D} */ context) => {
    drawSky(context, frame, width, height);
    drawMarks(context, marks, by, seriesOf);
    drawNames(context, frame, width, height);
  }, [marks, by, seriesOf, frame, width, height]);

  return html`<div>
    <div class="actions">
      <${Choice} name="Coordinates" value=${frame} choose=${setFrame}
        choices=${[["ecliptic", "Sun-centred ecliptic"], ["equatorial", "Equatorial"]]} />
      <${Choice} name="Colour by" value=${by} choose=${setBy}
        choices=${[["shower", "By shower"], ["speed", "By speed"]]} />
    </div>
    <div ref=${box}>
      <${MarkedCanvas} width=${width} height=${height} marks=${marks} draw=${draw} label=${`Map of ${marks.length} radiants.`} />
    </div>
    ${by === "shower" ? html`<${SeriesKey} series=${series} />` : html`<${SpeedKey} />`}
    <p class="caption">${CAPTIONS[frame]}</p>
  </div>`;
}

/**
 * A choice between a few options, as a row of buttons.
 * @template {string} Key
 * @param {{ name: string, value: Key, choices: [Key, string][], choose: (value: Key) => void }} props
 */
function Choice({ name, value, choices, choose }) {
  // deno-fmt-ignore
  return html`<div class="segmented" role="group" aria-label=${name}>
    ${choices.map(([key, text]) =>
      html`<button key=${key} type="button" aria-pressed=${String(value === key)} onClick=${() => choose(key)}>${text}</button>`
    )}
  </div>`;
}

function SpeedKey() {
  const colours = speedColours(isDarkNow());
  // deno-fmt-ignore
  return html`<div class="key">
    <span>${SPEED_RANGE[0]}</span>
    <svg class="ramp" viewBox=${`0 0 ${colours.length} 1`} preserveAspectRatio="none" aria-hidden="true">
      ${colours.map((colour, at) => html`<rect key=${at} x=${at} width="1.02" height="1" fill=${colour} />`)}
    </svg>
    <span>${SPEED_RANGE[1]} km/s</span><span class="muted">geocentric speed</span>
  </div>`;
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {number} width @param {number} height */
function drawSky(context, frame, width, height) {
  const colours = themeColours();
  const { centre } = FRAMES[frame];
  const rx = skyRadius(width);
  context.beginPath();
  context.ellipse(width / 2, height / 2, rx, rx / 2, 0, 0, 2 * Math.PI);
  context.fillStyle = colours.sea;
  context.fill();
  const grid = skyGrid(centre);
  const draw = (/** @type {readonly (readonly [number, number])[]} */ points) =>
    strokeLine(context, points.map(([lon, lat]) => placeOnSky(lon, lat, centre, width, height)));
  context.strokeStyle = colours.grid;
  context.lineWidth = 1;
  for (const line of [...grid.parallels, ...grid.meridians]) draw(line);
  context.strokeStyle = colours.line;
  draw(grid.equator);
  context.beginPath();
  context.ellipse(width / 2, height / 2, rx, rx / 2, 0, 0, 2 * Math.PI);
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context @param {readonly { x: number, y: number, radiant: Radiant }[]} marks
 * @param {"shower" | "speed"} by @param {(code: string | null) => Series["index"]} seriesOf
 */
function drawMarks(context, marks, by, seriesOf) {
  const colours = themeColours();
  const speeds = speedColours(isDarkNow());
  const size = marks.length > 3000 ? 1.7 : marks.length > 800 ? 2.2 : 2.8;
  const ordered = drawingOrder(
    marks.map((mark) => ({ ...mark, index: seriesOf(mark.radiant.shower) })),
  );
  for (const { x, y, radiant, index } of ordered) {
    const shape = shapeOf(index);
    const speed = radiant.vgeo_km_s;
    const bySpeed = speed === null ? colours.muted : speedColour(speed, speeds);
    const colour = by === "shower" ? colours.series(index) : bySpeed;
    context.save();
    context.translate(x, y);
    const path = markPath(shape, shape === "dot" ? size * 0.75 : size);
    context.globalAlpha = 0.85;
    if (shape === "ring" && by === "shower") {
      context.strokeStyle = colour;
      context.lineWidth = 1.1;
      context.stroke(path);
    } else {
      context.fillStyle = colour;
      context.fill(path);
    }
    context.restore();
  }
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {number} width @param {number} height */
function drawNames(context, frame, width, height) {
  const colours = themeColours();
  const { centre } = FRAMES[frame];
  const look = { colour: colours.muted, halo: colours.sea };
  for (const [lon, text, name] of shownNames(frame, width)) {
    const [x, y] = placeOnSky(lon, 0, centre, width, height);
    label(context, text, x + 3, y + 9, { ...look, align: "left" });
    if (name !== undefined) {
      label(context, name, x + 3, y + 22, { ...look, colour: colours.text, align: "left" });
    }
  }
  // Outside, at the left rim.
  for (const lat of [-60, -30, 30, 60]) {
    const [x, y] = placeOnSky(centre + 179.99, lat, centre, width, height);
    label(context, `${lat > 0 ? "+" : "−"}${Math.abs(lat)}°`, x - 5, y, {
      ...look,
      halo: colours.surface,
      align: "right",
    });
  }
  if (frame === "ecliptic" && width >= NARROW_PX) {
    for (const [name, lon, lat, side] of SOURCES) {
      const [x, y] = placeOnSky(lon, lat, centre, width, height);
      label(context, name, x + side * 8, y - 8, {
        ...look,
        colour: colours.text,
        align: side > 0 ? "left" : "right",
      });
      context.strokeStyle = colours.text;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x - 4, y);
      context.lineTo(x + 4, y);
      context.moveTo(x, y - 4);
      context.lineTo(x, y + 4);
      context.stroke();
    }
  }
}
