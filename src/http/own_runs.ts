/** What only the process that works on a run knows of it; the data store knows the rest. */
import type { RunEngine } from "../producer/run_engine.ts";
import type { RunView } from "../runs/run_schemas.ts";

/** The engine of this process. @throws TransientError while the service starts */
export type OwnEngine = () => Pick<RunEngine, "behind" | "get">;

/**
 * The run, with what this process knows of its own: an upload waits for the uploads before it, and a run that is at work here (in a service
 * that a command has started for itself) does not wait for a process to lead.
 */
export function withOwn<Run extends RunView>(run: Run, engine: OwnEngine): Run {
  if (run.kind === "upload" && run.state === "requested") {
    const run_id = engine().behind(run.id);
    return run_id === null ? run : { ...run, waiting: { for: "run", run_id } };
  }
  const isHere = run.waiting?.for === "owner" && engine().get(run.id) !== null;
  return isHere ? { ...run, waiting: null } : run;
}
