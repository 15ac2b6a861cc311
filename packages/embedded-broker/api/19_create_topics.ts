/**
 * CreateTopics (key 19): creates topics, each independently. Durable when answered.
 *
 * Behaviour
 * - -1 partitions selects the broker's default. It is accepted in every version, because clients send it below version 4,
 *   too. -1 or 1 replicas are accepted, more are INVALID_REPLICATION_FACTOR: there is one broker.
 * - `validate_only` (from version 1) only checks.
 * - Configurations: see `log/topic_configs.ts`; those that the broker can't honour are INVALID_CONFIG.
 *
 * Versions 0 to 4. Left out: manual assignments (INVALID_REPLICA_ASSIGNMENT), the created configurations in the answer (version 5).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { checkedConfigs } from "../log/topic_configs.ts";
import { allFailed, type ApiOf, eachByItself } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
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

/** The requested number of partitions. @throws KafkaError */
function partitionsOf(topic: WantedTopic, byDefault: number): number {
  if (topic.assignments.length > 0) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      "there is one broker: say how many partitions instead of where they are",
    );
  }
  if (topic.replicas !== -1 && topic.replicas !== 1) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `replication factor ${topic.replicas}; there is one broker`,
    );
  }
  return topic.partitions === -1 ? byDefault : topic.partitions;
}

/** The CreateTopics API. */
export function createTopics(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const create = async (topic: WantedTopic, validateOnly: boolean) => {
    const partitions = partitionsOf(topic, broker.defaultPartitions);
    const configs = checkedConfigs(topic.configs);
    if (validateOnly) broker.topics.checkCreation(topic.name, partitions);
    else await broker.topics.create(topic.name, partitions, configs);
  };
  return {
    key: ApiKey.CreateTopics,
    minVersion: 0,
    maxVersion: 4,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics, validateOnly }) => ({
      topics: await eachByItself(topics, (topic) => create(topic, validateOnly)),
    }),
    fail: ({ topics }, code, message) => ({ topics: allFailed(topics, code, message) }),
  };
}
