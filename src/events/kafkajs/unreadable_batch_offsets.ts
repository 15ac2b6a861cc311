/**
 * Gives an unreadable record batch an offset from which reading goes on.
 *
 * Upstream, in kafkajs 2.2.4: src/consumer/batch.js takes every message's offset as it is, and reading goes on behind it. The offset of
 * a damaged batch may be anything. Here, and not where a batch is decoded (`decode_batches.ts`), it is known what was asked for and
 * what comes behind.
 */
import type { FetchedMessage } from "./fetched_message.ts";
import { replaceExports } from "./patch.ts";
import { settle } from "./unreadable_message.ts";

/** What kafkajs's consumer knows of a fetched partition. */
interface PartitionData {
  readonly highWatermark: string;
  readonly messages: readonly FetchedMessage[];
}

type BatchClass = new (topic: string, fetchedOffset: string, data: PartitionData) => object;

replaceExports<BatchClass>(
  {
    patch: "unreadable_batch_offsets.ts",
    module: "consumer/batch.js",
    users: ["consumer/consumerGroup.js"],
  },
  (Batch) =>
    class extends Batch {
      constructor(topic: string, fetchedOffset: string, data: PartitionData) {
        const { messages, highWatermark } = data;
        super(topic, fetchedOffset, {
          ...data,
          messages: settle(messages, BigInt(fetchedOffset), BigInt(highWatermark)),
        });
      }
    },
);
