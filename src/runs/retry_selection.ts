/** Makes the selection that retries a failed or cancelled run: only the files that are left. */
import { isSettled, type RunState } from "./run.ts";
import { RunCommandRefused } from "./run_decide.ts";
import type { Selection } from "./run_event.ts";

/**
 * Selects the files that this run did not finish: those that failed and those that it did not reach. If the run ended before its
 * files were known (the listing failed), returns the run's own selection.
 * @throws RunCommandRefused when the run has not failed or been cancelled, was an upload, or has no files left
 */
export function retrySelection(state: RunState): Selection {
  const { runId, status, selection, files } = state;
  const refuse = (why: string, hint: string) =>
    new RunCommandRefused(`run ${runId} can't be retried: ${why}`, { hint });
  if (status !== "failed" && status !== "cancelled") {
    throw refuse(
      `it is ${status}`,
      "only failed and cancelled runs are retried; to read unchanged data again, ask for a new run",
    );
  }
  if ("upload" in selection) throw refuse("its file was uploaded", "send the file again");
  if (files === null) return selection;
  const left = [...files.values()]
    .filter((file) => file.status === "failed" || !isSettled(file))
    .map(({ file }) => file);
  if (left.length === 0) throw refuse("it took all of its files", "ask for a new run");
  return { retry: runId, files: left };
}
