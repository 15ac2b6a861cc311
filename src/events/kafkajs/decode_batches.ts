/**
 * Reads record batches with our own decoder, verifies their checksums, and survives batches that can't be read.
 *
 * Upstream, in kafkajs 2.2.4, src/protocol/recordBatch/v0/decoder.js:
 *
 * - never verifies the checksum ("The library is currently not performing CRC validations"): a flipped bit could put a wrong number
 *   into the data store;
 * - treats an unknown codec as no compression, and decompresses without a limit;
 * - throws on a batch that can't be read, which ends the fetch of all partitions, and every later fetch too;
 * - allocates a dozen objects and a promise for every record.
 *
 * Here a batch that can't be read (damaged, unknown codec, decompression bomb, or contradicting its header) becomes one message in
 * place of its records (`unreadable_message.ts`).
 */
import { Buffer } from "node:buffer";
import {
  BATCH_HEAD_BYTES,
  BATCH_LENGTH_FROM,
  type BatchHead,
  checksumOf,
  COMPRESSION,
  crc32c,
  decodeRecords,
  decompress,
  type LogRecord,
  readBatchHead,
  UNPACKED_BYTES_MAX,
} from "@gmn/kafka-formats";
import { explain } from "@gmn/failures";
import { type BatchContext, FetchedMessage } from "./fetched_message.ts";
import { replaceExports, require } from "./patch.ts";
import { UnreadableMessage } from "./unreadable_message.ts";

/**
 * Decompressed bytes after which a fetch of a partition ends; the rest is fetched again. A fetch of two
 * megabytes could contain hundreds of bombs that are each just small enough to be decompressed.
 */
const FETCH_UNPACKED_BYTES_MAX = 16 * 1024 * 1024;

/** kafkajs's reader of bytes. */
interface Decoder {
  readonly buffer: Buffer;
  readonly offset: number;
  readInt32(): number;
  readInt64(): { toString(): string };
  forward(size: number): void;
}

const { KafkaJSPartialMessageError } = require("kafkajs/src/errors.js") as {
  KafkaJSPartialMessageError: new (message: string) => Error;
};
/** Bytes decompressed so far, by the decoder of one partition's fetch. */
const unpackedBytes = new WeakMap<Decoder, number>();

/**
 * Reads one batch of a fetch. An unreadable batch yields one `UnreadableMessage`.
 * @throws KafkaJSPartialMessageError for a batch cut off by the fetch's limit; kafkajs then ends the fetch
 */
function readBatch(fetch: Decoder) {
  const unpackedBefore = unpackedBytes.get(fetch) ?? 0;
  if (unpackedBefore > FETCH_UNPACKED_BYTES_MAX) {
    throw new KafkaJSPartialMessageError(`${unpackedBefore} bytes were unpacked of this fetch`);
  }
  const from = fetch.offset;
  const firstOffset = fetch.readInt64().toString();
  const length = fetch.readInt32();
  const size = BATCH_LENGTH_FROM + length;
  if (size < BATCH_HEAD_BYTES) return withoutLength(fetch, from, firstOffset, length);
  fetch.forward(length);
  const batch = fetch.buffer.subarray(from, from + size);
  if (batch.length < size) {
    throw new KafkaJSPartialMessageError(
      `a batch of ${size} bytes, but only ${batch.length} were fetched`,
    );
  }
  const head = readBatchHead(batch);
  const { recordCount: count, checksum } = head;
  const context = contextOf(head);
  const found = checksumOf(batch);
  if (found !== checksum) {
    const reason =
      `the record batch at offset ${firstOffset} is damaged: its checksum is ${checksum}, that of its bytes ${found}`;
    return { ...context, records: [unreadable(context, count, batch, reason, found)] };
  }
  // Assume the maximum, for the case that this throws: a bomb costs as much as the largest batch that is allowed.
  unpackedBytes.set(fetch, unpackedBefore + UNPACKED_BYTES_MAX);
  try {
    const bytes = unpack(batch.subarray(BATCH_HEAD_BYTES), head);
    unpackedBytes.set(fetch, unpackedBefore + bytes.length);
    const wrap = (record: LogRecord) => new FetchedMessage(record, context);
    return { ...context, records: decodeRecords(bytes, head, wrap) };
  } catch (error) {
    const reason = `the record batch at offset ${firstOffset} can't be read: ${explain(error)}`;
    return { ...context, records: [unreadable(context, count, batch, reason, null)] };
  }
}

/** The form that kafkajs calls: errors reject the promise. */
const decodeBatch = (fetch: Decoder) => Promise.try(readBatch, fetch);

/** A batch's header under kafkajs's names. */
function contextOf(head: BatchHead) {
  return {
    firstOffset: head.baseOffset.toString(),
    firstTimestamp: String(head.baseTimestamp_ms),
    maxTimestamp: String(head.maxTimestamp_ms),
    producerId: String(head.producerId),
    producerEpoch: head.producerEpoch,
    firstSequence: head.baseSequence,
    partitionLeaderEpoch: head.leaderEpoch,
    magicByte: head.magic,
    lastOffsetDelta: head.lastOffsetDelta,
    inTransaction: head.isTransactional,
    isControlBatch: head.isControl,
    timestampType: head.isLogAppendTime ? 1 : 0,
  } satisfies BatchContext & Record<string, unknown>;
}

function unpack(packed: Buffer, { compression, recordCount }: BatchHead): Buffer {
  // A batch without records has nothing to decompress.
  if (recordCount <= 0 && compression <= COMPRESSION.ZSTD) return packed;
  const bytes = decompress(compression, packed);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * @param count -1 when the header can't be read
 * @param found the checksum of the bytes if it differs from the header's, otherwise null
 */
function unreadable(
  context: BatchContext,
  count: number,
  bytes: Buffer,
  reason: string,
  found: number | null,
): UnreadableMessage {
  const firstOffset = BigInt(context.firstOffset);
  const lastOffset = firstOffset + BigInt(Math.max(0, context.lastOffsetDelta));
  const writtenAt = count < 0 ? null : new Date(Number(context.firstTimestamp));
  return new UnreadableMessage(
    { firstOffset, lastOffset, writtenAt, reason, bytes, damage: found },
    count,
    // The header of a damaged batch must not make kafkajs treat it as part of an aborted transaction.
    found === null ? context : { ...context, inTransaction: false },
  );
}

/** A batch that claims to be shorter than its own header. The beginning of the next batch is unknown, so the fetch ends here. */
function withoutLength(fetch: Decoder, from: number, firstOffset: string, length: number) {
  const bytes = fetch.buffer.subarray(from);
  fetch.forward(fetch.buffer.length - fetch.offset);
  const context = {
    firstOffset,
    firstTimestamp: "0",
    maxTimestamp: "0",
    timestampType: 0,
    isControlBatch: false,
    producerId: "-1",
    inTransaction: false,
    lastOffsetDelta: -1,
  };
  const reason =
    `the record batch at offset ${firstOffset} is damaged: it claims to have ${length} bytes`;
  return { ...context, records: [unreadable(context, -1, bytes, reason, crc32c(bytes))] };
}

/** kafkajs's unpatched decoder, for tests to compare with ours. */
export const decodeBatchAsKafkajs = replaceExports<typeof decodeBatch>({
  patch: "decode_batches.ts",
  module: "protocol/recordBatch/v0/decoder.js",
  users: ["protocol/requests/fetch/v4/decodeMessages.js"],
}, () => decodeBatch);
