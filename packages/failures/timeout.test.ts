import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { withTimeout } from "./timeout.ts";

const late = () => new Error("late");

describe("waiting at most so long", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("gives what the work gives, and leaves no timer", async () => {
    await expect(withTimeout(Promise.resolve(1), 1_000, late)).resolves.toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("throws what the work throws, and leaves no timer", async () => {
    const work = Promise.reject(new Error("broken"));
    await expect(withTimeout(work, 1_000, late)).rejects.toThrow("broken");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("throws what is said to be late; what the work throws afterwards is dropped", async () => {
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

  test("is late also when `onLate` cuts the work off", async () => {
    const work = Promise.withResolvers<number>();
    const cut = () => {
      work.reject(new Error("cut off"));
      return late();
    };
    const outcome = expect(withTimeout(work.promise, 1_000, cut)).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(1_000);
    await outcome;
  });

  test("asks for the limit again when there is a hurry", async () => {
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
