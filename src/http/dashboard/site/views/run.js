// One run: what was requested, its files and rows, how long it takes, its events.
import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, count, plural, span } from "../lib/format.js";
import { selectionText } from "../lib/selection.js";
import { fileLabel } from "../lib/summary_files.js";
import { html } from "../lib/html.js";
import { useData, useNow, useTitle } from "../lib/hooks.js";
import { href, lastAddress } from "../lib/router.js";
import {
  isOver,
  outcomesOf,
  rateText,
  rowsUnderWay,
  runSeconds,
  timeLeft,
} from "../lib/run_numbers.js";
import { Ago, Bones, Card, Empty, PageError, Utc } from "../parts/basics.js";
import { RunActions } from "../parts/run_actions.js";
import { RunEvents } from "../parts/run_events.js";
import { RunProgress } from "../parts/run_progress.js";
import { shownState, State } from "../parts/state_mark.js";
import { Attempt, Waiting } from "../parts/waiting.js";

/** @typedef {import("../types.ts").RunDetail} Run */

const KINDS = { daily: "Daily run", backfill: "Backfill", upload: "Upload" };

/** @param {{ id: string, query: URLSearchParams }} props */
export function RunView({ id, query }) {
  const loaded = /** @type {import("../types.ts").Loaded<Run>} */ (
    useData(`/runs/${encodeURIComponent(id)}`, { topics: ["runs", "store"] })
  );
  const run = loaded.data;
  const what = run === null ? "Run" : `${KINDS[run.kind]}, ${selectionText(run.selection)}`;
  useTitle(what);
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head">
      <div>
        <nav class="crumb" aria-label="Above this page"><a href=${lastAddress("runs")}>Runs</a></nav>
        <h1 tabindex="-1">${what}</h1>
        <p class="mono">${id}</p>
      </div>
      ${run === null ? null : html`<div class="actions"><${RunActions} run=${run} done=${loaded.reload} /></div>`}
    </div>
    <${PageError} of=${loaded} what="Could not load this run." />
    ${run === null && loaded.error === null ? html`<${Bones} what="the run" />` : null}
    ${run === null ? null : html`<${Details} run=${run} file=${query.get("file")} />`}
  </div>`;
}

/** @param {{ run: Run, file: string | null }} props */
function Details({ run, file }) {
  const failed = run.file_list.filter(({ state }) => state === "failed");
  const isRetryable = run.kind !== "upload" &&
    (run.state === "failed" || run.state === "cancelled");
  const retry = isRetryable && failed.length > 0 ? " A retry reads only the remaining files." : "";
  // deno-fmt-ignore
  return html`<div class="stack">
    ${run.reason === null ? null : html`<div class=${run.state === "failed" ? "note bad" : "note warn"}>
      <strong>${run.state === "failed" ? "Failed:" : run.state === "cancelled" ? "Cancelled:" : "Note:"}</strong> ${run.reason}${run.state === "failed" && retry !== "" ? `.${retry}` : ""}
    </div>`}
    ${run.waiting === null ? null : html`<div class="note warn"><${Waiting} of=${run.waiting} /></div>`}
    ${failed.length === 0 || run.state === "failed" ? null : html`<div class="note bad">
      <strong>${plural(failed.length, "file")} failed.</strong> ${failed[0].reason ?? ""}${retry}
    </div>`}
    <div class="run-columns">
      <div class="stack">
        <${Rows} run=${run} />
        <${Files} files=${run.file_list} chosen=${file} run=${run} />
      </div>
      <div class="stack">
        <${Facts} run=${run} />
        <${RunEvents} key=${run.id} runId=${run.id} isOver=${isOver(run)} />
      </div>
    </div>
  </div>`;
}

/** @param {{ run: Run }} props */
function Rows({ run }) {
  const { rows } = run;
  const underWay = rowsUnderWay(run);
  const rejected = html`<a href=${href(["dead-letters"], { run: run.id })}>rejected</a>`;
  // deno-fmt-ignore
  return html`<${Card} title="Rows" aside=${isOver(run) && underWay === 0 ? "everything is accounted for" : "so far"}>
    <div class="stack">
      <div class="sum">
        <div><span class="value">${count(rows.read)}</span><span class="name">read</span></div>
        <span class="sign" aria-label="are">=</span>
        <div><span class="value">${count(rows.published)}</span><span class="name">published</span></div>
        <span class="sign" aria-label="and">+</span>
        <div><span class="value">${count(rows.unchanged)}</span><span class="name">unchanged</span></div>
        <span class="sign" aria-label="and">+</span>
        <div>
          <span class=${rows.rejected > 0 ? "value tone-warn" : "value"}>${count(rows.rejected)}</span>
          <span class="name">${rows.rejected > 0 ? rejected : "rejected"}</span>
        </div>
      </div>
      <div class="sum">
        <div><span class="value">${count(rows.published)}</span><span class="name">published</span></div>
        <span class="sign" aria-label="are">=</span>
        <div><span class="value">${count(rows.loaded)}</span><span class="name">loaded into the data store</span></div>
        <span class="sign" aria-label="and">+</span>
        <div>
          <span class=${rows.dead > 0 ? "value tone-bad" : "value"}>${count(rows.dead)}</span>
          <span class="name">sent to the dead letters</span>
        </div>
        <span class="sign" aria-label="and">+</span>
        <div><span class="value">${count(underWay)}</span><span class="name">under way</span></div>
      </div>
      <${Outcomes} rows=${rows} />
      <${RunProgress} run=${run} />
    </div>
  <//>`;
}

