/** Waiting for a part that is unavailable, and what is reported meanwhile. */
import { type Backoff, explain, retry } from "@gmn/failures";
import type { Observe } from "./observe.ts";
import type { Dependency } from "./vocabulary.ts";

/** A part is waited for without end, at most ten seconds at a time. */
const PART_BACKOFF: Backoff = { base_ms: 500, cap_ms: 10_000, attempts: Infinity };

/** Reports each wait of `work` for a part that is unavailable: for `onRetry`. */
export function reportWaits(observe: Observe, part: Dependency, work: string) {
  return (error: unknown, attempt: number, delay_ms: number): void =>
    observe("dependency.unavailable", { part, work, reason: explain(error), attempt, delay_ms });
}

/** What waits for which part. */
export interface Waiting {
  readonly observe: Observe;
  readonly part: Dependency;
  /** The work in a few words, for people. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs `work` until it succeeds: as long as the part is unavailable it waits, and reports that.
 * @throws whatever is no `TransientError`, and the signal's reason when it aborts
 */
export function retryWhileAway<Result>(
  { observe, part, what, signal }: Waiting,
  work: () => Promise<Result>,
): Promise<Result> {
  return retry(work, { backoff: PART_BACKOFF, signal, onRetry: reportWaits(observe, part, what) });
}
