/**
 * The one way to wait for something at most so long.
 */

/** How long to wait: milliseconds, or what gives them, for a limit that depends on when it is asked. */
export type TimeLimit = number | (() => number);

/**
 * What `work` gives, if it settles in time; else the failure that `onLate` returns.
 *
 * `onLate` is called at most once, and never after `work` has settled, so it may also cut off what `work` waits for (a socket,
 * a request). Late work goes on by itself: what it gives or throws afterwards is dropped, and is no unhandled rejection. No timer
 * outlives the call.
 * @param hurry when it aborts, the limit is asked again and counts from then
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
    // It says what happened, where the work has ended because `onLate` cut it off.
    if (failure !== undefined) throw failure;
    return await work;
  } catch (error) {
    throw failure ?? error;
  } finally {
    hurry?.removeEventListener("abort", start);
    clearTimeout(timer);
  }
}
