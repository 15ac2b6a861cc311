/**
 * ListGroups (key 16): all groups with members, or that had some once, or that have offsets.
 *
 * Versions 0 to 2. Left out: filters by state and type (versions 4 and 5).
 */
import type { GroupListing } from "../groups/groups.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

interface Response {
  readonly errorCode: ErrorCode;
  readonly groups: readonly GroupListing[];
}

/** The ListGroups API. */
export function listGroups(broker: Broker): Api<null, Response> {
  return {
    key: ApiKey.ListGroups,
    name: "ListGroups",
    minVersion: 0,
    maxVersion: 2,

    decode: () => null,
    answer: () => ({ errorCode: ErrorCode.NONE, groups: broker.groups.list() }),

    encode(writer, { errorCode, groups }, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.int16(errorCode);
      writer.array(groups, ({ groupId, protocolType }) => {
        writer.string(groupId);
        writer.string(protocolType);
      });
    },

    fail: (_request, errorCode) => ({ errorCode, groups: [] }),
  };
}
