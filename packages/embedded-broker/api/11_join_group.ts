/**
 * JoinGroup (key 11): joins or rejoins a consumer group; answers when all members have joined the rebalance.
 * The state machine is in `groups/group.ts`.
 *
 * Versions 0 to 4: version 1 adds a separate rebalance time-out, version 4 first assigns an id to a new member (KIP-394).
 * Left out: static members (version 5); clients configured for them report that the broker does not support them.
 */
import { ApiKey, wire } from "@gmn/kafka-formats";
import { type JoinResult, refusedJoin } from "../groups/member.ts";
import type { Api } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  groupId: wire.string,
  sessionTimeout_ms: wire.int32,
  rebalanceTimeout_ms: wire.since<number | null>(1, wire.int32, null),
  memberId: wire.string,
  protocolType: wire.string,
  protocols: wire.array(wire.struct({ name: wire.string, metadata: wire.bytes })),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(2, wire.THROTTLE),
  errorCode: wire.errorCode,
  generation: wire.int32,
  protocol: wire.string,
  leaderId: wire.string,
  memberId: wire.string,
  members: wire.array(wire.struct({ memberId: wire.string, metadata: wire.bytes })),
});

/** The JoinGroup API. */
export function joinGroup(broker: Broker): Api<wire.ValueOf<typeof REQUEST>, JoinResult> {
  return {
    key: ApiKey.JoinGroup,
    minVersion: 0,
    maxVersion: 4,
    request: REQUEST,
    response: RESPONSE,
    answer: (request, { version, clientId, clientHost }) =>
      broker.groups.join({
        ...request,
        rebalanceTimeout_ms: request.rebalanceTimeout_ms ?? request.sessionTimeout_ms,
        clientId,
        clientHost,
        requiresKnownMemberId: version >= 4,
      }),
    fail: ({ memberId }, errorCode) => refusedJoin(errorCode, memberId),
  };
}
