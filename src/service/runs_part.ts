/** Whether somebody works on the runs: the part `runs` of `/readyz` and `/status`, in every process. */
import type { PartStatus } from "../http/status_schemas.ts";
import type { Queryable } from "../store/connection.ts";
import { isInForce, type LeaseView, readLease } from "../store/leases.ts";
import { readUnownedRuns, type UnownedRuns } from "../store/run_states.ts";

/**
 * How long a run may wait for a process to lead before that is a problem. A leader that was frozen or cut off is replaced within half a
 * minute, a killed one within seconds.
 */
const UNOWNED_S_MAX = 30;

/** Who leads, and which runs wait for somebody to lead. */
export interface RunsOwnership {
  readonly lease: LeaseView | null;
  readonly unowned: UnownedRuns;
}

export async function readOwnership(sql: Queryable): Promise<RunsOwnership> {
  const lease = await readLease(sql, "producer");
  return { lease, unowned: await readUnownedRuns(sql, lease) };
}

/** The part as it is shown. */
export function runsPartOf({ lease, unowned }: RunsOwnership): PartStatus {
  const { count, oldest, since, waited_s } = unowned;
  const { holder = null, renewedAgo_s = null } = lease ?? {};
  if (since !== null && (waited_s ?? 0) > UNOWNED_S_MAX) {
    const nobody = holder === null ? "no process leads" : `${holder} does not lead yet`;
    return {
      ready: false,
      detail:
        `${count} run(s) wait and ${nobody}, since ${since.toISOString()}; the oldest is ${oldest}. ` +
        "Start a process with the role producer; one that runs says in its log why it does not lead " +
        "(docs/runbook.md#gmnrunwithoutowner)",
    };
  }
  if (holder === null) return { ready: true, detail: "no process leads" };
  const ago = renewedAgo_s === null ? "" : `, renewed ${Math.round(renewedAgo_s)} s ago`;
  const who = isInForce(lease) ? `led by ${holder}` : `${holder} is about to lead`;
  return { ready: true, detail: `${who}${ago}` };
}
