/**
 * Kinds of failure, back-off and time limits, for the application and the other packages.
 */
export {
  type Backoff,
  backoffDelayMs,
  retry,
  type RetryOptions,
  untilAborted,
  wait,
} from "./backoff.ts";
export {
  explain,
  explainWithHint,
  type FailureOptions,
  hintOf,
  PermanentError,
  TransientError,
} from "./failures.ts";
export { type TimeLimit, withTimeout } from "./timeout.ts";
