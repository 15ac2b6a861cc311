/**
 * How something can fail, and how long to wait then: for the application and for the packages beside it.
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
