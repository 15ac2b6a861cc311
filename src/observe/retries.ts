/** What `retry` says while it waits: for its `onRetry`. */
import { explain } from "@gmn/failures";
import type { Observe } from "./observe.ts";
import type { Dependency } from "./vocabulary.ts";

/** Reports each wait of `work` for a part that is unavailable. */
export function reportWaits(observe: Observe, part: Dependency, work: string) {
  return (error: unknown, attempt: number, delay_ms: number): void =>
    observe("dependency.unavailable", { part, work, reason: explain(error), attempt, delay_ms });
}
