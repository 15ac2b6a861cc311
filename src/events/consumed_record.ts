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
  /** Bytes in the log: key, value, headers and what the format adds. */
  readonly size_bytes: number;
  /** Set when this is no record: it stands for all records of a batch that can't be read, and its offset is the last of them. */
  readonly unreadable?: UnreadableBatch;
}

/**
 * A record batch that can't be read. It passes through a lane as one record, so that it holds up no other records, and whoever
 * stores records makes a dead letter of it.
 */
export interface UnreadableBatch {
  readonly firstOffset: bigint;
  /** According to the batch's header, which can't be trusted when the batch is damaged. */
  readonly lastOffset: bigint;
  readonly reason: string;
  /** The batch as it is stored in the log, its header included. */
  readonly bytes: Buffer;
  /** The checksum of its bytes when it differs from the one in the header; null when the bytes are as they were written. */
  readonly damage: number | null;
}

/** Records of one partition, in offset order. Offsets may have gaps (compaction, control records). */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** Where the store must be for this batch to be the next one. */
  readonly firstOffset: bigint;
  /** Where the store is afterwards. */
  readonly nextOffset: bigint;
  readonly records: readonly ConsumedRecord[];
}

/** The stored position of a partition is not the one that this process read on from: another member has taken over. */
export class PositionLostError extends Error {
  override readonly name = "PositionLostError";
}
