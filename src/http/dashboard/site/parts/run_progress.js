// The progress of a run, as bars of files and of rows.
import { count, plural } from "../lib/format.js";
import { html } from "../lib/html.js";
import { filesDone, isOver } from "../lib/run_numbers.js";
import { Meter } from "./basics.js";

/** @typedef {import("../types.ts").RunView} RunView */

/** @param {{ run: RunView }} props */
export function RunProgress({ run }) {
  const { files, rows } = run;
  const done = filesDone(run);
  const none = isOver(run)
    ? "no files"
    : run.state === "requested"
    ? "not begun yet"
    : "listing the files";
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
