/**
 * A client under measurement, in the process that is measured. Each reads as the service does: key, value and headers of every
 * record are looked at, and nothing is committed.
 */
import type { OutgoingRecord } from "../../src/events/publisher.ts";

/** Bytes that a fetch may bring, and how long it may wait: the service's own (src/events/subscription.ts). */
export const FETCH = {
  maxBytes: 3 * 1024 * 1024,
  maxBytesPerPartition: 1024 * 1024,
  maxWait_ms: 1_000,
} as const;

export interface Contender {
  /** Appends the portions one after the other, each acknowledged by the broker's disk (acks=-1) before the next. */
  produce(portions: readonly OutgoingRecord[][]): Promise<void>;
  /** Joins a group and reads the topic from the beginning, until `count` records were seen. */
  consume(count: number): Promise<void>;
  /** Leaves the group and disconnects; not measured. */
  close(): Promise<void>;
}
