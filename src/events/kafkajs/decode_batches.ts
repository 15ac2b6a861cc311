/**
 * Reads record batches with our own decoder, checks their checksum, and survives those that can't be read.
 *
 * Upstream, in kafkajs 2.2.4, src/protocol/recordBatch/v0/decoder.js:
 *
 * - never looks at the checksum ("The library is currently not performing CRC validations"): a flipped bit would be a wrong number in
 *   the data store;
 * - takes a codec that it does not know for no compression, and unpacks without a limit;
 * - throws on a batch that can't be read, which ends the fetch of all partitions, now and each time again;
 * - makes a dozen objects and a promise for every record.
 *
 * Here a batch that can't be read (damaged, packed with an unknown codec, a bomb, or not what it says) is one message in the place
 * of its records (`unreadable_message.ts`).
 */
import { crc32c } from "../../checksum/crc32c.ts";
import type { Buffer } from "node:buffer";
import { UNPACKED_BYTES_MAX } from "../compression/output.ts";
import { explain } from "../../failures/failures.ts";
import {
  type BatchContext,
  CorruptBatchError,
  decodeRecords,
  type FetchedMessage,
} from "../record_batch_decoder.ts";
import { replaceExports, require } from "./patch.ts";
import { UnreadableMessage } from "./unreadable_message.ts";

const LOG_APPEND_TIME_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;
/** Where the checked bytes begin, counted from behind the batch's length: leader epoch, magic and checksum come before. */
const CHECKED_FROM = 9;
/** From there to the first record: no batch is shorter. */
const HEAD_BYTES = 49;
/** First offset and length: what stands before the bytes that the length counts. */
const BEFORE_LENGTH_BYTES = 12;
/** The lowest bits of the attributes; codecs are known up to this one (Zstandard). */
const CODEC_MASK = 0x07;
const CODEC_MAX = 4;

/**
 * Unpacked bytes after which a fetch of a partition is taken for ended; the rest comes with the next one. A fetch of two
 * megabytes could hold hundreds of bombs that are each just small enough to be unpacked (compression/output.ts).
 */
const FETCH_UNPACKED_BYTES_MAX = 16 * 1024 * 1024;

/** kafkajs's reader of bytes. */
interface Decoder {
  readonly buffer: Buffer;
  readonly offset: number;
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

/** Bytes that were unpacked so far, by the reader of a fetch of one partition. */
const unpackedBytes = new WeakMap<Decoder, number>();

/**
 * Reads one batch of a fetch. One that can't be read gives one `UnreadableMessage`.
 * @throws KafkaJSPartialMessageError for one that is cut by the fetch's limit, on which kafkajs ends the fetch
 */
async function decodeBatch(fetch: Decoder) {
  const unpackedBefore = unpackedBytes.get(fetch) ?? 0;
  if (unpackedBefore > FETCH_UNPACKED_BYTES_MAX) {
    throw new KafkaJSPartialMessageError(`${unpackedBefore} bytes were unpacked of this fetch`);
  }
  const from = fetch.offset;
  const firstOffset = fetch.readInt64().toString();
  const length = fetch.readInt32();
  if (length < HEAD_BYTES) return lengthless(fetch, from, firstOffset, length);
  const batch = fetch.slice(length);
  fetch.forward(length);
  if (batch.buffer.length < length) {
    throw new KafkaJSPartialMessageError(
      `a batch of ${length} bytes, of which ${batch.buffer.length} came`,
    );
  }
  const { attributes, checksum, count, ...context } = readHead(batch, firstOffset);
  const whole = fetch.buffer.subarray(from, from + BEFORE_LENGTH_BYTES + length);
  const found = crc32c(batch.buffer.subarray(CHECKED_FROM));
  if (found !== checksum) {
    const reason =
      `the record batch at offset ${firstOffset} is damaged: its checksum is ${checksum}, that of its bytes ${found}`;
    return { ...context, records: [unreadable(context, count, whole, reason, found)] };
  }
  // A bomb that was too large costs as much as one that only just was not.
  unpackedBytes.set(fetch, unpackedBefore + UNPACKED_BYTES_MAX);
  try {
    const bytes = await unpack(batch.readAll(), attributes, count);
    unpackedBytes.set(fetch, unpackedBefore + bytes.length);
    return { ...context, records: decodeRecords(bytes, count, context) as BatchMessage[] };
  } catch (error) {
    const reason = `the record batch at offset ${firstOffset} can't be read: ${explain(error)}`;
    return { ...context, records: [unreadable(context, count, whole, reason, null)] };
  }
}

/** What a batch is read to. */
type BatchMessage = FetchedMessage | UnreadableMessage;

/** The fields before the records; what is left to read then is the records. */
function readHead(batch: Decoder, firstOffset: string) {
  const partitionLeaderEpoch = batch.readInt32();
  const magicByte = batch.readInt8();
  const checksum = batch.readInt32() >>> 0;
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
  return { ...context, attributes, checksum, count: batch.readInt32() };
}

async function unpack(packed: Buffer, attributes: number, count: number): Promise<Buffer> {
  const codec = attributes & CODEC_MASK;
  // For kafkajs what it does not know is not packed.
  if (codec > CODEC_MAX) throw new CorruptBatchError(`unknown compression codec ${codec}`);
  return count <= 0
    ? packed
    : await lookupCodecByAttributes(attributes)?.decompress(packed) ?? packed;
}

/** @param found the checksum of its bytes when it is another one than its head says */
function unreadable(
  context: BatchContext,
  count: number,
  bytes: Buffer,
  reason: string,
  found: number | null,
): UnreadableMessage {
  const { lastOffsetDelta } = context;
  const firstOffset = BigInt(context.firstOffset);
  const lastOffset = firstOffset + BigInt(Math.max(0, lastOffsetDelta));
  return new UnreadableMessage(
    { firstOffset, lastOffset, reason, bytes, damage: found },
    { firstOffset, lastOffsetDelta, count },
    // The head of a damaged batch must not count it among the records of an aborted transaction.
    found === null ? context : { ...context, inTransaction: false },
  );
}

/** A batch that says it is shorter than its own head: nobody can say where the next one begins, so the fetch ends here. */
function lengthless(fetch: Decoder, from: number, firstOffset: string, length: number) {
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
    `the record batch at offset ${firstOffset} is damaged: it says that it has ${length} bytes`;
  return { ...context, records: [unreadable(context, -1, bytes, reason, crc32c(bytes))] };
}

/** kafkajs's own, as it was before the patch: what ours is compared with. */
export const decodeBatchAsKafkajs = replaceExports<typeof decodeBatch>({
  patch: "decode_batches.ts",
  module: "protocol/recordBatch/v0/decoder.js",
  users: ["protocol/requests/fetch/v4/decodeMessages.js"],
}, () => decodeBatch);
