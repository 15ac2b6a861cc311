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
import { checkedConfigs } from "../log/topic_configs.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface WantedTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly assignments: readonly { readonly number: number; readonly nodes: readonly number[] }[];
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

interface Request {
  readonly topics: readonly WantedTopic[];
  readonly validateOnly: boolean;
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly errorCode: ErrorCode;
    readonly message: string | null;
  }[];
}

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
export function createTopics(broker: Broker): Api<Request, Response> {
  const create = async (topic: WantedTopic, validateOnly: boolean) => {
    const { name } = topic;
    try {
      const partitions = partitionsOf(topic, broker.defaultPartitions);
      const configs = checkedConfigs(topic.configs);
      if (validateOnly) broker.topics.checkCreation(name, partitions);
      else await broker.topics.create(name, partitions, configs);
      return { name, errorCode: ErrorCode.NONE, message: null };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { name, errorCode: error.code, message: error.message };
    }
  };

  return {
    key: ApiKey.CreateTopics,
    name: "CreateTopics",
    minVersion: 0,
    maxVersion: 4,

    decode(reader, version) {
      const topics = reader.array(() => ({
        name: reader.string(),
        partitions: reader.int32(),
        replicas: reader.int16(),
        assignments: reader.array(() => ({
          number: reader.int32(),
          nodes: reader.array(() => reader.int32()),
        })),
        configs: reader.array(() => ({ name: reader.string(), value: reader.nullableString() })),
      }));
      reader.int32(); // timeout
      return { topics, validateOnly: version >= 1 && reader.boolean() };
    },

    answer: async ({ topics, validateOnly }) => ({
      topics: await Promise.all(topics.map((topic) => create(topic, validateOnly))),
    }),

    encode(writer, { topics }, version) {
      if (version >= 2) writer.int32(0); // throttle time
      writer.array(topics, ({ name, errorCode, message }) => {
        writer.string(name);
        writer.int16(errorCode);
        if (version >= 1) writer.string(message);
      });
    },

    fail: ({ topics }, errorCode, message) => ({
      topics: topics.map(({ name }) => ({ name, errorCode, message })),
    }),
  };
}
