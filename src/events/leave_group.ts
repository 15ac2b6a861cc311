/** Leaves a consumer group within a time limit. */
import type { Consumer } from "kafkajs";
import { withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";

/**
 * Leaving usually takes as long as the current fetch waits. It takes minutes when the broker does not answer, or while this member
 * is joining a group whose other members do not answer.
 */
const LEAVE_TIMEOUT_MS = 10_000;

export interface LeaveOptions {
  /** Settles when the member has joined or failed to join. */
  readonly starting: Promise<void>;
  readonly observe: Observe;
  /** Milliseconds that leaving may take (default `LEAVE_TIMEOUT_MS`). */
  readonly leaveTimeout_ms?: number;
}

/**
 * Leaves the group and disconnects. If that takes too long, logs a warning and continues in the background, because a join that is
 * answered late must not leave a member behind. Never rejects.
 */
export async function leaveGroup(consumer: Consumer, options: LeaveOptions): Promise<void> {
  const { starting, observe, leaveTimeout_ms: timeout_ms = LEAVE_TIMEOUT_MS } = options;
  // kafkajs does not disconnect a member that is still joining; it would join afterwards.
  const left = starting.catch(() => {}).then(() => consumer.disconnect()).catch(() => {});
  const late = () =>
    new Error(`the consumer has not left its group after ${timeout_ms} ms; it is not waited for`);
  await withTimeout(left, timeout_ms, late).catch(({ message }: Error) =>
    observe("log.client", { level: "warning", message })
  );
}
