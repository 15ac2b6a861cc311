/**
 * OffsetCommit (key 8): keeps the offsets that a group has come to. Durable when answered.
 *
 * Behaviour
 * - Taken from members of the current generation, and from clients without membership (generation -1) while nobody is in
 *   the group. A member that was thrown out (paused, too slow) is refused: UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION.
 * - Offsets of topics that don't exist are refused, each by itself; metadata is up to 4096 bytes, as in Kafka.
 * - Kept for ever: `retention_time_ms` (versions 2 to 4) is read and has no effect.
 *
 * Versions 0 to 5 (static members' fencing here needs 7). Version 0 meant ZooKeeper; here it means the same as 1.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

/** Kafka's `offset.metadata.max.bytes`. */
const MAX_METADATA_LENGTH = 4096;

interface Request {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly number: number;
      readonly offset: number;
      readonly metadata: string | null;
    }[];
  }[];
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly number: number; readonly errorCode: ErrorCode }[];
  }[];
}

/** The OffsetCommit API. */
export function offsetCommit(broker: Broker): Api<Request, Response> {
  const check = (topic: string, number: number, metadata: string | null): ErrorCode => {
    if (broker.topics.find(topic)?.partitions[number] === undefined) {
      return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    if ((metadata?.length ?? 0) > MAX_METADATA_LENGTH) return ErrorCode.OFFSET_METADATA_TOO_LARGE;
    return ErrorCode.NONE;
  };

  return {
    key: ApiKey.OffsetCommit,
    name: "OffsetCommit",
    minVersion: 0,
    maxVersion: 5,

    decode(reader, version) {
      const groupId = reader.string();
      const generation = version >= 1 ? reader.int32() : -1;
      const memberId = version >= 1 ? reader.string() : "";
      if (version >= 2 && version <= 4) reader.int64(); // retention time
      const topics = reader.array(() => ({
        name: reader.string(),
        partitions: reader.array(() => {
          const number = reader.int32();
          const offset = reader.int64();
          if (version === 1) reader.int64(); // commit timestamp
          return { number, offset, metadata: reader.nullableString() };
        }),
      }));
      return { groupId, generation, memberId, topics };
    },

    answer({ groupId, generation, memberId, topics }) {
      broker.groups.checkCommit(groupId, memberId, generation);
      return broker.commits.write(() => {
        const now_ms = Date.now();
        return {
          topics: topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ number, offset, metadata }) => {
              const errorCode = check(name, number, metadata);
              if (errorCode === ErrorCode.NONE) {
                const committed = { topic: name, partition: number, offset, metadata };
                broker.groups.offsets.save(groupId, committed, now_ms);
              }
              return { number, errorCode };
            }),
          })),
        };
      });
    },

    encode(writer, { topics }, version) {
      if (version >= 3) writer.int32(0); // throttle time
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, ({ number, errorCode }) => {
          writer.int32(number);
          writer.int16(errorCode);
        });
      });
    },

    fail: ({ topics }, errorCode) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number }) => ({ number, errorCode })),
      })),
    }),
  };
}
