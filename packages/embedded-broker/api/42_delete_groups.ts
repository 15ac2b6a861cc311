/**
 * DeleteGroups (key 42): deletes groups without members, with their offsets. Durable when answered.
 *
 * Versions 0 and 1.
 */
import { ApiKey, wire } from "@gmn/kafka-formats";
import { allFailed, type ApiOf, eachByItself } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({ groups: wire.array(wire.struct({ groupId: wire.string })) });
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  groups: wire.array(wire.struct({ groupId: wire.string, errorCode: wire.errorCode })),
});

/** The DeleteGroups API. */
export function deleteGroups(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.DeleteGroups,
    minVersion: 0,
    maxVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ groups }) => ({
      groups: await eachByItself(groups, ({ groupId }) => broker.groups.delete(groupId)),
    }),
    fail: ({ groups }, code, message) => ({ groups: allFailed(groups, code, message) }),
  };
}
