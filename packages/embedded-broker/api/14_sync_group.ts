/**
 * SyncGroup (key 14): the leader sends all assignments, each member gets its own. Answers when the leader's have arrived.
 *
 * Versions 0 to 2. Left out: static members (version 3).
 */
import { ApiKey, wire } from "@gmn/kafka-formats";
import type { SyncResult } from "../groups/member.ts";
import type { Api } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  groupId: wire.string,
  generation: wire.int32,
  memberId: wire.string,
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
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ groupId, memberId, generation, assignments }) =>
      broker.groups.joined(groupId).sync(memberId, generation, assignments),
    fail: (_request, errorCode) => ({ errorCode, assignment: new Uint8Array() }),
  };
}
