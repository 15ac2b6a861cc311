// A picture of meteors in which each can be chosen: with the pointer, or with the arrow keys from newest to oldest; Enter opens it.
import { useEffect, useRef, useState } from "preact/hooks";
import { useThemeTick } from "../lib/hooks.js";
import { html } from "../lib/html.js";
import { go, href } from "../lib/router.js";
import { nearest, prepare } from "./canvas.js";

/** @typedef {{ id: string, x: number, y: number, lines: readonly string[] }} Mark */

const REACH_PX = 9;
/** From newer to older meteors. @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * `draw` paints the picture; `marks` (newest first) are the positions where it drew the meteors.
 * @param {{
 *   width: number, height: number, label: string, marks: readonly Mark[],
 *   draw: (context: CanvasRenderingContext2D) => void,
 *   onKey?: (key: string) => boolean, onDrag?: (dx: number, dy: number) => void,
 *   onWheel?: (factor: number, x: number, y: number) => void, onDouble?: (x: number, y: number) => void, children?: unknown,
 * }} props
 */
export function MarkedCanvas(
  { width, height, label, marks, draw, onKey, onDrag, onWheel, onDouble, children },
) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [chosen, setChosen] = useState(-1);
  const drag = useRef(/** @type {{ x: number, y: number, moved: boolean } | null} */ (null));
  const theme = useThemeTick();
  const mark = marks[chosen];

  useEffect(() => {
    if (canvas.current === null || width === 0) return;
    const context = prepare(canvas.current, width, height);
    draw(context);
    if (mark !== undefined) ring(context, mark);
  }, [draw, width, height, theme, mark]);

  useWheel(canvas, onWheel);

  const move = (/** @type {PointerEvent} */ event) => {
    const start = drag.current;
    if (start !== null && onDrag !== undefined && event.buttons > 0) {
      const [dx, dy] = [event.offsetX - start.x, event.offsetY - start.y];
      if (!start.moved && dx * dx + dy * dy < 16) return;
      drag.current = { x: event.offsetX, y: event.offsetY, moved: true };
      setChosen(-1);
      onDrag(dx, dy);
      return;
    }
    setChosen(nearest(marks, event.offsetX, event.offsetY, REACH_PX));
  };
  const press = (/** @type {PointerEvent} */ event) => {
    drag.current = { x: event.offsetX, y: event.offsetY, moved: false };
    if (onDrag !== undefined) canvas.current?.setPointerCapture(event.pointerId);
  };
  const click = (/** @type {MouseEvent} */ event) => {
    const moved = drag.current?.moved ?? false;
    drag.current = null;
    const at = nearest(marks, event.offsetX, event.offsetY, REACH_PX);
    if (!moved && at >= 0) open(marks[at]);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const step = STEPS[event.key] ?? 0;
    if (step !== 0 && marks.length > 0) {
      event.preventDefault();
      setChosen((chosen + step + marks.length) % marks.length);
    } else if (event.key === "Enter" && mark !== undefined) open(mark);
    else if (event.key === "Escape") setChosen(-1);
    else if (onKey?.(event.key)) event.preventDefault();
  };
  return html`<div class="plot">
    <canvas
      ref=${canvas}
      class=${onDrag === undefined ? "map-canvas" : "map-canvas can-drag"}
      tabindex="0"
      role="application"
      aria-label=${`${label} Arrow keys go from meteor to meteor, newest first; Enter opens one.`}
      onPointerMove=${move}
      onPointerDown=${press}
      onPointerLeave=${() => setChosen(-1)}
      onClick=${click}
      onDblClick=${(/** @type {MouseEvent} */ event) => onDouble?.(event.offsetX, event.offsetY)}
      onKeyDown=${key}
      onBlur=${() => setChosen(-1)}
    ></canvas>
    ${children}
    ${mark === undefined ? null : html`<${Tip} mark=${mark} width=${width} />`}
    <div class="hidden" aria-live="polite">${mark === undefined ? "" : mark.lines.join(", ")}</div>
  </div>`;
}

/**
 * Pinches, and the wheel with Ctrl; a plain wheel scrolls the page.
 * @param {{ readonly current: HTMLCanvasElement | null }} canvas
 * @param {((factor: number, x: number, y: number) => void) | undefined} onWheel
 */
function useWheel(canvas, onWheel) {
  useEffect(() => {
    const element = canvas.current;
    if (element === null || onWheel === undefined) return;
    const wheel = (/** @type {WheelEvent} */ event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      onWheel(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [onWheel]);
}

/** @param {Mark} mark */
function open(mark) {
  go(href(["meteors", mark.id]));
}

/** @param {CanvasRenderingContext2D} context @param {Mark} mark */
function ring(context, mark) {
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--text").trim();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(mark.x, mark.y, 7, 0, 2 * Math.PI);
  context.stroke();
}

/** @param {{ mark: Mark, width: number }} props */
function Tip({ mark, width }) {
  const isRight = mark.x > width / 2;
  const style = {
    left: isRight ? "auto" : `${mark.x + 12}px`,
    right: isRight ? `${width - mark.x + 12}px` : "auto",
    top: `${Math.max(0, mark.y - 14)}px`,
  };
  // deno-fmt-ignore
  return html`<div class="tip" aria-hidden="true" style=${style}>
    ${mark.lines.map((line, at) => html`<div key=${at}>${at === 0 ? html`<strong>${line}</strong>` : line}</div>`)}
  </div>`;
}
