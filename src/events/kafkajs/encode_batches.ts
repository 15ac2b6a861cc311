/**
 * Writes uncompressed record batches in one pass, with our own encoder. kafkajs's encoder writes compressed ones.
 *
 * Upstream, in kafkajs 2.2.4: src/protocol/recordBatch/record/v0/index.js allocates a buffer for every record and every header, and
 * src/protocol/recordBatch/v0/index.js copies them together (tulios/kafkajs issue 383 reports the same problem before 2.0).
 */
import type { Buffer } from "node:buffer";
import { type BatchRecord, encodeRecordBatch, type NewBatchHead } from "@gmn/kafka-formats";
import { replaceExports } from "./patch.ts";
import { type Encoder, EncoderClass } from "./request_buffer.ts";

/** The lowest three bits of a batch's attributes name the compression; 0 is none. */
const COMPRESSION_MASK = 0x07;
const TRANSACTIONAL_BIT = 0x10;

/** What kafkajs passes to its batch encoder (src/protocol/recordBatch/v0/index.js). */
export interface KafkajsBatch extends Partial<Omit<NewBatchHead, "attributes" | "producerId">> {
  readonly compression?: number;
  readonly transactional?: boolean;
  readonly producerId?: { toString(): string };
  readonly records?: readonly BatchRecord[];
}

type EncodeRecord = (record: BatchRecord) => Encoder;
interface BatchModule {
  RecordBatch(batch: Omit<KafkajsBatch, "records"> & { records: readonly Encoder[] }): Promise<
    Encoder
  >;
}

const users = ["protocol/requests/produce/v3/request.js"];

// Passes records through unencoded; the batch encoder below writes them.
const encodeRecord = replaceExports<EncodeRecord>(
  { patch: "encode_batches.ts", module: "protocol/recordBatch/record/v0/index.js", users },
  () => (record) => record as unknown as Encoder,
);

const { RecordBatch: encodeBatch } = replaceExports<BatchModule>(
  { patch: "encode_batches.ts", module: "protocol/recordBatch/v0/index.js", users },
  (original) => ({ ...original, RecordBatch: encode as unknown as BatchModule["RecordBatch"] }),
);

/** kafkajs's own encoder, for compressed batches and for the test that compares the two. */
const encodeAsKafkajs = (batch: KafkajsBatch) =>
  encodeBatch({ ...batch, records: (batch.records ?? []).map(encodeRecord) });

async function encode(batch: KafkajsBatch): Promise<Encoder> {
  const compression = (batch.compression ?? 0) & COMPRESSION_MASK;
  if (compression !== 0) return await encodeAsKafkajs(batch);
  const now = Date.now();
  const bytes = encodeRecordBatch(
    {
      attributes: batch.transactional ? TRANSACTIONAL_BIT : 0,
      lastOffsetDelta: batch.lastOffsetDelta ?? 0,
      firstTimestamp: batch.firstTimestamp ?? now,
      maxTimestamp: batch.maxTimestamp ?? now,
      producerId: BigInt(batch.producerId?.toString() ?? "-1"),
      producerEpoch: batch.producerEpoch ?? 0,
      firstSequence: batch.firstSequence ?? 0,
    },
    batch.records ?? [],
  );
  const encoder = new EncoderClass(1);
  encoder.buf = bytes;
  encoder.offset = bytes.length;
  return encoder;
}

/** Encodes a batch with kafkajs's unpatched encoder, for tests to compare with ours. */
export async function encodeBatchAsKafkajs(batch: KafkajsBatch): Promise<Buffer> {
  const encoder = await encodeAsKafkajs(batch);
  return encoder.buffer;
}
