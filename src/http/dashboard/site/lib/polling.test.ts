import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startPolling } from "./polling.js";

const OPTIONS = { interval: 15_000, atMostEvery: 1_000 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A query whose answers the test controls. */
function question() {
  const waiting: (() => void)[] = [];
  const ask = vi.fn((_: AbortSignal) => new Promise<void>((done) => waiting.push(done)));
  const answer = async () => {
    waiting.shift()!();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { ask, answer };
}

test("queries at once, and again an interval after each answer", async () => {
  const { ask, answer } = question();
  const polling = startPolling(ask, { ...OPTIONS, isHidden: () => false });
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ask).toHaveBeenCalledTimes(1);
  await answer();
  await vi.advanceTimersByTimeAsync(14_999);
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ask).toHaveBeenCalledTimes(2);
  polling.stop();
});

test("queries sooner after a change, but not more often than allowed", async () => {
  const { ask, answer } = question();
  const polling = startPolling(ask, { ...OPTIONS, isHidden: () => false });
  await vi.advanceTimersByTimeAsync(300);
  await answer();
  for (let n = 0; n < 5; n++) polling.soon();
  await vi.advanceTimersByTimeAsync(699);
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ask).toHaveBeenCalledTimes(2);
  polling.stop();
});

test("a change during a query leads to one more query, never two at once", async () => {
  const { ask, answer } = question();
  const polling = startPolling(ask, { ...OPTIONS, isHidden: () => false });
  polling.soon();
  polling.now();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(ask).toHaveBeenCalledTimes(1);
  await answer();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledTimes(2);
  polling.stop();
});

test("a hidden page sends no query until it is visible; a stopped one sends none ever again", async () => {
  let hidden = true;
  const { ask, answer } = question();
  const polling = startPolling(ask, { ...OPTIONS, isHidden: () => hidden });
  await answer();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ask).toHaveBeenCalledTimes(1);
  hidden = false;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(ask).toHaveBeenCalledTimes(2);
  polling.stop();
  expect(ask.mock.calls[1]![0].aborted).toBe(true);
  await answer();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ask).toHaveBeenCalledTimes(2);
  expect(vi.getTimerCount()).toBe(0);
});
