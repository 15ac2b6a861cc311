/**
 * Record batches in the log: a producer's batch is checked, its head is read, and its bytes are stored unchanged, even compressed.
 * `@gmn/kafka-formats` defines the format.
 */
import {
  BATCH_HEAD_BYTES,
  type BatchHead,
  checksumOf,
  COMPRESSION,
  CorruptBatchError,
  ErrorCode,
  readBatchHead,
  RECORD_BATCH_MAGIC,
  RecordWalk,
} from "@gmn/kafka-formats";
import { KafkaError } from "../protocol/kafka_error.ts";

/** A batch with its parsed head. */
export interface RecordBatch extends BatchHead {
  readonly bytes: Uint8Array;
}

/** Reads the head of stored bytes, unchecked: it was checked when it was produced. */
export function readStoredBatch(bytes: Uint8Array): RecordBatch {
  return { bytes, ...readBatchHead(bytes) };
}

/**
 * Checks the RECORDS field of a produce request: exactly one batch of format 2, whole, with the right checksum, and
 * (when not compressed) with as many well-formed records as its head declares.
 * @throws KafkaError with the same error code as in Kafka
 */
export function checkProducedBatch(bytes: Uint8Array, maxMessage_bytes: number): RecordBatch {
  if (bytes.length < BATCH_HEAD_BYTES) {
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `a record batch of ${bytes.length} bytes`);
  }
  const head = readBatchHead(bytes);
  const { magic, size_bytes: size } = head;
  if (magic !== RECORD_BATCH_MAGIC) {
    throw new KafkaError(ErrorCode.INVALID_RECORD, `record format ${magic}; only 2 is taken`);
  }
  if (size !== bytes.length) {
    // Kafka: "Produce requests with version >= 3 are only allowed to contain exactly one record batch per partition".
    const code = size < bytes.length && size >= BATCH_HEAD_BYTES
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
  if (head.checksum !== checksumOf(bytes)) {
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, "the batch does not match its CRC-32C");
  }
  checkContents(bytes, head);
  return { bytes, ...head };
}

function checkContents(bytes: Uint8Array, head: BatchHead): void {
  const refuse = (why: string): never => {
    throw new KafkaError(ErrorCode.INVALID_RECORD, why);
  };
  const { recordCount, lastOffsetDelta, compression, producerEpoch, baseSequence } = head;
  if (head.isControl) refuse("clients may not write control batches");
  if (head.isTransactional) refuse("this broker has no transactions");
  if (head.isLogAppendTime) refuse("timestamps are the producer's (CreateTime)");
  if (recordCount <= 0 || lastOffsetDelta !== recordCount - 1) {
    refuse(`${recordCount} records with a last offset delta of ${lastOffsetDelta}`);
  }
  if (compression > COMPRESSION.ZSTD) refuse(`unknown compression ${compression}`);
  if (head.producerId >= 0 && (producerEpoch < 0 || baseSequence < 0)) {
    refuse(`epoch ${producerEpoch}, sequence ${baseSequence} of an idempotent producer`);
  }
  // The contents of a compressed batch are opaque to the broker, so any codec works.
  if (compression !== COMPRESSION.NONE) return;
  // As many records as offsets, in ascending order: each offset occurs once.
  const walk = new RecordWalk(bytes.subarray(BATCH_HEAD_BYTES), recordCount, lastOffsetDelta);
  try {
    while (walk.next());
  } catch (error) {
    if (error instanceof CorruptBatchError) refuse(error.message);
    throw error;
  }
}

/** The records of a batch, still compressed if they are. */
export function recordsOf(batch: RecordBatch): Uint8Array {
  return batch.bytes.subarray(BATCH_HEAD_BYTES);
}

/**
 * Searches uncompressed records for the first one from `fromDelta` on with a timestamp of at least `timestamp_ms`. Returns its
 * offset delta and timestamp, or null when there is none.
 * @throws CorruptBatchError when the records contradict the batch's head
 */
export function findByTimestamp(
  batch: RecordBatch,
  records: Uint8Array,
  timestamp_ms: number,
  fromDelta: number,
): { offsetDelta: number; timestamp_ms: number } | null {
  const walk = new RecordWalk(records, batch.recordCount, batch.recordCount - 1);
  while (walk.next()) {
    const { offsetDelta } = walk;
    const at_ms = batch.baseTimestamp_ms + walk.timestampDelta;
    if (offsetDelta >= fromDelta && at_ms >= timestamp_ms) {
      return { offsetDelta, timestamp_ms: at_ms };
    }
  }
  return null;
}
