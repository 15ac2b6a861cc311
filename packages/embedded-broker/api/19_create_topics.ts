/**
 * CreateTopics (key 19): creates topics, each by itself. Durable when answered.
 *
 * Behaviour
 * - -1 partitions (or an assignment list) is accepted in every version, as clients send it below version 4 too; the
 *   broker's default is taken. -1 or 1 replicas are fine, more are INVALID_REPLICATION_FACTOR: there is one broker.
 * - A manual assignment must give every partition to node 0.
 * - `validate_only` (version 1 on) checks and creates nothing.
 * - Configurations: see `log/topic_configs.ts`; what would have to be faked is INVALID_CONFIG.
 *
 * Versions 0 to 4. Left out: the created configurations in the answer (version 5).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { checkedConfigs } from "../log/topic_configs.ts";
import { type ApiOf, outcomeOf } from "../protocol/api.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const WANTED = wire.struct({
  name: wire.string,
  partitions: wire.int32,
  replicas: wire.int16,
  assignments: wire.array(wire.struct({ number: wire.int32, nodes: wire.array(wire.int32) })),
  configs: wire.array(wire.struct({ name: wire.string, value: wire.nullableString })),
});
const REQUEST = wire.struct({
  topics: wire.array(WANTED),
  _timeout_ms: wire.fixed(wire.int32, 0),
  validateOnly: wire.since(1, wire.boolean, false),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(2, wire.THROTTLE),
  topics: wire.array(
    wire.struct({
      name: wire.string,
      errorCode: wire.errorCode,
      message: wire.since(1, wire.nullableString, null),
    }),
  ),
});
type WantedTopic = wire.ValueOf<typeof WANTED>;

/** How many partitions are wanted. @throws KafkaError */
function partitionsOf(topic: WantedTopic, byDefault: number): number {
  const { assignments, partitions, replicas } = topic;
  if (assignments.length === 0) {
    if (replicas !== -1 && replicas !== 1) {
      throw new KafkaError(
        ErrorCode.INVALID_REPLICATION_FACTOR,
        `replication factor ${replicas}; there is one broker`,
      );
    }
    return partitions === -1 ? byDefault : partitions;
  }
  if (partitions !== -1 || replicas !== -1) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, "both a number and an assignment were given");
  }
  const numbers = new Set(assignments.map(({ number }) => number));
  const isWhole = assignments.every(({ number, nodes }) =>
    number >= 0 && number < assignments.length && nodes.length === 1 && nodes[0] === NODE_ID
  );
  if (!isWhole || numbers.size !== assignments.length) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `each partition from 0 on must be given to node ${NODE_ID}`,
    );
  }
  return assignments.length;
}

/** The CreateTopics API. */
export function createTopics(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const create = (topic: WantedTopic, validateOnly: boolean) =>
    outcomeOf(async () => {
      const partitions = partitionsOf(topic, broker.defaultPartitions);
      const configs = checkedConfigs(topic.configs);
      if (validateOnly) broker.topics.checkCreation(topic.name, partitions);
      else await broker.topics.create(topic.name, partitions, configs);
    });
  return {
    key: ApiKey.CreateTopics,
    minVersion: 0,
    maxVersion: 4,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics, validateOnly }) => ({
      topics: await Promise.all(
        topics.map(async (topic) => ({ name: topic.name, ...await create(topic, validateOnly) })),
      ),
    }),
    fail: ({ topics }, errorCode, message) => ({
      topics: topics.map(({ name }) => ({ name, errorCode, message })),
    }),
  };
}
