/**
 * How long to wait before trying again: exponential back-off with full jitter, and a wait that a shutdown cuts short.
 *
 * Full jitter (a uniform draw below the exponential ceiling) is what keeps many clients from coming back in step; see
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
import { TransientError } from "./failures.ts";

/** Parameters of a back-off. All times in milliseconds. */
export interface Backoff {
  /** Ceiling of the first wait. */
  base_ms: number;
  /** Ceiling of every wait. */
  cap_ms: number;
  /** Tries in all, the first included; `Infinity` for loops that never give up. */
  attempts: number;
}

/** The wait in milliseconds after the failed try number `attempt` (1 for the first), drawn by `random` from [0, 1). */
export function backoffDelayMs(
  backoff: Backoff,
  attempt: number,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(backoff.cap_ms, backoff.base_ms * 2 ** Math.min(attempt - 1, 30));
  // Never below a tenth of the ceiling: a draw near zero would hammer what just failed.
  return ceiling * (0.1 + 0.9 * random());
}

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves when the signal aborts; never without one. Race it only once: raced in a loop, it would keep every result in memory. */
export function untilAborted(signal?: AbortSignal): Promise<"aborted"> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve("aborted");
    signal?.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
}

/** What `retry` needs beside the work itself. */
export interface RetryOptions {
  backoff: Backoff;
  signal?: AbortSignal;
  /** Called before each wait. `delay_ms` is how long it will be. */
  onRetry?: (error: TransientError, attempt: number, delay_ms: number) => void;
}

/**
 * Runs `work` until it succeeds. Only a `TransientError` is retried. Any other error, the error of the last try and an
 * abort are thrown unchanged.
 */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof TransientError) || attempt >= options.backoff.attempts) throw error;
      const delay_ms = backoffDelayMs(options.backoff, attempt);
      options.onRetry?.(error, attempt, delay_ms);
      await wait(delay_ms, options.signal);
    }
  }
}
