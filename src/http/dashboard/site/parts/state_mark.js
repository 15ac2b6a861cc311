// A state as a shape, a colour and a word, so that it can be recognized without the colour.
import { html } from "../lib/html.js";

/** @typedef {"ok" | "busy" | "warn" | "bad" | "idle"} Tone */
/** @typedef {"check" | "turn" | "dot" | "cross" | "dash" | "ring" | "bang" | "pause"} Shape */

/** @type {Record<string, { tone: Tone, shape: Shape, word: string }>} */
const STATES = {
  // Runs.
  requested: { tone: "idle", shape: "ring", word: "Requested" },
  running: { tone: "busy", shape: "turn", word: "Running" },
  queued: { tone: "idle", shape: "ring", word: "Queued" },
  waiting: { tone: "warn", shape: "pause", word: "Waiting" },
  completed: { tone: "ok", shape: "check", word: "Completed" },
  failed: { tone: "bad", shape: "cross", word: "Failed" },
  cancelled: { tone: "warn", shape: "dash", word: "Cancelled" },
  // Files of a run.
  planned: { tone: "idle", shape: "ring", word: "Planned" },
  reading: { tone: "busy", shape: "turn", word: "Reading" },
  extracted: { tone: "ok", shape: "check", word: "Extracted" },
  rejects: { tone: "warn", shape: "bang", word: "Extracted, some rows rejected" },
  skipped: { tone: "idle", shape: "dash", word: "Skipped" },
  // Parts of the service.
  ready: { tone: "ok", shape: "check", word: "Ready" },
  away: { tone: "bad", shape: "cross", word: "Not ready" },
  // The page's own connection.
  live: { tone: "ok", shape: "dot", word: "Live" },
  connecting: { tone: "idle", shape: "ring", word: "Connecting" },
  lost: { tone: "warn", shape: "bang", word: "Reconnecting" },
};

/** @param {string} state */
export function stateOf(state) {
  return STATES[state] ??
    { tone: /** @type {Tone} */ ("idle"), shape: /** @type {Shape} */ ("dot"), word: state };
}

/**
 * The state to show for a run or a file: its own, unless it waits.
 * @param {{ state: string, waiting: object | null }} one
 */
export function shownState({ state, waiting }) {
  return waiting === null
    ? state
    : "for" in waiting && waiting.for === "run"
    ? "queued"
    : "waiting";
}

/** Only the shape; its meaning must be beside it as text. @param {{ shape: Shape }} props */
export function Mark({ shape }) {
  // deno-fmt-ignore
  return html`<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">${drawing(shape)}</svg>`;
}

/** @param {Shape} shape */
function drawing(shape) {
  const line = {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 2.2,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  };
  switch (shape) {
    case "check":
      return html`<path d="M3 8.6 6.4 12 13 4.6" ...${line} />`;
    case "cross":
      return html`<path d="M4 4 12 12M12 4 4 12" ...${line} />`;
    case "dash":
      return html`<path d="M3.5 8H12.5" ...${line} />`;
    case "ring":
      return html`<circle cx="8" cy="8" r="5" ...${line} stroke-width="1.8" />`;
    case "pause":
      return html`<path d="M5.5 4V12M10.5 4V12" ...${line} />`;
    case "bang":
      return html`<path d="M8 3V9M8 12.7V12.8" ...${line} />`;
    case "turn":
      // deno-fmt-ignore
      return html`<g class="turning"><path d="M8 2.6A5.4 5.4 0 1 1 2.6 8" ...${line} /></g>`;
    default:
      return html`<circle cx="8" cy="8" r="4.2" fill="currentColor" />`;
  }
}

/** Shape and word. @param {{ state: string, word?: string }} props */
export function State({ state, word }) {
  const { tone, shape, word: standard } = stateOf(state);
  // deno-fmt-ignore
  return html`<span class=${`state tone-${tone}`}><${Mark} shape=${shape} />${word ?? standard}</span>`;
}
