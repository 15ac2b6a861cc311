/**
 * DeleteRecords (key 21): makes the records of a partition below an offset unreadable (-1: all records). Durable when
 * answered; their disk space is freed later, in the background, batch by batch.
 *
 * Versions 0 and 1.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const REQUEST = wire.struct({
  topics: wire.topicsOf(wire.struct({ number: wire.int32, offset: wire.int64 })),
  _timeout_ms: wire.fixed(wire.int32, 0),
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  topics: wire.topicsOf(
    wire.struct({ number: wire.int32, startOffset: wire.int64, errorCode: wire.errorCode }),
  ),
});

/** The DeleteRecords API. */
export function deleteRecords(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const remove = async (topic: string, number: number, offset: number) => {
    try {
      const partition = broker.topics.partition(topic, number);
      const startOffset = await broker.topics.deleteRecords(partition, offset);
      broker.sweeper.trim(partition.id, startOffset);
      return { number, startOffset, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { number, startOffset: -1, errorCode: error.code };
    }
  };
  return {
    key: ApiKey.DeleteRecords,
    minVersion: 0,
    maxVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics }) => ({
      topics: await wire.mapPartitionsAsync(
        topics,
        ({ number, offset }, name) => remove(name, number, offset),
      ),
    }),
    fail: ({ topics }, errorCode) => ({
      topics: wire.mapPartitions(topics, ({ number }) => ({ number, startOffset: -1, errorCode })),
    }),
  };
}
