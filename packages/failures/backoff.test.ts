import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Backoff, backoffDelayMs, retry, wait } from "./backoff.ts";
import { explain, hintOf, PermanentError, TransientError } from "./failures.ts";

const QUICK: Backoff = { base_ms: 1, cap_ms: 2, attempts: 3 };

describe("the delay before another try", () => {
  test("lies between a tenth of its ceiling and the ceiling, for any draw", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, draw) => {
          const delay = backoffDelayMs(
            { base_ms: 100, cap_ms: 5_000, attempts: Infinity },
            attempt,
            () => draw,
          );
          expect(delay).toBeGreaterThanOrEqual(10);
          expect(delay).toBeLessThanOrEqual(Math.min(5_000, 100 * 2 ** Math.min(attempt - 1, 30)));
        },
      ),
    );
  });
});

describe("retry", () => {
  test("retries a transient failure and reports each retry", async () => {
    const reported: number[] = [];
    const result = await retry(
      (attempt) =>
        attempt < 3 ? Promise.reject(new TransientError("away")) : Promise.resolve(attempt),
      { backoff: QUICK, onRetry: (_, attempt) => reported.push(attempt) },
    );
    expect([result, reported]).toEqual([3, [1, 2]]);
  });

  test("throws the last error when its attempts are used up", async () => {
    await expect(retry(() => Promise.reject(new TransientError("away")), { backoff: QUICK }))
      .rejects.toThrow("away");
  });

  test("retries nothing but a transient failure", async () => {
    let tries = 0;
    const work = () => {
      tries++;
      return Promise.reject(new PermanentError("no"));
    };
    await expect(retry(work, { backoff: QUICK })).rejects.toThrow("no");
    expect(tries).toBe(1);
  });

  test("stops waiting when it is aborted", async () => {
    const stop = new AbortController();
    const never = retry(() => Promise.reject(new TransientError("away")), {
      backoff: { base_ms: 60_000, cap_ms: 60_000, attempts: Infinity },
      signal: stop.signal,
      onRetry: () => stop.abort(new Error("stopped")),
    });
    await expect(never).rejects.toThrow("stopped");
  });

  test("does not start when it is already aborted", async () => {
    await expect(wait(60_000, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  });
});

describe("failures", () => {
  test("explain themselves with their causes, without repetition", () => {
    const error = new TransientError("loading: no connection", {
      cause: new Error("no connection", { cause: new Error("ECONNREFUSED") }),
    });
    expect(explain(error)).toBe("loading: no connection: ECONNREFUSED");
    expect(explain("text")).toBe("text");
  });

  test("keep their hint when they are wrapped", () => {
    expect(hintOf(new Error("outer", { cause: new PermanentError("inner", { hint: "do this" }) })))
      .toBe("do this");
    expect(hintOf(new Error("plain"))).toBeUndefined();
  });
});
