/**
 * kafkajs 2.2.4 is never idle: a connected producer and consumer wake up some forty times a second for nothing. Three mends,
 * without a fork; `tests/events/idle.test.ts` measures what is left.
 *
 * 1. Its request queue re-arms a timer with a delay of `-1 - Date.now()` as long as a connection lives, even when nothing
 *    is pending: hundreds of wake-ups a second per connection, and a warning on runtimes that mind negative delays
 *    (tulios/kafkajs issues 1704 and 1751; the proposed fix in pull request 1768 was never released). The timer is only
 *    needed while requests are held back by throttling or by the in-flight limit, so it is armed only then.
 * 2. Ten times a second every connection looks whether one of its requests has timed out, for as long as it lives. Here a timer
 *    is set for the moment when the first of them would, and only while there are any.
 * 3. A fetch waits at the broker for `maxWaitTimeInMs`, whatever the state. A partition that is resumed meanwhile is not in
 *    it, so that time must be short; and a short one is many fetches for nothing when nothing comes. Here it is short only
 *    while a partition is paused.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** How long to wait before pending requests are looked at again when nothing else says; kafkajs's own constant. */
const CHECK_PENDING_REQUESTS_INTERVAL_MS = 10;
/** How long a fetch waits while a partition is paused: how late, at most, its being resumed is noticed. */
export const FETCH_MAX_WAIT_WHILE_PAUSED_MS = 100;

type Timer = ReturnType<typeof setTimeout>;

interface SocketRequestInternals {
  readonly sentAt: number | null;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

interface RequestQueueInternals {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: Timer | null;
  readonly inflight: ReadonlyMap<number, SocketRequestInternals>;
  readonly enforceRequestTimeout: boolean;
  /** Cleared by kafkajs's own `destroy`, when the connection ends. */
  requestTimeoutIntervalId?: Timer | undefined;
  destroy(): void;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: SocketRequestInternals): void;
}

const RequestQueue = require("kafkajs/src/network/requestQueue/index.js") as {
  readonly prototype: RequestQueueInternals;
};

function mendIdleTimer(): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function (): void {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const throttled_ms = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, throttled_ms > 0 ? throttled_ms : CHECK_PENDING_REQUESTS_INTERVAL_MS);
  };
}

/** When the timer of a queue goes off, in milliseconds since the epoch. */
const timeoutChecks = new WeakMap<RequestQueueInternals, number>();

const deadlineOf = ({ sentAt, requestTimeout }: SocketRequestInternals): number =>
  (sentAt ?? Date.now()) + requestTimeout;

function mendRequestTimeouts(): void {
  const { prototype } = RequestQueue;
  const send = prototype.sendSocketRequest;

  // Called by kafkajs when a connection is made: nothing has been sent on it yet.
  prototype.scheduleRequestTimeoutCheck = function (): void {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    timeoutChecks.delete(this);
  };
  prototype.sendSocketRequest = function (request): void {
    send.call(this, request);
    // One without an answer is done already.
    if (!this.enforceRequestTimeout || this.inflight.size === 0) return;
    const deadline = deadlineOf(request);
    if (deadline < (timeoutChecks.get(this) ?? Infinity)) checkAt(this, deadline);
  };
}

/**
 * Sets the queue's one timer. It is left to go off when the request is answered in time: once every 30 seconds costs less than
 * setting and clearing it for each request.
 */
function checkAt(queue: RequestQueueInternals, time: number): void {
  clearTimeout(queue.requestTimeoutIntervalId);
  timeoutChecks.set(queue, time);
  const timer = setTimeout(() => {
    timeoutChecks.delete(queue);
    const now = Date.now();
    for (const request of [...queue.inflight.values()]) {
      if (deadlineOf(request) <= now) request.timeoutRequest();
    }
    const next = Math.min(...[...queue.inflight.values()].map(deadlineOf));
    if (next < Infinity) checkAt(queue, next);
  }, Math.max(0, time - Date.now()));
  // Who waits for an answer has a socket open; the timer alone keeps no process.
  timer.unref();
  queue.requestTimeoutIntervalId = timer;
}

interface ConsumerGroupInternals {
  maxWaitTime: number;
  readonly subscriptionState: { paused(): readonly unknown[] };
  fetch(nodeId: number): Promise<unknown>;
}

function mendFetchWait(): void {
  const { prototype } = require("kafkajs/src/consumer/consumerGroup.js") as {
    readonly prototype: ConsumerGroupInternals;
  };
  const fetch = prototype.fetch;
  const configured = new WeakMap<ConsumerGroupInternals, number>();
  prototype.fetch = function (nodeId): Promise<unknown> {
    const wait_ms = configured.get(this) ?? this.maxWaitTime;
    configured.set(this, wait_ms);
    this.maxWaitTime = this.subscriptionState.paused().length > 0
      ? Math.min(wait_ms, FETCH_MAX_WAIT_WHILE_PAUSED_MS)
      : wait_ms;
    return fetch.call(this, nodeId);
  };
}

mendIdleTimer();
mendRequestTimeouts();
mendFetchWait();
