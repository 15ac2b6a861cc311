/**
 * ListOffsets (key 2): the start offset, the end offset, or the first record at or after a time.
 *
 * Behaviour: timestamp -2 means the start offset, -1 the end (the high watermark), any other the first record with at least
 * that timestamp; offset -1 when there is none.
 *
 * Versions 0 to 3 are advertised, 1 to 3 served: librdkafka up to 2.11 checks for 1. No client sends version 0 (several
 * offsets per partition, older than timestamps) to a broker with later versions.
 *
 * Left out: the special timestamps of later versions (-3 and below), isolation levels (no transactions).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const LATEST = -1;
const EARLIEST = -2;

const REQUEST = wire.struct({
  _replica: wire.fixed(wire.int32, -1),
  _isolationLevel: wire.since(2, wire.fixed(wire.int8, 0)),
  topics: wire.topicsOf(wire.struct({ number: wire.int32, timestamp_ms: wire.int64 })),
});
const PARTITION = wire.struct({
  number: wire.int32,
  errorCode: wire.errorCode,
  timestamp_ms: wire.int64,
  offset: wire.int64,
});
const RESPONSE = wire.struct({
  _throttle: wire.since(2, wire.THROTTLE),
  topics: wire.topicsOf(PARTITION),
});
type PartitionResult = wire.ValueOf<typeof PARTITION>;

const NOTHING = { timestamp_ms: -1, offset: -1 };

/** The ListOffsets API. */
export function listOffsets(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const find = (topic: string, number: number, timestamp_ms: number): PartitionResult => {
    const none = { number, errorCode: ErrorCode.NONE, ...NOTHING };
    try {
      const partition = broker.topics.partition(topic, number);
      if (timestamp_ms === LATEST) return { ...none, offset: partition.highWatermark };
      if (timestamp_ms === EARLIEST) return { ...none, offset: partition.startOffset };
      if (timestamp_ms < 0) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION);
      return { ...none, ...partition.offsetForTimestamp(timestamp_ms) };
    } catch (error) {
      if (error instanceof KafkaError) return { ...none, errorCode: error.code };
      throw error;
    }
  };
  return {
    key: ApiKey.ListOffsets,
    minVersion: 0,
    maxVersion: 3,
    firstServedVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ topics }) => ({
      topics: wire.mapPartitions(
        topics,
        ({ number, timestamp_ms }, name) => find(name, number, timestamp_ms),
      ),
    }),
    fail: ({ topics }, errorCode) => ({
      topics: wire.mapPartitions(topics, ({ number }) => ({ number, errorCode, ...NOTHING })),
    }),
  };
}
