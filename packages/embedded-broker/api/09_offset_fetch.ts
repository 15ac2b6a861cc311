/**
 * OffsetFetch (key 9): the offsets that a group has committed.
 *
 * Behaviour: a partition without a committed offset has offset -1 and no error; a null list of topics (from version 2) means
 * all offsets of the group. An unknown group has none.
 *
 * Versions 0 to 4; version 0 used ZooKeeper, here it means the same as 1. Left out: `require_stable` (version 7; no transactions).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { CommittedOffset } from "../groups/offset_store.ts";
import type { Api } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  groupId: wire.string,
  /** Null means all. */
  topics: wire.nullableArray(
    wire.struct({ name: wire.string, partitions: wire.array(wire.int32) }),
  ),
});
const PARTITION = wire.struct({
  number: wire.int32,
  offset: wire.int64,
  metadata: wire.nullableString,
  errorCode: wire.errorCode,
});
const RESPONSE = wire.struct({
  _throttle: wire.since(3, wire.THROTTLE),
  topics: wire.topicsOf(PARTITION),
  errorCode: wire.since(2, wire.errorCode, ErrorCode.NONE),
});
type Response = wire.ValueOf<typeof RESPONSE>;

const result = (
  number: number,
  found: CommittedOffset | undefined,
  errorCode: ErrorCode = ErrorCode.NONE,
): wire.ValueOf<typeof PARTITION> => ({
  number,
  offset: found?.offset ?? -1,
  metadata: found?.metadata ?? "",
  errorCode,
});

/** The OffsetFetch API. */
export function offsetFetch(broker: Broker): Api<wire.ValueOf<typeof REQUEST>, Response> {
  const { offsets } = broker.groups;
  const all = (groupId: string): Response["topics"] =>
    [...Map.groupBy(offsets.all(groupId), ({ topic }) => topic)].map(([name, found]) => ({
      name,
      partitions: found.map((each) => result(each.partition, each)),
    }));
  return {
    key: ApiKey.OffsetFetch,
    minVersion: 0,
    maxVersion: 4,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ groupId, topics }) => ({
      errorCode: ErrorCode.NONE,
      topics: topics === null ? all(groupId) : wire.mapPartitions(
        topics,
        (number, name) => result(number, offsets.find(groupId, name, number)),
      ),
    }),
    fail: ({ topics }, errorCode) => ({
      errorCode,
      topics: wire.mapPartitions(topics ?? [], (number) => result(number, undefined, errorCode)),
    }),
  };
}
