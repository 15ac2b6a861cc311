/**
 * Mends of kafkajs 2.2.4 (its last release, 2023) without a fork. This module must be evaluated before kafkajs is, so it is the
 * first import of `kafka_client.ts`, and nothing else imports kafkajs values.
 *
 * What it does when there is nothing to do is mended in `kafkajs_idle_mend.ts`, how it reads records in `kafkajs_decode_mend.ts`,
 * how it puts a request together in `kafkajs_encoder_mend.ts`.
 * Here: for each message of a request it copies the list of all before it, and its record encoder makes a buffer for every
 * record and every header. Uncompressed batches are written by `@gmn/kafka-formats` instead; compressed ones go the old way.
 */
import "./kafkajs_decode_mend.ts";
import "./kafkajs_idle_mend.ts";
import { type Encoder, EncoderClass } from "./kafkajs_encoder_mend.ts";
import { createRequire } from "node:module";
import type { Buffer } from "node:buffer";
import { type BatchRecord, encodeRecordBatch, type NewBatchHead } from "@gmn/kafka-formats";

const require = createRequire(import.meta.url);

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

/** What a request's messages are grouped by. */
interface Grouping<Metadata, Message> {
  readonly topic: string;
  readonly partitionMetadata: readonly Metadata[];
  readonly messages: readonly Message[];
  readonly partitioner: (
    of: { topic: string; partitionMetadata: readonly Metadata[]; message: Message },
  ) => number;
}

/** kafkajs's own takes a time that grows with the square of the messages. */
function mendGrouping(): void {
  const path = require.resolve("kafkajs/src/producer/groupMessagesPerPartition.js");
  require(path);
  require.cache[path]!.exports = <Metadata, Message>(
    { topic, partitionMetadata, messages, partitioner }: Grouping<Metadata, Message>,
  ) => {
    const groups: Record<number, Message[]> = {};
    if (partitionMetadata.length === 0) return groups;
    for (const message of messages) {
      (groups[partitioner({ topic, partitionMetadata, message })] ??= []).push(message);
    }
    return groups;
  };
}

type EncodeRecord = (record: BatchRecord) => Encoder;
type EncodeBatch = (
  batch: Omit<KafkajsBatch, "records"> & { records: readonly Encoder[] },
) => Promise<Encoder>;

function mendRecordEncoder(): (batch: KafkajsBatch) => Promise<Buffer> {
  const recordPath = require.resolve("kafkajs/src/protocol/recordBatch/record/v0/index.js");
  const encodeRecord = require(recordPath) as EncodeRecord;
  const batchModule = require("kafkajs/src/protocol/recordBatch/v0/index.js") as {
    RecordBatch: EncodeBatch;
  };
  const encodeBatch = batchModule.RecordBatch;

  /** kafkajs's own way, for compressed batches, and for the test that compares. */
  const original = (batch: KafkajsBatch) =>
    encodeBatch({ ...batch, records: (batch.records ?? []).map(encodeRecord) });

  // Records are left as they are; the batch encoder below writes them.
  require.cache[recordPath]!.exports = (record: BatchRecord) => record;
  const mended = async (batch: KafkajsBatch): Promise<Encoder> => {
    const compression = (batch.compression ?? 0) & COMPRESSION_MASK;
    if (compression !== 0) return await original(batch);
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
  };
  batchModule.RecordBatch = mended as unknown as EncodeBatch;
  return async (batch) => {
    const encoder = await original(batch);
    return encoder.buffer;
  };
}

mendGrouping();

/** kafkajs's own encoding of an uncompressed or compressed batch, as it was before the mend: what ours is compared with. */
export const encodeBatchAsKafkajs = mendRecordEncoder();
