/**
 * The interface for writing to the log. `kafka_publisher.ts` implements it with kafkajs.
 *
 * A resolved promise means that the broker has acknowledged the records with acks=-1. After a `TransientError` the records
 * may or may not be in the log; publish them again, because everything downstream is idempotent.
 */
import type { Buffer } from "node:buffer";
import type { Topic } from "./topics.ts";

/** One record to append. A null value is a tombstone. */
export interface OutgoingRecord {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string | Buffer>>;
  /** Defaults to the time of the publish. Set for a record that tells again what an earlier one said. */
  readonly timestamp?: Date;
  /** Defaults to the partition of the key. Set for a copy, which keeps partitions. */
  readonly partition?: number;
}

/** Per partition, the offset after the last record of this publish. A reader at this position has read all of them. */
export type NextOffsetByPartition = ReadonlyMap<number, bigint>;

export interface Publisher {
  /**
   * Appends records in order (per partition) and waits for the acknowledgement.
   * @throws TransientError when the broker can't be reached or did not answer within the retries
   * @throws PermanentError when the broker refuses the records for good (too large, unknown topic)
   */
  publish(topic: Topic, records: readonly OutgoingRecord[]): Promise<NextOffsetByPartition>;
  /**
   * The same, and returns the offset of each record, in the order of `records`. When a request was sent twice after a lost
   * acknowledgement, it is the offset of the acknowledged one.
   */
  publishEach(topic: Topic, records: readonly OutgoingRecord[]): Promise<readonly bigint[]>;
  /** The partition that a record with this key goes to. */
  partitionOf(topic: Topic, key: string): number;
  /** The id of the topic's value schema in the registry, as written in the wire format's header. */
  schemaId(topic: Topic): number;
  close(): Promise<void>;
}
