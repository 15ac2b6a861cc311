/** How a member leaves its consumer group within a time limit. */
import type { Consumer } from "kafkajs";
import { withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";

/**
 * Leaving usually takes as long as a fetch waits. It takes minutes while this member joins a group whose other members don't answer,
 * or when the broker does not answer.
 */
const LEAVE_TIMEOUT_MS = 10_000;

export interface LeaveOptions {
  /** Settles when the member has joined or failed to. */
  readonly starting: Promise<void>;
  readonly observe: Observe;
  /** Milliseconds that leaving may take (default `LEAVE_TIMEOUT_MS`). */
  readonly leaveTimeout_ms?: number;
}

/**
 * Leaves the group and disconnects. If that takes too long it is logged, and goes on by itself: a join that is answered late must
 * not leave a member behind. Never rejects.
 */
export async function leaveGroup(consumer: Consumer, options: LeaveOptions): Promise<void> {
  const { starting, observe, leaveTimeout_ms: timeout_ms = LEAVE_TIMEOUT_MS } = options;
  // kafkajs does not know of a member that is still joining, and would let it join afterwards.
  const left = starting.catch(() => {}).then(() => consumer.disconnect()).catch(() => {});
  const late = () =>
    new Error(`the consumer has not left its group after ${timeout_ms} ms; it is not waited for`);
  await withTimeout(left, timeout_ms, late).catch(({ message }: Error) =>
    observe("log.client", { level: "warning", message })
  );
}
