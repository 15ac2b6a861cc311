/**
 * Lets a fetch wait long at the broker while no partition is paused, and not for long while one is.
 *
 * Upstream, in kafkajs 2.2.4: `fetch` of src/consumer/consumerGroup.js waits for `maxWaitTimeInMs`, whatever the state. A partition that is
 * resumed meanwhile is not in it, so that time would have to be short; and a short one is many fetches for nothing when no
 * records come.
 */
import { replaceMethods } from "./patch.ts";

/** How late, at most, it is noticed that a partition was resumed. */
const FETCH_MAX_WAIT_WHILE_PAUSED_MS = 100;

interface ConsumerGroup {
  maxWaitTime: number;
  readonly subscriptionState: { paused(): readonly unknown[] };
  fetch(nodeId: number): Promise<unknown>;
}

const configured = new WeakMap<ConsumerGroup, number>();

replaceMethods<ConsumerGroup>({
  patch: "fetch_wait.ts",
  module: "consumer/consumerGroup.js",
  users: ["consumer/index.js"],
}, ({ fetch }) => ({
  fetch(nodeId) {
    const wait_ms = configured.get(this) ?? this.maxWaitTime;
    configured.set(this, wait_ms);
    this.maxWaitTime = this.subscriptionState.paused().length > 0
      ? Math.min(wait_ms, FETCH_MAX_WAIT_WHILE_PAUSED_MS)
      : wait_ms;
    return fetch.call(this, nodeId);
  },
}));
