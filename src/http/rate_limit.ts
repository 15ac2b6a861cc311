/**
 * How fast things may be changed: a bucket of permissions that fills again with time ("token bucket"). One for all callers, behind
 * the check of who they are: the service has few, and a script in a loop is what this is against.
 */
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** Changing calls at once, as a person with several open pages or a script of a backfill makes them. */
const BURST = 100;
/** After those, as many every second. */
const PER_SECOND = 2;

/** Lets a call through, or answers 429. `now` in milliseconds. */
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
        `more than ${burst} changing calls came at once; from now on ${perSecond} a second are taken`,
      );
    }
    left--;
    await next();
  };
}
