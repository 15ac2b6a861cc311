/**
 * How a member leaves its consumer group, in a time that is known.
 */
import type { Consumer } from "kafkajs";
import type { Observe } from "../observe/observe.ts";

/**
 * Leaving takes the wait of a fetch. It takes minutes when this member is just joining a group whose other members don't answer,
 * or when the broker does not.
 */
const LEAVE_TIMEOUT_MS = 10_000;

export interface LeaveOptions {
  /** Until the member has joined, or could not. */
  readonly starting: Promise<void>;
  readonly observe: Observe;
  /** Milliseconds that leaving may take (default `LEAVE_TIMEOUT_MS`). */
  readonly leaveTimeout_ms?: number;
}

/**
 * Leaves the group and disconnects. What takes too long is told, and goes on by itself, so that a join that is answered late does
 * not become a member that nobody has. Never rejects.
 */
export async function leaveGroup(consumer: Consumer, options: LeaveOptions): Promise<void> {
  const { starting, observe, leaveTimeout_ms: timeout_ms = LEAVE_TIMEOUT_MS } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeout_ms);
  });
  // kafkajs does not know of a member that is still joining, and would let it join afterwards.
  const left = starting.catch(() => {}).then(() => consumer.disconnect()).catch(() => {});
  if (await Promise.race([left, late]) === "late") {
    observe("log.client", {
      level: "warning",
      message: `the consumer has not left its group after ${timeout_ms} ms; it is not waited for`,
    });
  }
  clearTimeout(timer);
}
