/**
 * CreatePartitions (key 37): raises the number of partitions of topics. Durable when answered. Records stay where they are.
 *
 * Versions 0 and 1. Manual assignments must give every new partition to node 0.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  readonly topics: readonly {
    readonly name: string;
    readonly total: number;
    readonly assignments: readonly (readonly number[])[] | null;
  }[];
  readonly validateOnly: boolean;
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly errorCode: ErrorCode;
    readonly message: string | null;
  }[];
}

/** The CreatePartitions API. */
export function createPartitions(broker: Broker): Api<Request, Response> {
  const raise = async (
    { name, total, assignments }: Request["topics"][number],
    validateOnly: boolean,
  ) => {
    try {
      const more = total - broker.topics.get(name).partitions.length;
      if (more <= 0) {
        throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `${name} has ${total - more} already`);
      }
      const isMine = (nodes: readonly number[]) => nodes.length === 1 && nodes[0] === NODE_ID;
      if (assignments !== null && !(assignments.length === more && assignments.every(isMine))) {
        throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
      }
      if (!validateOnly) await broker.topics.addPartitions(name, total);
      return { name, errorCode: ErrorCode.NONE, message: null };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { name, errorCode: error.code, message: error.message };
    }
  };

  return {
    key: ApiKey.CreatePartitions,
    name: "CreatePartitions",
    minVersion: 0,
    maxVersion: 1,

    decode(reader) {
      const topics = reader.array(() => ({
        name: reader.string(),
        total: reader.int32(),
        assignments: reader.nullableArray(() => reader.array(() => reader.int32())),
      }));
      reader.int32(); // timeout
      return { topics, validateOnly: reader.boolean() };
    },

    answer: async ({ topics, validateOnly }) => ({
      topics: await Promise.all(topics.map((topic) => raise(topic, validateOnly))),
    }),

    encode(writer, { topics }) {
      writer.int32(0); // throttle time
      writer.array(topics, ({ name, errorCode, message }) => {
        writer.string(name);
        writer.int16(errorCode);
        writer.string(message);
      });
    },

    fail: ({ topics }, errorCode, message) => ({
      topics: topics.map(({ name }) => ({ name, errorCode, message })),
    }),
  };
}
