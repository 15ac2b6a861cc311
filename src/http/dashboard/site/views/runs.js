// The history of runs: a grid of runs by files, as in Airflow, and the list.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, plural, shortUtc, span } from "../lib/format.js";
import { selectionText } from "../lib/selection.js";
import { byNewestFile, fileLabel } from "../lib/summary_files.js";
import { html } from "../lib/html.js";
import { useData, useNow, useTitle } from "../lib/hooks.js";
import { href } from "../lib/router.js";
import { filesDone, runSeconds } from "../lib/run_numbers.js";
import { Ago, Card, Empty, Show } from "../parts/basics.js";
import { StartRuns } from "../parts/run_actions.js";
import { Mark, shownState, State, stateOf } from "../parts/state_mark.js";
import { Waiting } from "../parts/waiting.js";

/** @typedef {import("../types.ts").RunView} RunView @typedef {import("../types.ts").GridCell} GridCell */

const GRID_RUNS = 30;
const PAGE_RUNS = 25;
const LEGEND = ["extracted", "rejects", "reading", "planned", "waiting", "skipped", "failed"];
/** Columns and rows that an arrow key moves by. @type {Record<string, readonly [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** Rows of the grid until the user shows all. */
const GRID_FILES = 24;

/** @param {{ query: URLSearchParams }} props */
export function RunsView({ query }) {
  useTitle("Runs");
  const before = query.get("before");
  const grid = useData(`/dashboard/grid?runs=${GRID_RUNS}`, { topics: ["runs"] });
  const page = new URLSearchParams({
    limit: String(PAGE_RUNS),
    ...(before === null ? {} : { before }),
  });
  const list = useData(`/runs?${page}`, { topics: ["runs"] });
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head">
      <div>
        <h1 tabindex="-1">Runs</h1>
        <p>Every extraction, with the files it checked and the rows it published.</p>
      </div>
      <${StartRuns} />
    </div>
    <div class="stack">
      <${Show} of=${grid} what="the grid of runs">${(/** @type {{ runs: RunView[], cells: GridCell[] }} */ data) =>
        html`<${Grid} ...${data} />`}<//>
      <${Show} of=${list} what="the runs">${(/** @type {{ runs: RunView[] }} */ { runs }) =>
        html`<${List} runs=${runs} before=${before} />`}<//>
    </div>
  </div>`;
}

/** @param {{ runs: RunView[], cells: GridCell[] }} props */
function Grid({ runs, cells }) {
  const [all, setAll] = useState(false);
  const files = [...new Set(cells.map(({ file }) => file))].sort(byNewestFile);
  const shown = all ? files : files.slice(0, GRID_FILES);
  // Oldest run on the left, in the direction of time.
  const columns = runs.filter((run) =>
    cells.some((cell) => cell.run_id === run.id) || run.state !== "completed"
  ).toReversed();
  const byPlace = new Map(cells.map((cell) => [`${cell.run_id} ${cell.file}`, cell]));
  // deno-fmt-ignore
  return html`<${Card} title="Files by run" aside=${`last ${plural(runs.length, "run")}, newest on the right; times in UTC`}>
    ${files.length === 0
      ? html`<${Empty} title="No files yet">Each run gets a column here, and each of its files a row.<//>`
      : html`<div>
        <${GridTable} columns=${columns} files=${shown} byPlace=${byPlace} />
        <div class="legend">
          ${LEGEND.map((state) => html`<span key=${state}><${State} state=${state} /></span>`)}
          ${files.length > shown.length || all
            ? html`<button type="button" class="link-button" onClick=${() => setAll(!all)}>
              ${all ? "Fewer files" : `All ${count(files.length)} files`}
            </button>`
            : null}
        </div>
      </div>`}
  <//>`;
}

/**
 * A grid of links with one tab stop; the arrow keys go from cell to cell.
 * @param {{ columns: RunView[], files: string[], byPlace: Map<string, GridCell> }} props
 */
