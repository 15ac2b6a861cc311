// Where meteors come from: geocentric radiants on the whole sky, in Hammer's equal-area projection, longitude to the left.
import { useCallback, useMemo, useState } from "preact/hooks";
import { useWidth } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { fixed, utc } from "../lib/format.js";
import { label } from "./canvas.js";
import { MarkedCanvas } from "./marked_canvas.js";
import { SeriesKey } from "./mark_key.js";
import { hammer, wrap180 } from "./projections.js";
import {
  isDarkNow,
  shapeOf,
  shapePath,
  SPEED_RANGE,
  speedColour,
  speedColours,
  themeColours,
} from "./series.js";

/** @typedef {import("../types.ts").Radiant} Radiant @typedef {import("./series.js").Series} Series */

const PAD = 14;

/** Longitude, what the axis says there, and what is there. @typedef {readonly [number, string, string?]} AxisName */

/** Frames: what is in the middle, and what the axes are called. */
const FRAMES = {
  ecliptic: {
    centre: 270,
    caption:
      "Hammer projection. Horizontally the Sun-centred ecliptic longitude λ − λ☉ of the geocentric radiant, " +
      "increasing to the left, with the Earth’s apex (270°) in the middle and the Sun at 0°; vertically the ecliptic " +
      "latitude β (J2000). Letters mark the sporadic sources: antihelion (AH), helion (HE), north and south apex " +
      "(NA, SA), north and south toroidal (NT, ST).",
    names: /** @type {readonly AxisName[]} */ ([
      ...[330, 300, 240, 210, 120, 60, 30].map((lon) => /** @type {const} */ ([lon, `${lon}°`])),
      [270, "270°", "apex"],
      [0, "0°", "Sun"],
      [180, "180°", "anti-Sun"],
    ]),
  },
  equatorial: {
    centre: 180,
    caption:
      "Hammer projection. Horizontally the right ascension α of the geocentric radiant, increasing to the left; " +
      "vertically its declination δ (J2000).",
    names:
      /** @type {readonly AxisName[]} */ ([[60, "4h"], [120, "8h"], [180, "12h"], [240, "16h"], [
        300,
        "20h",
      ]]),
  },
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
  const [frame, setFrame] = useState(/** @type {keyof typeof FRAMES} */ ("ecliptic"));
  const [by, setBy] = useState(/** @type {"shower" | "speed"} */ ("shower"));
  const rx = Math.max(10, (width - 2 * PAD) / 2);
  const height = Math.round(rx + 2 * PAD);

  const marks = useMemo(() => {
    if (width === 0) return [];
    const { centre } = FRAMES[frame];
    return radiants.flatMap((radiant) => {
      const lon = frame === "ecliptic" ? radiant.sun_centred_longitude_deg : radiant.rageo_deg;
      const lat = frame === "ecliptic" ? radiant.latitude_deg : radiant.decgeo_deg;
      if (lon === null || lat === null) return [];
      const [x, y] = place(lon, lat, centre, width, height);
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
    <p class="caption">${FRAMES[frame].caption}</p>
  </div>`;
}

/** @param {{ name: string, value: string, choices: [string, string][], choose: (value: any) => void }} props */
export function Choice({ name, value, choices, choose }) {
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

/** @param {number} lon @param {number} lat @param {number} centre @param {number} width @param {number} height */
function place(lon, lat, centre, width, height) {
  const [x, y] = hammer(lon, lat, centre);
  const rx = (width - 2 * PAD) / 2;
  return [width / 2 + x / 2 * rx, height / 2 - y / 2 * rx];
}

/** @param {CanvasRenderingContext2D} context @param {keyof typeof FRAMES} frame @param {number} width @param {number} height */
function drawSky(context, frame, width, height) {
  const colours = themeColours();
  const { centre } = FRAMES[frame];
  const rx = (width - 2 * PAD) / 2;
  context.beginPath();
  context.ellipse(width / 2, height / 2, rx, rx / 2, 0, 0, 2 * Math.PI);
  context.fillStyle = colours.sea;
  context.fill();
  context.strokeStyle = colours.grid;
  context.lineWidth = 1;
  for (let lat = -60; lat <= 60; lat += 30) {
    line(
      context,
      range(-180, 180, 3).map((lon) => place(centre + lon * 0.9999, lat, centre, width, height)),
    );
  }
  for (let lon = -150; lon <= 150; lon += 30) {
    line(context, range(-90, 90, 3).map((lat) => place(centre + lon, lat, centre, width, height)));
  }
  context.strokeStyle = colours.line;
  line(
    context,
    range(-180, 180, 6).map((lon) => place(centre + lon * 0.9999, 0, centre, width, height)),
  );
  context.beginPath();
  context.ellipse(width / 2, height / 2, rx, rx / 2, 0, 0, 2 * Math.PI);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number[][]} points */
function line(context, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

/** @param {number} from @param {number} to @param {number} step */
function range(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, at) => from + at * step);
}

/**
 * @param {CanvasRenderingContext2D} context @param {readonly { x: number, y: number, radiant: Radiant }[]} marks
 * @param {"shower" | "speed"} by @param {(code: string | null) => Series["index"]} seriesOf
 */
function drawMarks(context, marks, by, seriesOf) {
  const colours = themeColours();
  const speeds = speedColours(isDarkNow());
  const size = marks.length > 3000 ? 1.7 : marks.length > 800 ? 2.2 : 2.8;
  // Showers over the sporadic background; the newest on top.
  const ordered = marks.map((mark) => ({ ...mark, index: seriesOf(mark.radiant.shower) }))
    .toReversed()
    .sort((a, b) => rank(a.index) - rank(b.index));
  for (const { x, y, radiant, index } of ordered) {
    const shape = shapeOf(index);
    const speed = radiant.vgeo_km_s;
    const bySpeed = speed === null ? colours.muted : speedColour(speed, speeds);
    const colour = by === "shower" ? colours.series(index) : bySpeed;
    context.save();
    context.translate(x, y);
    const path = pathOf(shape, shape === "dot" ? size * 0.75 : size);
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

/** @type {Map<string, Path2D>} */
const paths = new Map();

/** @param {import("./series.js").MarkShape} shape @param {number} size */
export function pathOf(shape, size) {
  const key = `${shape} ${size}`;
  const path = paths.get(key) ?? new Path2D(shapePath(shape, size));
  paths.set(key, path);
  return path;
}

/** @param {Series["index"]} index */
export function rank(index) {
  return index === "sporadic" ? 0 : index === "other" ? 1 : 2;
}

/** @param {CanvasRenderingContext2D} context @param {keyof typeof FRAMES} frame @param {number} width @param {number} height */
function drawNames(context, frame, width, height) {
  const colours = themeColours();
  const { centre, names } = FRAMES[frame];
  const look = { colour: colours.muted, halo: colours.sea };
  const isSmall = width < 480;
  for (const [lon, text, name] of names) {
    if (
      Math.abs(wrap180(lon - centre)) > 179 || (isSmall && name === undefined && lon % 60 !== 0)
    ) continue;
    const [x, y] = place(lon, 0, centre, width, height);
    label(context, text, x + 3, y + 9, { ...look, align: "left" });
    if (name !== undefined) {
      label(context, name, x + 3, y + 22, { ...look, colour: colours.text, align: "left" });
    }
  }
  // Outside, at the left rim.
  for (const lat of [-60, -30, 30, 60]) {
    const [x, y] = place(centre + 179.99, lat, centre, width, height);
    label(context, `${lat > 0 ? "+" : "−"}${Math.abs(lat)}°`, x - 5, y, {
      ...look,
      halo: colours.surface,
      align: "right",
    });
  }
  if (frame === "ecliptic" && !isSmall) {
    for (const [name, lon, lat, side] of SOURCES) {
      const [x, y] = place(lon, lat, centre, width, height);
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
