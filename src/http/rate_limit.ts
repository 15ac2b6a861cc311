/**
 * Limits the rate of changes: a token bucket. All callers share one, behind the authorization: the service has few callers, and
 * this protects it from a script in a loop.
 */
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** Most changing calls at once: enough for a person with several open pages, or a script that requests backfills. */
const BURST = 100;
/** Calls per second after that. */
const PER_SECOND = 2;

/** Lets a call through, or answers 429. `now` returns milliseconds. */
export function rateLimit(
  { burst = BURST, perSecond = PER_SECOND, now = () => performance.now() } = {},
): MiddlewareHandler {
  let left = burst;
  let filled_ms = now();
  return async (_context, next) => {
    const at_ms = now();
    left = Math.min(burst, left + (at_ms - filled_ms) / 1000 * perSecond);
    filled_ms = at_ms;
    if (left < 1) {
      throw new Problem(
        "too-many-requests",
        `more than ${burst} changing calls arrived at once; now ${perSecond} a second are accepted`,
      );
    }
    left--;
    await next();
  };
}
