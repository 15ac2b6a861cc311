/**
 * DescribeGroups (key 15): state, protocol and members of groups. A group that does not exist is "Dead", as in Kafka.
 *
 * Versions 0 to 2. Left out: authorised operations (version 3).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({ groupIds: wire.array(wire.string) });
const GROUP = wire.struct({
  errorCode: wire.errorCode,
  groupId: wire.string,
  state: wire.string,
  protocolType: wire.string,
  protocol: wire.string,
  members: wire.array(wire.struct({
    memberId: wire.string,
    clientId: wire.string,
    clientHost: wire.string,
    metadata: wire.bytes,
    assignment: wire.bytes,
  })),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  groups: wire.array(GROUP),
});

const NOTHING = { state: "Dead", protocolType: "", protocol: "", members: [] };

/** The DescribeGroups API. */
export function describeGroups(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.DescribeGroups,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ groupIds }) => ({
      groups: groupIds.map((groupId) => ({
        groupId,
        errorCode: ErrorCode.NONE,
        ...broker.groups.describe(groupId),
      })),
    }),
    fail: ({ groupIds }, errorCode) => ({
      groups: groupIds.map((groupId) => ({ groupId, errorCode, ...NOTHING })),
    }),
  };
}
