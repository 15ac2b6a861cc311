/**
 * A measured client, in the measured process. Each client reads as the service does: it accesses key, value and headers of every
 * record, and commits nothing.
 */
import type { OutgoingRecord } from "../../src/events/publisher.ts";

/** Maximum bytes and wait of a fetch: the service's own (src/events/subscription.ts). */
export const FETCH = {
  maxBytes: 3 * 1024 * 1024,
  maxBytesPerPartition: 1024 * 1024,
  maxWait_ms: 1_000,
} as const;

export interface Contender {
  /** Appends the portions one after the other; each is acknowledged (acks=-1) before the next. */
  produce(portions: readonly OutgoingRecord[][]): Promise<void>;
  /** Joins a group and reads the topic from the beginning, until it has seen `count` records. */
  consume(count: number): Promise<void>;
  /** Leaves the group and disconnects; not measured. */
  close(): Promise<void>;
}
