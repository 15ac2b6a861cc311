/**
 * OffsetFetch (key 9): the offsets that a group has committed.
 *
 * Behaviour: a partition without one has offset -1 and no error; a null list of topics (version 2 on) means all that the group
 * has. An unknown group has none.
 *
 * Versions 0 to 4; version 0 meant ZooKeeper, here it means the same as 1. Left out: `require_stable` (version 7; no transactions).
 */
import type { CommittedOffset } from "../groups/offset_store.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

interface Request {
  readonly groupId: string;
  /** Null for all. */
  readonly topics:
    | readonly { readonly name: string; readonly partitions: readonly number[] }[]
    | null;
}

interface PartitionResult {
  readonly number: number;
  readonly offset: number;
  readonly metadata: string | null;
  readonly errorCode: ErrorCode;
}

interface Response {
  readonly errorCode: ErrorCode;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionResult[];
  }[];
}

const result = (number: number, found: CommittedOffset | undefined): PartitionResult => ({
  number,
  offset: found?.offset ?? -1,
  metadata: found?.metadata ?? "",
  errorCode: ErrorCode.NONE,
});

/** The OffsetFetch API. */
export function offsetFetch(broker: Broker): Api<Request, Response> {
  const all = (groupId: string): Response["topics"] => {
    const byTopic = Map.groupBy(broker.groups.offsets.all(groupId), ({ topic }) => topic);
    return [...byTopic].map(([name, offsets]) => ({
      name,
      partitions: offsets.map((found) => result(found.partition, found)),
    }));
  };

  return {
    key: ApiKey.OffsetFetch,
    name: "OffsetFetch",
    minVersion: 0,
    maxVersion: 4,

    decode: (reader) => ({
      groupId: reader.string(),
      topics: reader.nullableArray(() => ({
        name: reader.string(),
        partitions: reader.array(() => reader.int32()),
      })),
    }),

    answer: ({ groupId, topics }) => ({
      errorCode: ErrorCode.NONE,
      topics: topics === null ? all(groupId) : topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((number) =>
          result(number, broker.groups.offsets.find(groupId, name, number))
        ),
      })),
    }),

    encode(writer, { errorCode, topics }, version) {
      if (version >= 3) writer.int32(0); // throttle time
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, (partition) => {
          writer.int32(partition.number);
          writer.int64(partition.offset);
          writer.string(partition.metadata);
          writer.int16(partition.errorCode);
        });
      });
      if (version >= 2) writer.int16(errorCode);
    },

    fail: ({ topics }, errorCode) => ({
      errorCode,
      topics: (topics ?? []).map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((number) => ({ ...result(number, undefined), errorCode })),
      })),
    }),
  };
}
