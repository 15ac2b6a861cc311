/**
 * A record batch, format version 2 (https://kafka.apache.org/documentation/#recordbatch): the unit in which records are
 * sent, stored and fetched. The broker reads its header, checks it, sets the two fields that lie outside the checksum
 * (base offset, partition leader epoch) and otherwise keeps the bytes as they came, compressed or not.
 *
 *     0 base offset (8)        12 leader epoch (4)   21 attributes (2)         35 max timestamp (8)   53 base sequence (4)
 *     8 length from 12 on (4)  16 magic (1)          23 last offset delta (4)  43 producer id (8)     57 record count (4)
 *                              17 CRC-32C of 21.. (4)  27 base timestamp (8)   51 producer epoch (2)  61 records
 */
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";
import { crc32c } from "../../../checksum/crc32c.ts";

/** Bytes before the first record. */
const HEADER_BYTES = 61;
/** Bytes not counted by the length field. */
const LENGTH_FROM = 12;
const CRC_FROM = 21;
/** Attributes, two deltas, two lengths and a header count of one byte each. */
const MIN_RECORD_BYTES = 6;
const TWO_32 = 2 ** 32;

const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME_BIT = 0x08;
const TRANSACTIONAL_BIT = 0x10;
const CONTROL_BIT = 0x20;

/** The header of a batch that was checked, and its bytes. */
export interface RecordBatch {
  readonly bytes: Uint8Array;
  readonly recordCount: number;
  /** Milliseconds since 1970, as the producer set them. */
  readonly maxTimestamp_ms: number;
  readonly baseTimestamp_ms: number;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: number;
  /** -1 when the producer is not idempotent. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

function int64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_32 + view.getUint32(at + 4);
}

/** Reads the header of stored bytes, unchecked: what is in the log was checked when it came. */
export function readBatchHeader(bytes: Uint8Array): RecordBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    recordCount: view.getInt32(57),
    maxTimestamp_ms: int64(view, 35),
    baseTimestamp_ms: int64(view, 27),
    compression: view.getInt16(CRC_FROM) & COMPRESSION_MASK,
    producerId: int64(view, 43),
    producerEpoch: view.getInt16(51),
    baseSequence: view.getInt32(53),
  };
}

/**
 * Checks the RECORDS field of a produce request: exactly one batch of format 2, whole, with the right checksum, and
 * (when not compressed) with as many well-formed records as it says.
 * @throws KafkaError with the code that Kafka answers for it
 */
