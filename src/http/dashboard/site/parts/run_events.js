// What happened to a run: its events out of the data store, the same in every process and after every restart; and what else this
// process has to tell of it as it happens, which is on no record.
import { useState } from "preact/hooks";
import { html } from "../lib/html.js";
import { useData, useLive } from "../lib/hooks.js";
import { Card, Empty, Show } from "./basics.js";
import { HappeningList } from "./happening_list.js";

/** @typedef {import("../types.ts").Happening} Happening @typedef {import("../types.ts").RunHistory} History */

const PAGE = 100;
/** Another process may be at work on the run: nothing of that is in this one's stream. */
const POLL_AT_WORK_MS = 3_000;

/** Of this process's happenings those that are on no record, and not told better by the rows and files of the page. */
const LIVE_ONLY = new Set(["run.paused", "run.loaded", "file.withdrew", "file.withdrawal_held"]);

/** @param {{ runId: string, isOver: boolean }} props */
export function RunEvents({ runId, isOver }) {
  const { all } = useLive();
  const [after, setAfter] = useState(/** @type {string | null} */ (null));
  const question = new URLSearchParams({
    limit: String(PAGE),
    ...(after === null ? {} : { after }),
  });
  const history = /** @type {import("../types.ts").Loaded<History>} */ (
    useData(`/runs/${encodeURIComponent(runId)}/history?${question}`, {
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
          ? html`<${Empty} title="None on record">
            The run is older than the record of events; <code>deno task rebuild -- --topic ingestion_run</code> makes it from the log.
          <//>`
          : html`<${HappeningList} happenings=${merged(events, live)} label="Events of the run, newest first" />`}
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

/**
 * Both kinds in one list, newest first; what is live and older than the page belongs to a later one.
 * @param {History["events"]} events @param {readonly Happening[]} live
 * @returns {Happening[]}
 */
function merged(events, live) {
  const recorded = events.map(({ offset, ...event }) => ({
    ...event,
    id: `offset-${offset}`,
    detail: {},
  }));
  const oldest = recorded.at(-1)?.at ?? "";
  return [...live.filter(({ at }) => at >= oldest), ...recorded].sort((a, b) =>
    a.at < b.at ? 1 : a.at > b.at ? -1 : 0
  );
}
