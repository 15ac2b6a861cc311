/**
 * The head of a record batch, format version 2 (https://kafka.apache.org/documentation/#recordbatch): the unit in which records
 * are sent, stored and fetched.
 *
 *     0 base offset (8)        12 leader epoch (4)   21 attributes (2)         35 max timestamp (8)   53 base sequence (4)
 *     8 length from 12 on (4)  16 magic (1)          23 last offset delta (4)  43 producer id (8)     57 record count (4)
 *                              17 CRC-32C of 21.. (4)  27 base timestamp (8)   51 producer epoch (2)  61 records
 */
import { crc32c } from "./crc32c.ts";

/** Bytes before the first record. */
export const BATCH_HEAD_BYTES = 61;
/** Base offset and length: the bytes that the length does not count. */
export const BATCH_LENGTH_FROM = 12;
export const RECORD_BATCH_MAGIC = 2;
const LEADER_EPOCH_AT = 12;
/** The checksum covers the batch from here to its end. */
const CHECKSUM_FROM = 21;

/** The lowest bits of the attributes name the codec (`COMPRESSION`). */
const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME_BIT = 0x08;
const TRANSACTIONAL_BIT = 0x10;
const CONTROL_BIT = 0x20;

/**
 * The fields before the records. Times are milliseconds since 1970. 64-bit numbers are exact up to 2^53, far above any time
 * or producer id; the offset is always exact.
 */
export interface BatchHead {
  readonly baseOffset: bigint;
  /** Size of the whole batch, as its head declares it. */
  readonly size_bytes: number;
  readonly leaderEpoch: number;
  readonly magic: number;
  readonly checksum: number;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: number;
  /** The broker's time, `maxTimestamp`, stands for the times of all records. */
  readonly isLogAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** From the first offset to the last one, records removed by compaction included. */
  readonly lastOffsetDelta: number;
  readonly baseTimestamp_ms: number;
  readonly maxTimestamp_ms: number;
  /** -1 when the producer is not idempotent. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads the head; nothing is checked. @throws RangeError when there are fewer than `BATCH_HEAD_BYTES` */
export function readBatchHead(batch: Uint8Array): BatchHead {
  const view = viewOf(batch);
  const attributes = view.getInt16(21);
  return {
    baseOffset: view.getBigInt64(0),
    size_bytes: view.getInt32(8) + BATCH_LENGTH_FROM,
    leaderEpoch: view.getInt32(LEADER_EPOCH_AT),
    magic: view.getInt8(16),
    checksum: view.getUint32(17),
    compression: attributes & COMPRESSION_MASK,
    isLogAppendTime: (attributes & LOG_APPEND_TIME_BIT) !== 0,
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    lastOffsetDelta: view.getInt32(23),
    baseTimestamp_ms: Number(view.getBigInt64(27)),
    maxTimestamp_ms: Number(view.getBigInt64(35)),
    producerId: Number(view.getBigInt64(43)),
    producerEpoch: view.getInt16(51),
    baseSequence: view.getInt32(53),
    recordCount: view.getInt32(57),
  };
}

/** The head of a batch to write, with kafkajs's names. Times in milliseconds since 1970, as numbers or decimal strings. */
export interface NewBatchHead {
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: number | string;
  readonly maxTimestamp: number | string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

/** Writes the head of a batch that fills `batch`, at base offset 0; its checksum is set when its records are written. */
export function writeBatchHead(batch: Uint8Array, head: NewBatchHead, recordCount: number): void {
  const view = viewOf(batch);
  view.setBigInt64(0, 0n);
  view.setInt32(8, batch.length - BATCH_LENGTH_FROM);
  view.setInt32(LEADER_EPOCH_AT, 0);
  view.setInt8(16, RECORD_BATCH_MAGIC);
  view.setInt16(21, head.attributes);
  view.setInt32(23, head.lastOffsetDelta);
  view.setBigInt64(27, BigInt(head.firstTimestamp));
  view.setBigInt64(35, BigInt(head.maxTimestamp));
  view.setBigInt64(43, head.producerId);
  view.setInt16(51, head.producerEpoch);
  view.setInt32(53, head.firstSequence);
  view.setInt32(57, recordCount);
}

/** Computes the checksum that belongs in a batch's head. */
export function checksumOf(batch: Uint8Array): number {
  return crc32c(batch, CHECKSUM_FROM);
}

/** Computes a batch's checksum and stores it in the head. */
export function setChecksum(batch: Uint8Array): void {
  viewOf(batch).setUint32(17, checksumOf(batch));
}

/** Sets the two fields that the broker assigns; the checksum does not cover them. Changes `batch` in place. */
export function stampBatch(batch: Uint8Array, baseOffset: number, leaderEpoch: number): void {
  const view = viewOf(batch);
  view.setBigInt64(0, BigInt(baseOffset));
  view.setInt32(LEADER_EPOCH_AT, leaderEpoch);
}
