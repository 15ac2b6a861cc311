/**
 * LeaveGroup (key 13): ends a membership at once, so that the others need not wait for its session to end.
 *
 * Versions 0 to 2: one member a request (3 on has several, and static members by name).
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

interface Request {
  readonly groupId: string;
  readonly memberId: string;
}

/** The LeaveGroup API. */
export function leaveGroup(broker: Broker): Api<Request, ErrorCode> {
  return {
    key: ApiKey.LeaveGroup,
    name: "LeaveGroup",
    minVersion: 0,
    maxVersion: 2,

    decode: (reader) => ({ groupId: reader.string(), memberId: reader.string() }),

    answer({ groupId, memberId }) {
      broker.groups.leave(groupId, memberId);
      return ErrorCode.NONE;
    },

    encode(writer, errorCode, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.int16(errorCode);
    },

    fail: (_request, errorCode) => errorCode,
  };
}
