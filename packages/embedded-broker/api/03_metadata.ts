/**
 * Metadata (key 3): the broker, its topics and their partitions.
 *
 * Behaviour
 * - One broker, node 0, controller and leader of everything, at the address it listens on.
 * - A topic that doesn't exist is UNKNOWN_TOPIC_OR_PARTITION, unless the broker was started with automatic creation and
 *   the client allows it (versions below 4 always do).
 * - The offsets topic (`__consumer_offsets`) does not exist here and is never listed.
 *
 * Versions 0 to 6: below 7 there are no leader epochs, so clients skip OffsetForLeaderEpoch, which is not served.
 * Left out: authorised operations, topic ids.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { Topic } from "../log/topics.ts";
import type { ApiOf } from "../protocol/api.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const REQUEST = wire.struct({
  /** Null means all. */
  topics: wire.nullableArray(wire.string),
  allowsCreation: wire.since(4, wire.boolean, true),
});
const THIS_NODE = wire.fixed(wire.array(wire.int32), [NODE_ID]);
const TOPIC = wire.struct({
  errorCode: wire.errorCode,
  name: wire.string,
  _isInternal: wire.since(1, wire.fixed(wire.boolean, false)),
  partitions: wire.array(wire.struct({
    errorCode: wire.errorCode,
    number: wire.int32,
    _leader: wire.fixed(wire.int32, NODE_ID),
    _replicas: THIS_NODE,
    _inSyncReplicas: THIS_NODE,
    _offlineReplicas: wire.since(5, wire.fixed(wire.array(wire.int32), [])),
  })),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(3, wire.THROTTLE),
  brokers: wire.array(wire.struct({
    _id: wire.fixed(wire.int32, NODE_ID),
    host: wire.string,
    port: wire.int32,
    _rack: wire.since(1, wire.fixed(wire.nullableString, null)),
  })),
  clusterId: wire.since(2, wire.string, ""),
  _controller: wire.since(1, wire.fixed(wire.int32, NODE_ID)),
  topics: wire.array(TOPIC),
});
type TopicResult = wire.ValueOf<typeof TOPIC>;

const listed = ({ name, partitions }: Topic): TopicResult => ({
  name,
  errorCode: ErrorCode.NONE,
  partitions: partitions.map(({ number }) => ({ errorCode: ErrorCode.NONE, number })),
});

/** The Metadata API. */
export function metadata(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const look = async (name: string, allowsCreation: boolean): Promise<TopicResult> => {
    try {
      const found = broker.topics.find(name);
      if (found !== undefined) return listed(found);
      if (!broker.autoCreateTopics || !allowsCreation) {
        throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      }
      return listed(await broker.topics.create(name, broker.defaultPartitions, new Map()));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      // Another client created the topic in the meantime.
      const found = broker.topics.find(name);
      if (found !== undefined) return listed(found);
      return { name, errorCode: error.code, partitions: [] };
    }
  };

  const respond = (topics: readonly TopicResult[]) => ({
    brokers: [{ host: broker.host, port: broker.port }],
    clusterId: broker.clusterId,
    topics,
  });
  return {
    key: ApiKey.Metadata,
    minVersion: 0,
    maxVersion: 6,
    request: REQUEST,
    response: RESPONSE,

    async answer({ topics, allowsCreation }, { version }) {
      // Version 0 has no null: an empty list means all.
      const isAll = topics === null || (version === 0 && topics.length === 0);
      return respond(
        isAll
          ? broker.topics.list().map(listed)
          : await Promise.all(topics.map((name) => look(name, allowsCreation))),
      );
    },
    fail({ topics }, errorCode) {
      const names = topics ?? broker.topics.list().map(({ name }) => name);
      return respond(names.map((name) => ({ name, errorCode, partitions: [] })));
    },
  };
}
