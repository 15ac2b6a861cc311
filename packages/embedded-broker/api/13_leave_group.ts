/**
 * LeaveGroup (key 13): ends a membership at once, so that other members need not wait for its session time-out.
 *
 * Versions 0 to 2: one member per request (from version 3: several, and static members by name).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({ groupId: wire.string, memberId: wire.string });
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  errorCode: wire.errorCode,
});

/** The LeaveGroup API. */
export function leaveGroup(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.LeaveGroup,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer({ groupId, memberId }) {
      broker.groups.joined(groupId).leave(memberId);
      return { errorCode: ErrorCode.NONE };
    },
    fail: (_request, errorCode) => ({ errorCode }),
  };
}
