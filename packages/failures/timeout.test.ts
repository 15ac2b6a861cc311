import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { withTimeout } from "./timeout.ts";

const late = () => new Error("late");

describe("waiting with a time limit", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("returns the result of the work, and leaves no timer", async () => {
    await expect(withTimeout(Promise.resolve(1), 1_000, late)).resolves.toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("throws the error of the work, and leaves no timer", async () => {
    const work = Promise.reject(new Error("broken"));
    await expect(withTimeout(work, 1_000, late)).rejects.toThrow("broken");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("throws the error of `onLate`; a later error of the work is dropped", async () => {
    const work = Promise.withResolvers<number>();
    const onLate = vi.fn(late);
    const result = withTimeout(work.promise, 1_000, onLate);
    const outcome = expect(result).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(999);
    expect(onLate).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await outcome;
    // An unhandled rejection would fail the run.
    work.reject(new Error("broken afterwards"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(onLate).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("throws the error of `onLate` also when `onLate` cuts the work off", async () => {
    const work = Promise.withResolvers<number>();
    const cut = () => {
      work.reject(new Error("cut off"));
      return late();
    };
    const outcome = expect(withTimeout(work.promise, 1_000, cut)).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(1_000);
    await outcome;
  });

  test("reads the limit again when `hurry` aborts", async () => {
    const hurry = new AbortController();
    const limit = () => hurry.signal.aborted ? 10 : 60_000;
    const outcome = expect(withTimeout(new Promise(() => {}), limit, late, hurry.signal))
      .rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(1_000);
    hurry.abort();
    await vi.advanceTimersByTimeAsync(10);
    await outcome;
    expect(vi.getTimerCount()).toBe(0);
  });
});
