/**
 * ListGroups (key 16): all groups that have or once had members, or that have offsets.
 *
 * Versions 0 to 2. Left out: filters by state and type (versions 4 and 5).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({});
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  errorCode: wire.errorCode,
  groups: wire.array(wire.struct({ groupId: wire.string, protocolType: wire.string })),
});

/** The ListGroups API. */
export function listGroups(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.ListGroups,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer: () => ({ errorCode: ErrorCode.NONE, groups: broker.groups.list() }),
    fail: (_request, errorCode) => ({ errorCode, groups: [] }),
  };
}
