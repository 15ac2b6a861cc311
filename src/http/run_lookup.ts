/** Finds the run that a call is about. */
import { z } from "@hono/zod-openapi";
import { TransientError, wait } from "@gmn/failures";
import { isRunId } from "../runs/run_id.ts";
import type { RunView } from "../runs/run_schemas.ts";
import type { Reader } from "../store/reader.ts";
import { readRunStatus } from "../store/run_views.ts";
import { Problem } from "./problem.ts";

/** Longest that a query about runs may take; the largest answer, 500 runs with their counts, takes tenths of a second. */
export const RUN_LIMIT_MS = 5_000;

/** A new run goes through the log before it is visible; a caller waits no longer than this for that. */
const VISIBLE_WITHIN_MS = 2_000;
const LOOK_INTERVAL_MS = 25;

/** The run that a path names. An invalid id is treated as a run that does not exist. */
export const runParams = z.object({ id: z.string().openapi({ description: "Id of the run." }) });

/** Returns the result of `look` for the run. @throws Problem when there is no such run */
export async function findRun<Found>(
  id: string,
  look: (id: string) => Promise<Found | null>,
): Promise<Found> {
  const found = isRunId(id) ? await look(id) : null;
  if (found === null) throw new Problem("not-found", `there is no run ${id}; GET /runs lists them`);
  return found;
}

/**
 * Waits for a limited time until GET /runs/ID shows the run, in this state if one is given. The run is on the log already: a
 * database that does not answer is no reason to refuse the request, because its sender would repeat it.
 */
export async function untilVisible(
  reader: Reader,
  id: string,
  state?: RunView["state"],
): Promise<void> {
  const deadline = performance.now() + VISIBLE_WITHIN_MS;
  try {
    while (performance.now() < deadline) {
      const now = await reader.look(VISIBLE_WITHIN_MS, (sql) => readRunStatus(sql, id));
      if (now !== null && (state === undefined || now === state)) return;
      await wait(LOOK_INTERVAL_MS);
    }
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
  }
}
