/** Runs as the fold of their events, for tests: the service folds as it reads (`src/consumer/run_sink.ts`). */
import { evolve, type RunState } from "../../src/runs/run.ts";
import type { RunEvent } from "../../src/runs/run_event.ts";
import { evolveLeader, isFenced, type Leads, type RunLeader } from "../../src/runs/run_leader.ts";

/** The fold of a run's events, in the order of the topic; null when they do not begin with `requested`. */
export function foldRun(events: Iterable<RunEvent>): RunState | null {
  let state: RunState | null = null;
  for (const event of events) state = evolve(state, event);
  return state;
}

/** Runs by id out of a history that mixes them, in the order in which they were requested. */
export function foldRuns(events: Iterable<RunEvent | Leads>): Map<string, RunState> {
  const runs = new Map<string, RunState>();
  let leader: RunLeader | null = null;
  for (const event of events) {
    leader = evolveLeader(leader, event);
    if (event.type === "leads" || isFenced(leader, event)) continue;
    const state = evolve(runs.get(event.runId) ?? null, event);
    if (state !== null) runs.set(event.runId, state);
  }
  return runs;
}
