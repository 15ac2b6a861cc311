/**
 * SyncGroup (key 14): the leader brings everybody's assignment, everybody gets theirs; answers when the leader has come.
 *
 * Versions 0 to 3.
 */
import { ApiKey, wire } from "@gmn/kafka-formats";
import type { SyncResult } from "../groups/member.ts";
import type { Api } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  groupId: wire.string,
  generation: wire.int32,
  memberId: wire.string,
  instanceId: wire.since(3, wire.nullableString, null),
  assignments: wire.array(wire.struct({ memberId: wire.string, assignment: wire.bytes })),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  errorCode: wire.errorCode,
  assignment: wire.bytes,
});

/** The SyncGroup API. */
export function syncGroup(broker: Broker): Api<wire.ValueOf<typeof REQUEST>, SyncResult> {
  return {
    key: ApiKey.SyncGroup,
    minVersion: 0,
    maxVersion: 3,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ groupId, memberId, instanceId, generation, assignments }) =>
      broker.groups.joined(groupId).sync(memberId, instanceId, generation, assignments),
    fail: (_request, errorCode) => ({ errorCode, assignment: new Uint8Array() }),
  };
}
