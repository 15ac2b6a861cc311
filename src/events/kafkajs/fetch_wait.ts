/**
 * Lets a fetch wait long at the broker while no partition is paused, and only briefly while one is.
 *
 * Upstream, in kafkajs 2.2.4: `fetch` of src/consumer/consumerGroup.js always waits for `maxWaitTimeInMs`. A partition that is
 * resumed meanwhile is not part of the pending fetch, so that time would have to be short. But a short time means many empty
 * fetches while no records arrive.
 */
import { replaceMethods } from "./patch.ts";

/** The longest time until a resumed partition is fetched. */
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
