/**
 * CreatePartitions (key 37): raises the number of partitions of topics. Durable when answered. Records stay where they are.
 *
 * Versions 0 and 1. Left out: manual assignments (INVALID_REPLICA_ASSIGNMENT).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { allFailed, type ApiOf, eachByItself } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const WANTED = wire.struct({
  name: wire.string,
  total: wire.int32,
  assignments: wire.nullableArray(wire.array(wire.int32)),
});
const REQUEST = wire.struct({
  topics: wire.array(WANTED),
  _timeout_ms: wire.fixed(wire.int32, 0),
  validateOnly: wire.boolean,
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  topics: wire.array(
    wire.struct({ name: wire.string, errorCode: wire.errorCode, message: wire.nullableString }),
  ),
});

/** The CreatePartitions API. */
export function createPartitions(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const raise = async (topic: wire.ValueOf<typeof WANTED>, validateOnly: boolean) => {
    const { name, total, assignments } = topic;
    const more = total - broker.topics.get(name).partitions.length;
    if (more <= 0) {
      throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `${name} has ${total - more} already`);
    }
    if (assignments !== null) throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    if (!validateOnly) await broker.topics.addPartitions(name, total);
  };
  return {
    key: ApiKey.CreatePartitions,
    minVersion: 0,
    maxVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics, validateOnly }) => ({
      topics: await eachByItself(topics, (topic) => raise(topic, validateOnly)),
    }),
    fail: ({ topics }, code, message) => ({ topics: allFailed(topics, code, message) }),
  };
}
