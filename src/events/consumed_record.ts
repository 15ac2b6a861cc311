/** Records as they are read from the log. */
import type { Buffer } from "node:buffer";
import type { HeaderValue } from "@gmn/kafka-formats";

export type { HeaderValue };

/** One record. A null value is a tombstone. */
export interface ConsumedRecord {
  readonly offset: bigint;
  readonly timestamp: Date;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, HeaderValue>>;
  /** Bytes in the log: key, value, headers and the record format's overhead. */
  readonly size_bytes: number;
  /** Set on a placeholder for all records of a batch that can't be read; its `offset` is the batch's last offset. */
  readonly unreadable?: UnreadableBatch;
}

/**
 * A record batch that can't be read. It passes through a lane as one record, so that it does not block other records. The sink
 * stores it as a dead letter.
 */
export interface UnreadableBatch {
  readonly firstOffset: bigint;
  /** According to the batch's header, which can't be trusted when the batch is damaged. */
  readonly lastOffset: bigint;
  /** The time of its first record, by the same header; null when the header can't be read. */
  readonly writtenAt: Date | null;
  readonly reason: string;
  /** The batch as it is stored in the log, its header included. */
  readonly bytes: Buffer;
  /** The checksum of the bytes if it differs from the one in the header; null when the bytes are intact. */
  readonly damage: number | null;
}

/** A record by which a log is recognised (witness.ts). */
export interface Witness {
  readonly offset: bigint;
  /** In the range of PostgreSQL's `bigint`. */
  readonly digest: bigint;
}

/** Records of one partition, in offset order. Offsets may have gaps (compaction, control records). */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** The position the store must be at before this batch is stored. */
  readonly firstOffset: bigint;
  /** The position of the store after this batch. */
  readonly nextOffset: bigint;
  readonly records: readonly ConsumedRecord[];
  /** The last readable record, by which the log is recognised later; the one of an earlier batch stays valid without it. */
  readonly witness?: Witness | null;
}

/** The stored position of a partition is not the one this process expected: another member has taken over. */
export class PositionLostError extends Error {
  override readonly name = "PositionLostError";
}
