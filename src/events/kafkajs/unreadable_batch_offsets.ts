/**
 * Gives an unreadable record batch an offset after which reading can continue.
 *
 * Upstream, in kafkajs 2.2.4: src/consumer/batch.js uses every message's offset as it is, and reading continues after it. The
 * offset of a damaged batch may be anything. It is corrected here, and not where a batch is decoded (`decode_batches.ts`), because
 * the requested offset and the following messages are known here.
 */
import type { FetchedMessage } from "./fetched_message.ts";
import { replaceExports } from "./patch.ts";
import { settle } from "./unreadable_message.ts";

/** What kafkajs's consumer knows about a fetched partition. */
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
