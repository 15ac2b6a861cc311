/**
 * The one way to wait for something with a time limit.
 */

/** How long to wait: milliseconds, or a function that returns them, for a limit that changes over time. */
export type TimeLimit = number | (() => number);

/**
 * Returns the result of `work` if it settles in time; otherwise throws the failure that `onLate` returns.
 *
 * `onLate` is called at most once, and never after `work` has settled, so it may also cut off what `work` waits for (a socket,
 * a request). Late work continues by itself: its result or error is dropped and causes no unhandled rejection. No timer
 * outlives the call.
 * @param hurry when it aborts, the limit is read again and counts from that moment
 */
export async function withTimeout<Result>(
  work: PromiseLike<Result>,
  limit_ms: TimeLimit,
  onLate: () => Error,
  hurry?: AbortSignal,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failure: Error | undefined;
  const late = Promise.withResolvers<void>();
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      failure = onLate();
      late.resolve();
    }, typeof limit_ms === "number" ? limit_ms : limit_ms());
  };
  start();
  hurry?.addEventListener("abort", start, { once: true });
  try {
    await Promise.race([work, late.promise]);
    // When `onLate` cut the work off, the work's own error would not say what happened.
    if (failure !== undefined) throw failure;
    return await work;
  } catch (error) {
    throw failure ?? error;
  } finally {
    hurry?.removeEventListener("abort", start);
    clearTimeout(timer);
  }
}
