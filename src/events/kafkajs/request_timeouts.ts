/**
 * Watches a connection's request time-outs with one timer, and only while requests are in flight.
 *
 * Upstream, in kafkajs 2.2.4: `scheduleRequestTimeoutCheck` of src/network/requestQueue/index.js checks ten times a second whether
 * a request has timed out, for as long as the connection lives. Here a timer is set for the earliest deadline.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { replaceMethods } from "./patch.ts";

interface SocketRequest {
  readonly sentAt: number | null;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

interface RequestQueue {
  readonly inflight: ReadonlyMap<number, SocketRequest>;
  readonly enforceRequestTimeout: boolean;
  /** Cleared by kafkajs's own `destroy`, when the connection ends. */
  requestTimeoutIntervalId?: ReturnType<typeof setTimeout> | undefined;
  destroy(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: SocketRequest): void;
}

/** When a queue's timer fires, in milliseconds since the epoch. */
const timeoutChecks = new WeakMap<RequestQueue, number>();

const deadlineOf = ({ sentAt, requestTimeout }: SocketRequest): number =>
  (sentAt ?? Date.now()) + requestTimeout;

replaceMethods<RequestQueue>({
  patch: "request_timeouts.ts",
  module: "network/requestQueue/index.js",
  users: ["network/connection.js"],
}, ({ sendSocketRequest: send }) => ({
  // kafkajs calls this when a connection is made; nothing has been sent on it yet.
  scheduleRequestTimeoutCheck() {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    timeoutChecks.delete(this);
  },
  sendSocketRequest(request) {
    send.call(this, request);
    // A request that expects no response is complete already.
    if (!this.enforceRequestTimeout || this.inflight.size === 0) return;
    const deadline = deadlineOf(request);
    if (deadline < (timeoutChecks.get(this) ?? Infinity)) checkAt(this, deadline);
  },
}));

/**
 * Sets the queue's only timer. It is not cleared when the request is answered in time: firing once every 30 seconds costs less
 * than setting and clearing it for each request.
 */
function checkAt(queue: RequestQueue, time: number): void {
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
  // The timer must not keep the process alive; the open socket does that while an answer is expected.
  timer.unref();
  queue.requestTimeoutIntervalId = timer;
}
