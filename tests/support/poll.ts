/** Waits for conditions that can only be polled, not awaited. */

/** Time after which polling fails. */
const DEADLINE_MS = 10_000;
const INTERVAL_MS = 10;

/**
 * Polls until the answer is neither null, undefined nor false.
 * @throws Error with `what` when the deadline passes first
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  deadline_ms = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadline_ms;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${deadline_ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}
