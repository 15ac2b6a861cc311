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
import type { Topic } from "../log/topics.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  /** Null for all. */
  readonly topics: readonly string[] | null;
  readonly allowsCreation: boolean;
}

interface TopicResult {
  readonly name: string;
  readonly errorCode: ErrorCode;
  readonly partitions: number;
}

interface Response {
  readonly topics: readonly TopicResult[];
}

const listed = ({ name, partitions }: Topic): TopicResult => ({
  name,
  errorCode: ErrorCode.NONE,
  partitions: partitions.length,
});

/** The Metadata API. */
export function metadata(broker: Broker): Api<Request, Response> {
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
      // Another client created it in the meantime.
      const found = broker.topics.find(name);
      if (found !== undefined) return listed(found);
      return { name, errorCode: error.code, partitions: 0 };
    }
  };

  return {
    key: ApiKey.Metadata,
    name: "Metadata",
    minVersion: 0,
    maxVersion: 6,

    decode(reader, version) {
      const topics = reader.nullableArray(() => reader.string());
      return {
        // Version 0 has no null: there an empty list means all.
        topics: version === 0 && topics?.length === 0 ? null : topics,
        allowsCreation: version < 4 || reader.boolean(),
      };
    },

    answer: async ({ topics, allowsCreation }) => ({
      topics: topics === null
        ? broker.topics.list().map(listed)
        : await Promise.all(topics.map((name) => look(name, allowsCreation))),
    }),

    encode(writer, { topics }, version) {
      const nodes = () => writer.array([NODE_ID], (node) => writer.int32(node));
      if (version >= 3) writer.int32(0); // throttle time
      writer.array([NODE_ID], (node) => {
        writer.int32(node);
        writer.string(broker.host);
        writer.int32(broker.port);
        if (version >= 1) writer.string(null); // rack
      });
      if (version >= 2) writer.string(broker.clusterId);
      if (version >= 1) writer.int32(NODE_ID); // controller
      writer.array(topics, (topic) => {
        writer.int16(topic.errorCode);
        writer.string(topic.name);
        if (version >= 1) writer.boolean(false); // internal
        writer.array(Array.from({ length: topic.partitions }, (_, number) => number), (number) => {
          writer.int16(ErrorCode.NONE);
          writer.int32(number);
          writer.int32(NODE_ID); // leader
          nodes(); // replicas
          nodes(); // in-sync replicas
          if (version >= 5) writer.array([], () => {}); // offline replicas
        });
      });
    },

    fail: ({ topics }, errorCode) => ({
      topics: (topics ?? broker.topics.list().map(({ name }) => name)).map((name) => ({
        name,
        errorCode,
        partitions: 0,
      })),
    }),
  };
}
