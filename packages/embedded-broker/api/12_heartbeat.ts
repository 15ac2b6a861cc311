/**
 * Heartbeat (key 12): keeps a member's session alive. REBALANCE_IN_PROGRESS tells it to rejoin, UNKNOWN_MEMBER_ID or
 * ILLEGAL_GENERATION that it was removed (this is how a paused member finds out).
 *
 * Versions 0 to 2. Left out: static members (version 3).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  groupId: wire.string,
  generation: wire.int32,
  memberId: wire.string,
});
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  errorCode: wire.errorCode,
});

/** The Heartbeat API. */
export function heartbeat(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.Heartbeat,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer({ groupId, memberId, generation }) {
      broker.groups.joined(groupId).heartbeat(memberId, generation);
      return { errorCode: ErrorCode.NONE };
    },
    fail: (_request, errorCode) => ({ errorCode }),
  };
}
