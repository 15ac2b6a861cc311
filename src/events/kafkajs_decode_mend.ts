/**
 * How kafkajs 2.2.4 reads record batches, mended: by `record_batch_decoder.ts`, and with the checksum looked at, which kafkajs never
 * does (a flipped bit would be a wrong number in the data store). Must be evaluated before kafkajs is; `kafkajs_mend.ts` sees to it.
 */
import { createRequire } from "node:module";
import type { Buffer } from "node:buffer";
import { type BatchContext, CorruptBatchError, decodeRecords } from "./record_batch_decoder.ts";

const require = createRequire(import.meta.url);

const LOG_APPEND_TIME_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;
/** Where the checked bytes begin, counted from behind the batch's length: leader epoch, magic and checksum come before. */
const CHECKED_FROM = 9;

/** kafkajs's reader of bytes. */
interface Decoder {
  readonly buffer: Buffer;
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readAll(): Buffer;
  slice(size: number): Decoder;
  forward(size: number): void;
}

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>;
}

const { KafkaJSPartialMessageError } = require("kafkajs/src/errors.js") as {
  KafkaJSPartialMessageError: new (message: string) => Error;
};
const { lookupCodecByAttributes } = require(
  "kafkajs/src/protocol/message/compression/index.js",
) as { lookupCodecByAttributes(attributes: number): Codec | null };
const crc32c = require("kafkajs/src/protocol/recordBatch/crc32C/index.js") as (
  bytes: Buffer,
) => number;

/** Reads one batch of a fetch. @throws CorruptBatchError; KafkaJSPartialMessageError for one that is cut by the fetch's limit */
async function decodeBatch(fetch: Decoder) {
  const firstOffset = fetch.readInt64().toString();
  const length = fetch.readInt32();
  const batch = fetch.slice(length);
  fetch.forward(length);
  if (batch.buffer.length < length) {
    throw new KafkaJSPartialMessageError(
      `a batch of ${length} bytes, of which ${batch.buffer.length} came`,
    );
  }
  const partitionLeaderEpoch = batch.readInt32();
  const magicByte = batch.readInt8();
  const checksum = batch.readInt32() >>> 0;
  const found = crc32c(batch.buffer.subarray(CHECKED_FROM));
  if (found !== checksum) {
    throw new CorruptBatchError(
      `the record batch at offset ${firstOffset} is damaged: its checksum is ${checksum}, that of its bytes ${found}`,
    );
  }
  const attributes = batch.readInt16();
  const lastOffsetDelta = batch.readInt32();
  const context = {
    firstOffset,
    firstTimestamp: batch.readInt64().toString(),
    maxTimestamp: batch.readInt64().toString(),
    producerId: batch.readInt64().toString(),
    producerEpoch: batch.readInt16(),
    firstSequence: batch.readInt32(),
    partitionLeaderEpoch,
    magicByte,
    lastOffsetDelta,
    inTransaction: (attributes & TRANSACTIONAL_FLAG) !== 0,
    isControlBatch: (attributes & CONTROL_FLAG) !== 0,
    timestampType: (attributes & LOG_APPEND_TIME_FLAG) === 0 ? 0 : 1,
  } satisfies BatchContext & Record<string, unknown>;
  const codec = lookupCodecByAttributes(attributes);
  const count = batch.readInt32();
  const packed = batch.readAll();
  const bytes = codec === null || count <= 0 ? packed : await codec.decompress(packed);
  return { ...context, records: decodeRecords(bytes, count, context) };
}

const path = require.resolve("kafkajs/src/protocol/recordBatch/v0/decoder.js");

/** kafkajs's own, as it was before the mend: what ours is compared with. */
export const decodeBatchAsKafkajs = require(path) as typeof decodeBatch;

require.cache[path]!.exports = decodeBatch;
