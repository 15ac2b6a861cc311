/** Waits for an unavailable part, and reports each retry. */
import { type Backoff, explain, retry } from "@gmn/failures";
import type { Observe } from "./observe.ts";
import type { Dependency } from "./vocabulary.ts";

/** Retries without limit (see `Waiting.attempts`), at most ten seconds apart. */
const PART_BACKOFF: Backoff = { base_ms: 500, cap_ms: 10_000, attempts: Infinity };

/** Returns an `onRetry` callback that reports each wait of `work` for an unavailable part. */
export function reportWaits(observe: Observe, part: Dependency, work: string) {
  return (error: unknown, attempt: number, delay_ms: number): void =>
    observe("dependency.unavailable", { part, work, reason: explain(error), attempt, delay_ms });
}

/** The work that waits, and the part it waits for. */
export interface Waiting {
  readonly observe: Observe;
  readonly part: Dependency;
  /** The work in a few words, for the log. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Tries in all; without limit by default. */
  readonly attempts?: number;
}

/**
 * Runs `work` until it succeeds. While the part is unavailable, it waits and reports each wait.
 * @throws every error of `work` that is not a `TransientError`, the last one when the attempts are limited, and the signal's reason when it aborts
 */
export function retryWhileAway<Result>(
  { observe, part, what, signal, attempts = PART_BACKOFF.attempts }: Waiting,
  work: () => Promise<Result>,
): Promise<Result> {
  const backoff = { ...PART_BACKOFF, attempts };
  return retry(work, { backoff, signal, onRetry: reportWaits(observe, part, what) });
}
