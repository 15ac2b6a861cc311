/** What is left of a run that failed or was cancelled: the selection of a run that takes only that. */
import { isSettled, type RunState } from "./run.ts";
import { RunCommandRefused } from "./run_decide.ts";
import type { Selection } from "./run_event.ts";

/**
 * Selects what this run did not take: the files that failed and those it did not get to. If the run ended before it knew its files
 * (the listing failed), the selection is the same again.
 * @throws RunCommandRefused when the run is not failed or cancelled, or nothing is left of it
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
