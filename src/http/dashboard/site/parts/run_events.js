// The events of a run: the recorded ones from the data store, the same in every process and after every restart; and live events of
// this process that are not recorded.
import { useState } from "preact/hooks";
import { html } from "../lib/html.js";
import { useData, useLive } from "../lib/hooks.js";
import { mergedEvents } from "../lib/merged_events.js";
import { Card, Empty, Show } from "./basics.js";
import { EventList } from "./event_list.js";

/** @typedef {import("../types.ts").ServiceEvent} ServiceEvent @typedef {import("../types.ts").RunHistory} History */

const PAGE = 100;
/** Another process may be working on the run; its events are not in this process's stream. */
const POLL_AT_WORK_MS = 3_000;

/** Live events that are not recorded and that the page's rows and files don't show better. */
const LIVE_ONLY = new Set([
  "run.queued",
  "run.paused",
  "run.loaded",
  "file.withdrew",
  "file.withdrawal_held",
]);

/** @param {{ runId: string, isOver: boolean }} props */
export function RunEvents({ runId, isOver }) {
  const { all } = useLive();
  const [after, setAfter] = useState(/** @type {string | null} */ (null));
  const parameters = new URLSearchParams({
    limit: String(PAGE),
    ...(after === null ? {} : { after }),
  });
  const history = /** @type {import("../types.ts").Loaded<History>} */ (
    useData(`/runs/${encodeURIComponent(runId)}/history?${parameters}`, {
      topics: ["runs"],
      ...(isOver ? {} : { poll: POLL_AT_WORK_MS }),
    })
  );
  const live = after === null
    ? all.filter(({ detail, name }) => detail.runId === runId && LIVE_ONLY.has(name))
    : [];
  // deno-fmt-ignore
  return html`<${Card} title="Events" aside="newest first, times in UTC" flush>
    <${Show} of=${history} what="the events of the run">${(/** @type {History} */ { events, next }) =>
      html`<div>
        ${events.length === 0
          ? html`<${Empty} title="No events recorded">
            This run is from before events were recorded. <code>deno task rebuild -- --topic ingestion_run</code> restores them from the log.
          <//>`
          : html`<${EventList} events=${mergedEvents(events, live)} label="Events of the run, newest first" />`}
        ${after === null && next === null ? null : html`<div class="actions turn">
          ${after === null ? null : html`<${Turn} text="Newest events" go=${() => setAfter(null)} />`}
          ${next === null ? null : html`<${Turn} text="Older events" go=${() => setAfter(next)} />`}
        </div>`}
      </div>`}<//>
  <//>`;
}

/** @param {{ text: string, go: () => void }} props */
function Turn({ text, go }) {
  return html`<button type="button" class="button small" onClick=${go}>${text}</button>`;
}
