/** Watches a run of a service until its rows are in the data store, with a progress bar. */
import process from "node:process";
import { wait } from "@gmn/failures";
import { count, ProgressBar, type ProgressState } from "./progress_bar.ts";
import { sayLoaded } from "../runs/rows_text.ts";
import { isOver, type RunDetail } from "../runs/run_schemas.ts";
import { sayWaiting } from "../runs/waiting_text.ts";
import type { ServiceClient } from "./service_client.ts";

/** Between two requests for the state of the run. */
const LOOK_INTERVAL_MS = 500;

/**
 * Follows the run to its end, and then until it is loaded.
 * @returns the run in its final state
 * @throws the signal's reason when it aborts; the run itself continues
 */
export async function followRun(
  client: ServiceClient,
  runId: string,
  signal: AbortSignal,
): Promise<RunDetail> {
  const bar = new ProgressBar();
  try {
    for (;;) {
      const run = await client.run(runId, signal);
      if (isOver(run)) {
        showEnd(bar, run);
        return run;
      }
      bar.update(progressOf(run, bar.elapsed_s));
      await wait(LOOK_INTERVAL_MS, signal);
    }
  } finally {
    bar.clear();
  }
}

/** The last state of the bar, which stays visible; also drawn for a run that ended before the first drawing. */
function showEnd(bar: ProgressBar, run: RunDetail): void {
  const { planned } = run.files;
  if (run.state !== "completed" || planned === 0) return;
  bar.update(
    { ...progressOf(run, bar.elapsed_s), label: "done", done: planned, total: planned },
    true,
  );
}

/** Progress of the run in files; a file that is being read counts in proportion to its bytes. */
export function progressOf(run: RunDetail, elapsed_s: number): ProgressState {
  const { files, rows, state } = run;
  const settled = files.extracted + files.skipped + files.failed;
  const total = files.planned === 0 ? null : files.planned;
  const isRead = state !== "requested" && state !== "running";
  const waits = sayWaiting(run);
  const done = `${settled}/${files.planned} files, ${count(rows.read)} rows read, ${
    count(rows.loaded)
  } loaded`;
  if (waits !== null) {
    return {
      label: waits,
      done: settled,
      total,
      detail: files.planned === 0 ? "" : done,
      waits: true,
    };
  }
  const rate = Math.round((isRead ? rows.loaded : rows.read) / Math.max(elapsed_s, 0.001));
  return {
    label: isRead ? "loading" : state === "requested" ? "waiting for its turn" : "reading",
    done: isRead ? rows.loaded + rows.dead : settled + partsRead(run),
    total: isRead ? rows.published : total,
    detail: `${done}, ${count(rate)} rows/s`,
  };
}

/** The fractions of unsettled files that have been read, in files. */
function partsRead({ file_list }: RunDetail): number {
  return file_list.reduce((sum, { state, byte_offset, size_bytes }) => {
    if (state !== "reading" || byte_offset === null || !size_bytes) return sum;
    return sum + Math.min(1, byte_offset / size_bytes);
  }, 0);
}

/** Prints a short summary of how the run ended. */
export function reportRun(run: RunDetail, took_s: number): void {
  const { files, rows, state, reason } = run;
  const lines = [
    `run ${run.id} ${state}${reason === null ? "" : `: ${reason}`}`,
    `${files.extracted} of ${files.planned} file(s) read, ${files.skipped} skipped, ${files.failed} failed; ` +
    `${count(rows.read)} rows read, ${count(rows.published)} published, ${
      count(rows.unchanged)
    } unchanged, ${count(rows.rejected)} rejected, ` +
    `${sayLoaded(rows)} (${took_s.toFixed(1)} s)`,
  ];
  for (const { file, stamp_ahead } of run.file_list) {
    if (stamp_ahead === null) continue;
    lines.push(
      `warning: ${file}: its stamp ${stamp_ahead} lies ahead of the clock and is ignored; any later file may change its rows`,
    );
  }
  for (const file of run.file_list.filter(({ state }) => state === "failed")) {
    lines.push(`failed: ${file.file}: ${file.reason}`);
  }
  if (rows.rejected + rows.dead > 0) {
    lines.push(`${count(rows.rejected + rows.dead)} dead letter(s), see table dead_letter`);
  }
  process.stderr.write(`${lines.join("\n")}\n`);
}