export function checkProducedBatch(bytes: Uint8Array, maxMessage_bytes: number): RecordBatch {
  if (bytes.length < HEADER_BYTES) {
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `a record batch of ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getInt8(16);
  if (magic !== 2) {
    throw new KafkaError(ErrorCode.INVALID_RECORD, `record format ${magic}; only 2 is taken`);
  }
  const size = view.getInt32(8) + LENGTH_FROM;
  if (size !== bytes.length) {
    // Kafka: "Produce requests with version >= 3 are only allowed to contain exactly one record batch per partition".
    const code = size < bytes.length && size >= HEADER_BYTES
      ? ErrorCode.INVALID_RECORD
      : ErrorCode.CORRUPT_MESSAGE;
    throw new KafkaError(code, `batch says ${size} bytes, ${bytes.length} came`);
  }
  if (bytes.length > maxMessage_bytes) {
    throw new KafkaError(
      ErrorCode.MESSAGE_TOO_LARGE,
      `a batch of ${bytes.length} bytes; max.message.bytes is ${maxMessage_bytes}`,
    );
  }
  if (view.getUint32(17) !== crc32c(bytes, CRC_FROM)) {
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, "the batch does not match its CRC-32C");
  }
  return checkContents(readBatchHeader(bytes), view);
}

function checkContents(batch: RecordBatch, view: DataView): RecordBatch {
  const attributes = view.getInt16(CRC_FROM);
  const refuse = (why: string): never => {
    throw new KafkaError(ErrorCode.INVALID_RECORD, why);
  };
  if (attributes & CONTROL_BIT) refuse("clients may not write control batches");
  if (attributes & TRANSACTIONAL_BIT) refuse("this broker has no transactions");
  if (attributes & LOG_APPEND_TIME_BIT) refuse("timestamps are the producer's (CreateTime)");
  const lastOffsetDelta = view.getInt32(23);
  if (batch.recordCount <= 0 || lastOffsetDelta !== batch.recordCount - 1) {
    refuse(`${batch.recordCount} records with a last offset delta of ${lastOffsetDelta}`);
  }
  if (batch.compression > 4) refuse(`unknown compression ${batch.compression}`);
  if (batch.producerId >= 0 && (batch.producerEpoch < 0 || batch.baseSequence < 0)) {
    refuse(
      `epoch ${batch.producerEpoch}, sequence ${batch.baseSequence} of an idempotent producer`,
    );
  }
  // What is inside a compressed batch is between producer and consumer: opaque here, so any codec works.
  if (batch.compression === 0) {
    checkRecords(batch.bytes.subarray(HEADER_BYTES), batch.recordCount, refuse);
  }
  return batch;
}

/** Walks uncompressed records: each whole, each offset delta in its place, nothing left over. */
function checkRecords(records: Uint8Array, count: number, refuse: (why: string) => never): void {
  const cursor = { bytes: records, at: 0 };
  for (let i = 0; i < count; i++) {
    const size = varint(cursor);
    const end = cursor.at + size;
    if (size < MIN_RECORD_BYTES || end > records.length) {
      refuse(`record ${i} says it has ${size} bytes`);
    }
    cursor.at++; // attributes, unused
    skipVarint(cursor); // timestamp delta, up to 64 bits
    const delta = varint(cursor);
    if (delta !== i || cursor.at > end) refuse(`record ${i} has the offset delta ${delta}`);
    cursor.at = end;
  }
  if (cursor.at !== records.length) refuse(`${records.length - cursor.at} bytes after the records`);
}

/** Where a walk through records stands. Reading past the end gives zeros; the walk's own checks notice. */
interface Cursor {
  bytes: Uint8Array;
  at: number;
}

/** A zigzag varint of up to 32 bits. */
function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return (value >>> 1) ^ -(value & 1);
}

function skipVarint(cursor: Cursor): void {
  for (let i = 0; i < 10; i++) if ((cursor.bytes[cursor.at++] ?? 0) < 0x80) return;
}

/** A zigzag varint of up to 64 bits, as a number. */
function varlong(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Sets the two fields that are the broker's to set; they are outside the checksum. Changes `bytes` in place. */
export function stampBatch(bytes: Uint8Array, baseOffset: number, leaderEpoch: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const high = Math.floor(baseOffset / TWO_32);
  view.setInt32(0, high);
  view.setUint32(4, baseOffset - high * TWO_32);
  view.setInt32(LENGTH_FROM, leaderEpoch);
}

/**
 * Within uncompressed records, the first from `fromDelta` on with a timestamp of at least `timestamp_ms`: its offset
 * delta and timestamp. Null when there is none.
 */
export function findByTimestamp(
  batch: RecordBatch,
  records: Uint8Array,
  timestamp_ms: number,
  fromDelta: number,
): { offsetDelta: number; timestamp_ms: number } | null {
  const cursor = { bytes: records, at: 0 };
  for (let i = 0; i < batch.recordCount && cursor.at < records.length; i++) {
    const size = varint(cursor);
    const end = cursor.at + size;
    cursor.at++; // attributes
    const at_ms = batch.baseTimestamp_ms + varlong(cursor);
    if (size < MIN_RECORD_BYTES) return null; // not what the batch's header promised
    if (i >= fromDelta && at_ms >= timestamp_ms) return { offsetDelta: i, timestamp_ms: at_ms };
    cursor.at = end;
  }
  return null;
}

/** The records of a batch, compressed or not, as they lie in it. */
export function recordsOf(batch: RecordBatch): Uint8Array {
  return batch.bytes.subarray(HEADER_BYTES);
}