function GridTable({ columns, files, byPlace }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [stop, setStop] = useState("");
  useEffect(() => {
    // The newest run is the one that people look for.
    if (box.current !== null) box.current.scrollLeft = box.current.scrollWidth;
  }, [columns.length]);
  const first = [...byPlace.values()].find(({ file }) => file === files[0]);
  const at = byPlace.has(stop) ? stop : first === undefined ? "" : `${first.run_id} ${first.file}`;

  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = STEPS[event.key];
    const cell = /** @type {HTMLElement} */ (event.target).closest("a.cell");
    if (step === undefined || !(cell instanceof HTMLElement)) return;
    event.preventDefault();
    let x = columns.findIndex((run) => run.id === cell.dataset.run);
    let y = files.indexOf(cell.dataset.file ?? "");
    for (;;) {
      x += step[0];
      y += step[1];
      const place = `${columns[x]?.id} ${files[y]}`;
      if (columns[x] === undefined || files[y] === undefined) return;
      if (!byPlace.has(place)) continue;
      setStop(place);
      const next =
        /** @type {NodeListOf<HTMLElement> | undefined} */ (box.current?.querySelectorAll(
          "a.cell",
        ));
      [...next ?? []].find((one) => `${one.dataset.run} ${one.dataset.file}` === place)?.focus();
      return;
    }
  };
  // deno-fmt-ignore
  return html`<div class="table-scroll" ref=${box} onKeyDown=${move}>
    <table class="run-grid">
      <caption class="hidden">State of each file in each run. Arrow keys go from cell to cell, Enter opens the run.</caption>
      <thead><tr>
        <th scope="col">File</th>
        ${columns.map((run) => {
          const { shape, tone, word } = stateOf(shownState(run));
          return html`<th scope="col" key=${run.id}>
            <a class="run-head" href=${href(["runs", run.id])} title=${`${run.kind}, ${selectionText(run.selection)}: ${word}`}>
              <span>${shortUtc(run.requested_at)}${run.kind === "daily" ? "" : ` ${run.kind}`}</span>
              <div class=${`state tone-${tone}`}><${Mark} shape=${shape} /><i class="hidden">${word}</i></div>
            </a>
          </th>`;
        })}
      </tr></thead>
      <tbody>${files.map((file) => {
        const { main, more } = fileLabel(file);
        return html`<tr key=${file}>
          <th scope="row" title=${file}>${main} <span class="muted">${more}</span></th>
          ${columns.map((run) => html`<td key=${run.id}><${Cell} cell=${byPlace.get(`${run.id} ${file}`)} at=${at} /></td>`)}
        </tr>`;
      })}</tbody>
    </table>
  </div>`;
}

/** @param {{ cell: GridCell | undefined, at: string }} props */
function Cell({ cell, at }) {
  if (cell === undefined) return html`<span class="cell none"></span>`;
  const { tone, shape, word } = stateOf(cell.is_waiting ? "waiting" : cell.state);
  const counts = cell.state === "extracted"
    ? `: ${count(cell.published)} published, ${count(cell.unchanged)} unchanged${
      cell.rejected > 0 ? `, ${count(cell.rejected)} rejected` : ""
    }`
    : cell.reason === null
    ? ""
    : `: ${cell.reason}`;
  const hasRejects = cell.rejected > 0 && cell.state === "extracted";
  // deno-fmt-ignore
  return html`<a
    class=${`cell tone-${hasRejects ? "warn" : tone}`}
    href=${href(["runs", cell.run_id], { file: cell.file })}
    title=${`${word}${counts}`}
    tabindex=${`${cell.run_id} ${cell.file}` === at ? 0 : -1}
    data-run=${cell.run_id}
    data-file=${cell.file}
  ><${Mark} shape=${hasRejects ? "bang" : shape} /><span class="hidden">${word}${counts}</span></a>`;
}

/** @param {{ runs: RunView[], before: string | null }} props */
function List({ runs, before }) {
  const now = useNow(1000);
  const last = runs.at(-1);
  // deno-fmt-ignore
  return html`<${Card} title="All runs" aside=${before === null ? "newest first" : html`<a href="#/runs">Newest runs</a>`} flush>
    ${runs.length === 0
      ? before === null
        ? html`<${Empty} title="No runs yet">The schedule starts the next one; the buttons above start one now.<//>`
        : html`<${Empty} title="No older runs" />`
      : html`<div class="table-scroll"><table>
        <thead><tr>
          <th scope="col">State</th><th scope="col">What</th><th scope="col">Requested by</th><th scope="col">Requested</th>
          ${["Took", "Files", "Read", "Published", "Unchanged", "Rejected", "Loaded"].map((name) =>
        html`<th key=${name} scope="col" class="number">${name}</th>`
      )}
        </tr></thead>
        <tbody>${runs.map((run) => {
        const seconds = runSeconds(run, now);
        return html`<tr key=${run.id} class="rowlink">
          <td><${State} state=${shownState(run)} /></td>
          <th scope="row">
            <a class="nowrap" href=${href(["runs", run.id])}>${run.kind}, ${selectionText(run.selection)}</a>
            ${run.waiting === null ? null : html`<div class="file-reason muted"><${Waiting} of=${run.waiting} /></div>`}
          </th>
          <td>${run.requested_by}</td>
          <td class="nowrap"><${Ago} at=${run.requested_at} /></td>
          <td class="number nowrap">${seconds === null ? "–" : span(seconds)}</td>
          <td class="number nowrap">${count(filesDone(run))} / ${count(run.files.planned)}</td>
          <td class="number">${count(run.rows.read)}</td>
          <td class="number">${count(run.rows.published)}</td>
          <td class="number">${count(run.rows.unchanged)}</td>
          <td class=${run.rows.rejected > 0 ? "number tone-warn" : "number"}>${count(run.rows.rejected)}</td>
          <td class="number">${count(run.rows.loaded)}</td>
        </tr>`;
      })}</tbody>
      </table></div>
      ${runs.length === PAGE_RUNS && last !== undefined
        ? html`<div class="card-body"><a class="button small" href=${href(["runs"], { before: last.id })}>Older runs</a></div>`
        : null}`}
  <//>`;
}
