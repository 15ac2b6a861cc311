/** What only the process that received an upload knows: which run it waits for. The data store knows the lanes of the other kinds. */
import type { RunEngine } from "../producer/run_engine.ts";
import type { RunView } from "../runs/run_schemas.ts";

/** The run; with the run that it waits for, if it is an upload of this process that waits for another. */
export function withUploadQueue<Run extends RunView>(
  run: Run,
  engine: () => Pick<RunEngine, "behind">,
): Run {
  if (run.kind !== "upload" || run.state !== "requested") return run;
  const run_id = engine().behind(run.id);
  return run_id === null ? run : { ...run, waiting: { for: "run", run_id } };
}
