/**
 * CreatePartitions (key 37): raises the number of partitions of topics. Durable when answered. Records stay where they are.
 *
 * Versions 0 and 1. Manual assignments must give every new partition to node 0.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { type ApiOf, outcomeOf } from "../protocol/api.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
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
  const raise = (
    { name, total, assignments }: wire.ValueOf<typeof WANTED>,
    validateOnly: boolean,
  ) =>
    outcomeOf(async () => {
      const more = total - broker.topics.get(name).partitions.length;
      if (more <= 0) {
        throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `${name} has ${total - more} already`);
      }
      const isMine = (nodes: readonly number[]) => nodes.length === 1 && nodes[0] === NODE_ID;
      if (assignments !== null && !(assignments.length === more && assignments.every(isMine))) {
        throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
      }
      if (!validateOnly) await broker.topics.addPartitions(name, total);
    });
  return {
    key: ApiKey.CreatePartitions,
    minVersion: 0,
    maxVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics, validateOnly }) => ({
      topics: await Promise.all(
        topics.map(async (topic) => ({ name: topic.name, ...await raise(topic, validateOnly) })),
      ),
    }),
    fail: ({ topics }, errorCode, message) => ({
      topics: topics.map(({ name }) => ({ name, errorCode, message })),
    }),
  };
}