/** What became of the loaded rows. @param {{ rows: Run["rows"] }} props */
function Outcomes({ rows }) {
  const outcomes = outcomesOf(rows);
  // deno-fmt-ignore
  if (outcomes === null) return html`<p class="small muted">
    An earlier version loaded rows of this run, and did not count how many were new, changed or repeated.
  </p>`;
  // deno-fmt-ignore
  return html`<div class="sum">
    <div><span class="value">${count(rows.loaded)}</span><span class="name">loaded</span></div>
    ${outcomes.map(({ name, title, rows }, at) => html`<${Fragment} key=${name}>
      <span class="sign" aria-label=${at === 0 ? "are" : "and"}>${at === 0 ? "=" : "+"}</span>
      <div title=${title}><span class="value">${count(rows)}</span><span class="name">${name}</span></div>
    <//>`)}
  </div>`;
}

/** @param {{ run: Run }} props */
function Facts({ run }) {
  const now = useNow(1000);
  const seconds = runSeconds(run, now);
  const left = run.waiting === null ? timeLeft(run, run.file_list, now) : null;
  // deno-fmt-ignore
  return html`<${Card} title="The run">
    <dl class="facts">
      <dt>State</dt><dd><${State} state=${shownState(run)} /></dd>
      <dt>Selection</dt><dd>${selectionText(run.selection)}</dd>
      <dt>Requested by</dt><dd>${run.requested_by}</dd>
      <dt>Requested</dt><dd><${Utc} at=${run.requested_at} /></dd>
      <dt>Started</dt><dd><${Utc} at=${run.started_at} /></dd>
      <dt>Ended</dt><dd><${Utc} at=${run.ended_at} /></dd>
      <dt>Took</dt><dd>${seconds === null ? "–" : span(seconds)}</dd>
      <dt>Rate</dt><dd>${rateText(run, now)}</dd>
      ${isOver(run) ? null : html`<dt>Time left</dt>`}
      ${isOver(run) ? null : html`<dd>${left === null ? "not known yet" : `about ${left}`}</dd>`}
    </dl>
  <//>`;
}

/** @param {{ files: Run["file_list"], chosen: string | null, run: Run }} props */
function Files({ files, chosen, run }) {
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const row = useRef(/** @type {HTMLTableRowElement | null} */ (null));
  useEffect(() => row.current?.scrollIntoView({ block: "center" }), [chosen]);
  const troubled = files.filter(({ state, rows }) => state === "failed" || rows.rejected > 0);
  const shown = onlyTrouble ? troubled : files;
  // deno-fmt-ignore
  return html`<${Card}
    title="Files"
    aside=${troubled.length === 0 || troubled.length === files.length
      ? plural(files.length, "file")
      : html`<button type="button" class="link-button" onClick=${() => setOnlyTrouble(!onlyTrouble)}>
        ${onlyTrouble ? `All ${files.length} files` : `Only the ${troubled.length} with rejected rows or failures`}
      </button>`}
    flush
  >
    ${files.length === 0
      ? isOver(run)
        ? html`<${Empty} title="This run has no files" />`
        : html`<${Empty} title="Not known yet">
          ${run.state === "requested" ? "The run has not begun." : "The run is listing the files of the source."}
        <//>`
      : html`<div class="table-scroll" tabindex="0" role="region" aria-label="Files of the run"><table>
        <thead><tr>
          <th scope="col">State</th><th scope="col">File</th><th scope="col" class="number">Size</th>
          <th scope="col" class="number">Read</th><th scope="col" class="number">Published</th>
          <th scope="col" class="number">Unchanged</th>
          <th scope="col" class="number">Rejected</th>
          <th scope="col">Generated</th>
        </tr></thead>
        <tbody>${shown.map((file) => {
        const { main, more } = fileLabel(file.file);
        const isChosen = file.file === chosen;
        const look = file.state === "failed" ? "file-reason tone-bad" : "file-reason muted";
        return html`<tr key=${file.file} ref=${isChosen ? row : undefined} aria-current=${isChosen ? "true" : undefined}>
          <td><${State} state=${shownState(file)} /></td>
          <th scope="row" title=${file.file}>
            <span class="nowrap">${main} <span class="muted small">${more}</span></span>
            ${file.reason === null ? null : html`<div class=${look}>${file.reason}</div>`}
            ${file.waiting === null ? null : html`<div class="file-reason tone-warn"><${Attempt} of=${file.waiting} /></div>`}
            ${file.stamp_ahead === null ? null : html`<div class="file-reason tone-warn">
              Its stamp, <${Utc} at=${file.stamp_ahead} />, lies ahead of the clock and is ignored.
            </div>`}
          </th>
          <td class="number nowrap">${bytes(file.size_bytes)}</td>
          <td class="number">${count(file.rows.read)}</td>
          <td class="number">${count(file.rows.published)}</td>
          <td class="number">${count(file.rows.unchanged)}</td>
          <td class=${file.rows.rejected > 0 ? "number tone-warn" : "number"}>${count(file.rows.rejected)}</td>
          <td class="nowrap"><${Ago} at=${file.generated_at} /></td>
        </tr>`;
      })}</tbody>
      </table></div>`}
  <//>`;
}
