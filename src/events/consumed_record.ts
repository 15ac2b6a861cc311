/**
 * Records as they are read from the log.
 */
import type { Buffer } from "node:buffer";

/** Header values as kafkajs gives them: bytes, or several of one name. */
export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;

/** One record. A null value is a tombstone. */
export interface ConsumedRecord {
  readonly offset: bigint;
  readonly timestamp: Date;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, HeaderValue>>;
  /** Bytes in the log: key, value, headers and what the format adds. */
  readonly size_bytes: number;
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

/** The stored position of a partition is not the one this process went on from: another member has taken over. */
export class PositionLostError extends Error {
  override readonly name = "PositionLostError";
}
