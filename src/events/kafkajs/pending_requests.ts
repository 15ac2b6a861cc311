/**
 * Checks a connection's pending requests only while there are any.
 *
 * Upstream, in kafkajs 2.2.4: `scheduleCheckPendingRequests` of src/network/requestQueue/index.js re-arms a timer with a delay of
 * `-1 - Date.now()` as long as a connection lives, even when nothing is pending. That means hundreds of wake-ups a second for each
 * connection, and a warning on runtimes that reject negative delays (tulios/kafkajs issues 1704 and 1751; pull request 1768 was
 * never released). The timer is only needed while requests are held back by throttling or by the in-flight limit.
 */
import { setTimeout } from "node:timers";
import { replaceMethods } from "./patch.ts";

/** How long to wait before pending requests are checked again; kafkajs's own value. */
const CHECK_PENDING_REQUESTS_INTERVAL_MS = 10;

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

replaceMethods<RequestQueue>({
  patch: "pending_requests.ts",
  module: "network/requestQueue/index.js",
  users: ["network/connection.js"],
}, () => ({
  scheduleCheckPendingRequests() {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const throttled_ms = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, throttled_ms > 0 ? throttled_ms : CHECK_PENDING_REQUESTS_INTERVAL_MS);
  },
}));
