/**
 * OffsetCommit (key 8): stores the offsets that a group has reached. Durable when answered.
 *
 * Behaviour
 * - Accepted from members of the current generation, and from clients without membership (generation -1) while the group has
 *   no members. A member that was removed (paused, too slow) gets UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION.
 * - Offsets of unknown topics are refused individually; metadata may have up to 4096 bytes, as in Kafka.
 * - Offsets are kept forever: `retention_time_ms` (versions 2 to 4) is ignored.
 *
 * Versions 0 to 5. Version 0 used ZooKeeper; here it means the same as 1.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

/** Kafka's `offset.metadata.max.bytes`. */
const MAX_METADATA_LENGTH = 4096;

const REQUEST = wire.struct({
  groupId: wire.string,
  generation: wire.since(1, wire.int32, -1),
  memberId: wire.since(1, wire.string, ""),
  _retention_ms: wire.within(2, 4, wire.fixed(wire.int64, -1), undefined),
  topics: wire.topicsOf(wire.struct({
    number: wire.int32,
    offset: wire.int64,
    _timestamp: wire.within(1, 1, wire.fixed(wire.int64, -1), undefined),
    metadata: wire.nullableString,
  })),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(3, wire.THROTTLE),
  topics: wire.topicsOf(wire.struct({ number: wire.int32, errorCode: wire.errorCode })),
});

/** The OffsetCommit API. */
export function offsetCommit(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const check = (topic: string, number: number, metadata: string | null): ErrorCode => {
    if (broker.topics.find(topic)?.partitions[number] === undefined) {
      return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    if ((metadata?.length ?? 0) > MAX_METADATA_LENGTH) return ErrorCode.OFFSET_METADATA_TOO_LARGE;
    return ErrorCode.NONE;
  };
  return {
    key: ApiKey.OffsetCommit,
    minVersion: 0,
    maxVersion: 5,
    request: REQUEST,
    response: RESPONSE,

    answer({ groupId, memberId, generation, topics }) {
      broker.groups.checkCommit(groupId, memberId, generation);
      return broker.commits.write(() => {
        const now_ms = Date.now();
        return {
          topics: wire.mapPartitions(topics, ({ number, offset, metadata }, topic) => {
            const errorCode = check(topic, number, metadata);
            if (errorCode === ErrorCode.NONE) {
              const committed = { topic, partition: number, offset, metadata };
              broker.groups.offsets.save(groupId, committed, now_ms);
            }
            return { number, errorCode };
          }),
        };
      });
    },
    fail: ({ topics }, errorCode) => ({
      topics: wire.mapPartitions(topics, ({ number }) => ({ number, errorCode })),
    }),
  };
}
