/**
 * Kafka's wire and record formats, shared by the embedded broker and the application.
 */
export {
  COMPRESSION,
  CorruptDataError,
  decompress,
  UNPACKED_BYTES_MAX,
} from "./compression/decompress.ts";
export { unpackLz4 } from "./compression/lz4.ts";
export { unpackSnappy } from "./compression/snappy.ts";
export { crc32c } from "./crc32c.ts";
export { createKeyPartitioner, type KeyPartitioner, murmur2 } from "./key_partitioner.ts";
export { ApiKey, apiName, ErrorCode, errorName } from "./protocol_codes.ts";
export * as wire from "./protocol_message.ts";
export { MalformedRequest, Reader } from "./protocol_reader.ts";
export { Writer } from "./protocol_writer.ts";
export {
  BATCH_HEAD_BYTES,
  BATCH_LENGTH_FROM,
  type BatchHead,
  checksumOf,
  type NewBatchHead,
  readBatchHead,
  RECORD_BATCH_MAGIC,
  stampBatch,
} from "./record_batch.ts";
export { type BatchRecord, encodeRecordBatch } from "./record_batch_encoder.ts";
export { decodeRecords, type HeaderValue, LogRecord, type RecordsHead } from "./record_decoder.ts";
export { CorruptBatchError, RecordWalk } from "./record_walk.ts";
