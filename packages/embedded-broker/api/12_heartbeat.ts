/**
 * Heartbeat (key 12): a member's sign of life. REBALANCE_IN_PROGRESS tells it to join again, UNKNOWN_MEMBER_ID or
 * ILLEGAL_GENERATION that it was thrown out (a member that was paused learns it here).
 *
 * Versions 0 to 3.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

interface Request {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** The Heartbeat API. */
export function heartbeat(broker: Broker): Api<Request, ErrorCode> {
  return {
    key: ApiKey.Heartbeat,
    name: "Heartbeat",
    minVersion: 0,
    maxVersion: 3,

    decode: (reader, version) => ({
      groupId: reader.string(),
      generation: reader.int32(),
      memberId: reader.string(),
      instanceId: version >= 3 ? reader.nullableString() : null,
    }),

    answer({ groupId, memberId, instanceId, generation }) {
      broker.groups.heartbeat(groupId, memberId, instanceId, generation);
      return ErrorCode.NONE;
    },

    encode(writer, errorCode, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.int16(errorCode);
    },

    fail: (_request, errorCode) => errorCode,
  };
}
