// Events, one line each, newest first.
import { utc } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useNow } from "../lib/hooks.js";
import { href } from "../lib/router.js";

/** @typedef {import("../types.ts").ServiceEvent} ServiceEvent */

/** @param {{ events: readonly ServiceEvent[], label: string }} props */
export function EventList({ events, label }) {
  const today = new Date(useNow(60_000)).toISOString().slice(0, 10);
  // deno-fmt-ignore
  return html`<ol class="activity" tabindex="0" aria-label=${label}>
    ${events.map(({ id, at, level, message, detail }) =>
      html`<li key=${id}>
        <time datetime=${at} title=${utc(at)}>${at.startsWith(today) ? at.slice(11, 19) : at.slice(5, 16).replace("T", " ")}</time>
        <span class=${level === "error" ? "tone-bad" : level === "warning" ? "tone-warn" : ""}>
          ${level === "error" ? "Error: " : level === "warning" ? "Warning: " : ""}<${Linked} text=${message} runId=${detail.runId} />
        </span>
      </li>`
    )}
  </ol>`;
}

/** The message, with the run's id as a short link. @param {{ text: string, runId: unknown }} props */
function Linked({ text, runId }) {
  const at = typeof runId === "string" ? text.indexOf(runId) : -1;
  if (at < 0 || typeof runId !== "string") return html`<span>${text}</span>`;
  // deno-fmt-ignore
  const link = html`<a class="mono" href=${href(["runs", runId])} title=${runId}>…${runId.slice(-6)}</a>`;
  return html`<span>${text.slice(0, at)}${link}${text.slice(at + runId.length)}</span>`;
}
