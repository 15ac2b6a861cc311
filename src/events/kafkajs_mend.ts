/**
 * Two mends of kafkajs 2.2.4 (its last release, 2023) without a fork, applied once when this module is loaded.
 *
 * 1. Its request queue re-arms a timer with a delay of `-1 - Date.now()` as long as a connection lives, even when nothing
 *    is pending: hundreds of wake-ups a second per connection, and a warning on runtimes that mind negative delays
 *    (tulios/kafkajs issues 1704 and 1751; the proposed fix in pull request 1768 was never released). The timer is only
 *    needed while requests are held back by throttling or by the in-flight limit, so it is armed only then.
 * 2. Its type declarations know nothing of the module paths used here; the shapes needed are declared below.
 */
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

/** How long to wait before pending requests are looked at again when nothing else says; kafkajs's own constant. */
const CHECK_PENDING_REQUESTS_INTERVAL_MS = 10;

interface RequestQueueInternals {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const prototype = (RequestQueue as unknown as { prototype: RequestQueueInternals }).prototype;

prototype.scheduleCheckPendingRequests = function (this: RequestQueueInternals): void {
  if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
  const throttled_ms = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, throttled_ms > 0 ? throttled_ms : CHECK_PENDING_REQUESTS_INTERVAL_MS);
};
