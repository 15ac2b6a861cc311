// Draws many marks on a canvas: sharp on any screen, with one of them chosen by the pointer or the arrow keys.

import { shapePath } from "./series.js";

/**
 * A context whose unit is a CSS pixel, cleared.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 */
export function prepare(canvas, width, height) {
  const density = devicePixelRatio || 1;
  if (
    canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)
  ) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `11.5px ${getComputedStyle(document.body).fontFamily}`;
  context.lineJoin = "round";
  context.lineCap = "round";
  return context;
}

/**
 * Draws text that stays readable on any background.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y
 * @param {{ colour: string, halo: string, align?: CanvasTextAlign }} look
 */
export function label(context, text, x, y, { colour, halo, align = "center" }) {
  context.save();
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = halo;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
  context.restore();
}

/** A line through points. @param {CanvasRenderingContext2D} context @param {readonly (readonly number[])[]} points */
export function strokeLine(context, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

/** @type {Map<string, Path2D>} */
const paths = new Map();

/** The shape of a mark, created once per size. @param {import("./series.js").MarkShape} shape @param {number} size */
export function markPath(shape, size) {
  const key = `${shape} ${size}`;
  const path = paths.get(key) ?? new Path2D(shapePath(shape, size));
  paths.set(key, path);
  return path;
}

/**
 * The index of the nearest mark within reach, or -1.
 * @param {readonly { x: number, y: number }[]} marks @param {number} x @param {number} y @param {number} reach pixels
 */
export function nearest(marks, x, y, reach) {
  let best = -1;
  let distance = reach * reach;
  for (let at = 0; at < marks.length; at++) {
    const dx = marks[at].x - x;
    const dy = marks[at].y - y;
    const d = dx * dx + dy * dy;
    if (d <= distance) {
      best = at;
      distance = d;
    }
  }
  return best;
}
