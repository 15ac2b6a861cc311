// Pieces of a run that several views show: its counts in words, its progress, how fast it is and how long it may take.
import { count, fixed, plural, span } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Meter } from "./basics.js";

/** @typedef {import("../types.ts").RunView} RunView @typedef {import("../types.ts").RunFileView} RunFileView */

/** @param {RunView} run */
export function isOver(run) {
  return run.state !== "running" && run.state !== "requested";
}

/** Rows on the log that the sink has not passed yet. @param {RunView} run */
export function rowsUnderWay(run) {
  return Math.max(0, run.rows.published - run.rows.loaded - run.rows.dead);
}

/** Files that the run is through with. @param {RunView} run */
export function filesDone({ files }) {
  return files.extracted + files.skipped + files.failed;
}

/** How far a run is, as bars of files and of rows. @param {{ run: RunView }} props */
export function RunProgress({ run }) {
  const { files, rows } = run;
  const done = filesDone(run);
  const none = isOver(run) ? "no files" : "looking which files there are";
  // deno-fmt-ignore
  return html`<div class="stack">
    <div>
      <div class="small muted">
        ${files.planned === 0 ? none : `${count(done)} of ${plural(files.planned, "file")}`}
        ${files.skipped > 0 ? ` · ${count(files.skipped)} skipped` : ""}${files.failed > 0 ? ` · ${count(files.failed)} failed` : ""}
      </div>
      <${Meter}
        whole=${Math.max(files.planned, done)}
        parts=${[{ size: files.extracted, tone: "ok" }, { size: files.skipped, tone: "idle" }, { size: files.failed, tone: "bad" }]}
        label=${`Files: ${files.extracted} extracted, ${files.skipped} skipped, ${files.failed} failed of ${files.planned}`}
      />
    </div>
    <div>
      <div class="small muted">${count(rows.loaded)} of ${plural(rows.published, "row")} in the data store</div>
      <${Meter}
        whole=${rows.published}
        parts=${[{ size: rows.loaded, tone: "ok" }, { size: rows.dead, tone: "bad" }]}
        label=${`Rows: ${rows.loaded} loaded of ${rows.published} published`}
      />
    </div>
  </div>`;
}

/** Seconds from the start to the end, or to now. @param {RunView} run @param {number} now */
export function runSeconds(run, now) {
  if (run.started_at === null) return null;
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  return Math.max(0, (end - Date.parse(run.started_at)) / 1000);
}

/** @param {RunView} run @param {number} now */
export function rateText(run, now) {
  const seconds = runSeconds(run, now);
  if (seconds === null || run.rows.read === 0) return "–";
  const rate = run.rows.read / Math.max(seconds, 0.001);
  return `${rate < 10 ? fixed(rate, 1) : count(rate)} rows/s`;
}

/**
 * Time left, if the files that are left take as long per byte (or per file, where sizes are not known) as those before them.
 * @param {RunView} run @param {readonly RunFileView[]} files @param {number} now
 */
export function timeLeft(run, files, now) {
  const seconds = runSeconds(run, now);
  if (isOver(run) || seconds === null || files.length === 0) return null;
  const share = shareDone(files);
  if (share < 0.02 || share >= 1) return null;
  return span(seconds / share * (1 - share));
}

/** @param {readonly RunFileView[]} files */
function shareDone(files) {
  const knows = files.every((file) => file.size_bytes !== null);
  let done = 0;
  let whole = 0;
  for (const file of files) {
    const size = knows ? file.size_bytes ?? 0 : 1;
    whole += size;
    if (["extracted", "skipped", "failed"].includes(file.state)) done += size;
    else if (file.byte_offset !== null && file.size_bytes !== null && file.size_bytes > 0) {
      done += size * Math.min(1, file.byte_offset / file.size_bytes);
    }
  }
  return whole === 0 ? 0 : done / whole;
}
