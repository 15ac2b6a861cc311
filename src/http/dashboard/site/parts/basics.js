// Small pieces of every view: cards, notes for errors, loading and empty states, times.
import { ApiError } from "../lib/api.js";
import { relative, utc } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useNow } from "../lib/hooks.js";

/**
 * A titled box.
 * @param {{ title: unknown, id?: string, aside?: unknown, flush?: boolean, class?: string, children?: unknown }} props
 */
export function Card({ title, id, aside, flush = false, class: more = "", children }) {
  const name = id ?? String(title).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  // deno-fmt-ignore
  return html`<section class=${`card ${more}`} aria-labelledby=${`h-${name}`}>
    <div class="card-head">
      <h2 id=${`h-${name}`}>${title}</h2>
      ${aside === undefined ? null : html`<div class="muted">${aside}</div>`}
    </div>
    <div class=${flush ? "card-body flush" : "card-body"}>${children}</div>
  </section>`;
}

/** What went wrong and what to do. @param {{ error: Error, what: string, retry?: () => void }} props */
export function ErrorNote({ error, what, retry }) {
  const advice = error instanceof ApiError && error.status === 0
    ? "Check that the process is running and that this address reaches it."
    : error instanceof ApiError && error.status === 503
    ? "Part of the service is unavailable; the page “Now” says which. This page retries automatically."
    : error instanceof ApiError && error.status === 404
    ? "The id may be wrong, or belong to another data store."
    : "The service's log has the details.";
  const again = html`<button type="button" class="link-button" onClick=${retry}>Retry now</button>`;
  // deno-fmt-ignore
  return html`<div class="note bad" role="alert">
    <p><strong>${what}</strong> ${sentence(error.message)}</p>
    <p class="small">${advice} ${retry === undefined ? null : again}</p>
  </div>`;
}

/** The API's reasons start in lower case and have no full stop, so that they can be combined. @param {string} text */
function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/**
 * Why a whole page has nothing to show; placed above its content.
 * @param {{ of: import("../types.ts").Loaded<unknown>, what: string }} props
 */
export function PageError({ of, what }) {
  if (of.error === null) return null;
  // deno-fmt-ignore
  return html`<div class="page-note"><${ErrorNote} error=${of.error} what=${what} retry=${of.reload} /></div>`;
}

/** There is nothing to show. @param {{ title: string, children?: unknown }} props */
export function Empty({ title, children }) {
  return html`<div class="empty"><strong>${title}</strong>${children}</div>`;
}

/** Waiting for an answer. @param {{ what: string }} props */
export function Bones({ what }) {
  return html`<div class="bones" role="status">
    <span></span><span></span><span></span>
    <div class="hidden">Loading ${what}</div>
  </div>`;
}

/**
 * The loaded data, or why they are missing.
 * @template Data
 * @param {{ of: import("../types.ts").Loaded<Data>, what: string, children: (data: Data) => unknown }} props
 */
export function Show({ of, what, children }) {
  if (of.error !== null && of.data === null) {
    return html`<${ErrorNote} error=${of.error} what=${`Could not load ${what}.`} retry=${of.reload} />`;
  }
  return of.data === null
    ? html`<${Bones} what=${what} />`
    : html`<div class=${of.stale ? "stale" : ""}>${children(of.data)}</div>`;
}

/** A time, relative to now; the full time is its tooltip. @param {{ at: string | number | null }} props */
export function Ago({ at }) {
  const now = useNow(at === null ? 60_000 : 1_000);
  if (at === null) return html`<span class="muted">–</span>`;
  // deno-fmt-ignore
  return html`<time datetime=${new Date(at).toISOString()} title=${utc(at)}>${relative(at, now)}</time>`;
}

/** A time in UTC. @param {{ at: string | number | null }} props */
export function Utc({ at }) {
  if (at === null) return html`<span class="muted">–</span>`;
  return html`<time class="nowrap" datetime=${new Date(at).toISOString()}>${utc(at)}</time>`;
}

/**
 * The parts of a whole as one bar.
 * @param {{ parts: { size: number, tone: string }[], whole: number, label: string }} props
 */
export function Meter({ parts, whole, label }) {
  let x = 0;
  // deno-fmt-ignore
  return html`<div class="meter" role="img" aria-label=${label}>
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      ${parts.map(({ size, tone }) => {
        const width = whole === 0 ? 0 : size / whole * 100;
        const from = x;
        x += width;
        return html`<rect x=${from} width=${width} height="8" fill="currentColor" class=${`tone-${tone}`} />`;
      })}
    </svg>
  </div>`;
}
