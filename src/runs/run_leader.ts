/**
 * Who leads, decided on the log: the process whose `leads` has the highest epoch, and among equal epochs the first one.
 *
 *     … leads 4 (A) … events of A, epoch 4 … leads 5 (B) … a late event of A, epoch 4 ✗ … events of B, epoch 5 …
 *
 * An event with an epoch below the highest one before it in the log is fenced: it changes nothing, wherever the log is folded. Its writer was
 * replaced and did not know it yet (it was frozen, or its request was repeated on the way). Events without an epoch are not of a leader
 * (a request, a person's cancellation, an upload) and are never fenced.
 */
import type { RunEvent } from "./run_event.ts";

/** A process begins to lead, if nobody has this epoch or a higher one. */
export interface Leads {
  readonly type: "leads";
  readonly at: Date;
  readonly epoch: number;
  /** Unique for the process and its term. */
  readonly owner: string;
}

/** The leader so far. */
export interface RunLeader {
  readonly epoch: number;
  /** Empty when the log no longer has the record that says it. */
  readonly owner: string;
  readonly since: Date;
}

/** The leader after an event. Total, like `evolve`. */
export function evolveLeader(
  leader: RunLeader | null,
  event: Leads | RunEvent,
): RunLeader | null {
  const { epoch, at } = event;
  if (epoch === undefined || (leader !== null && epoch <= leader.epoch)) return leader;
  return { epoch, owner: event.type === "leads" ? event.owner : "", since: at };
}

/** Whether the event comes from a process that no longer led. */
export function isFenced(leader: RunLeader | null, { epoch }: Pick<RunEvent, "epoch">): boolean {
  return epoch !== undefined && leader !== null && epoch < leader.epoch;
}
