/**
 * Writing to the log, as other modules see it. The implementation over kafkajs is in `kafka_publisher.ts`.
 *
 * A promise that resolves means: acknowledged by the broker with acks=-1. After a `TransientError` the record
 * may be in the log or not; publishing again is right, because everything downstream is idempotent.
 */
import type { Topic } from "./topics.ts";

/** One record to append. A null value is a tombstone. */
export interface OutgoingRecord {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Per partition, the offset after the last record of this publish: a reader at this position has seen all of it. */
export type NextOffsetByPartition = ReadonlyMap<number, bigint>;

export interface Publisher {
  /**
   * Appends records in order (per partition) and waits for the acknowledgement.
   * @throws TransientError when the broker can't be reached or did not answer within the retries
   * @throws PermanentError when the broker refuses the records for good (too large, unknown topic)
   */
  publish(topic: Topic, records: readonly OutgoingRecord[]): Promise<NextOffsetByPartition>;
  /** Id under which the topic's value schema is registered; the number in the wire format's header. */
  schemaId(topic: Topic): number;
  close(): Promise<void>;
}
