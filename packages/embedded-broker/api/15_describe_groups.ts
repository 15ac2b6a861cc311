/**
 * DescribeGroups (key 15): state, protocol and members of groups. A group that does not exist is "Dead", as in Kafka.
 *
 * Versions 0 to 2. Left out: authorised operations (version 3).
 */
import type { GroupDescription } from "../groups/groups.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode } from "../protocol/error_code.ts";

interface Request {
  readonly groupIds: readonly string[];
}

interface Response {
  readonly groups: readonly {
    readonly groupId: string;
    readonly errorCode: ErrorCode;
    readonly description: GroupDescription;
  }[];
}

const NOTHING: GroupDescription = { state: "Dead", protocolType: "", protocol: "", members: [] };

/** The DescribeGroups API. */
export function describeGroups(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.DescribeGroups,
    name: "DescribeGroups",
    minVersion: 0,
    maxVersion: 2,

    decode: (reader) => ({ groupIds: reader.array(() => reader.string()) }),

    answer: ({ groupIds }) => ({
      groups: groupIds.map((groupId) => ({
        groupId,
        errorCode: ErrorCode.NONE,
        description: broker.groups.describe(groupId),
      })),
    }),

    encode(writer, { groups }, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.array(groups, ({ groupId, errorCode, description }) => {
        writer.int16(errorCode);
        writer.string(groupId);
        writer.string(description.state);
        writer.string(description.protocolType);
        writer.string(description.protocol);
        writer.array(description.members, (member) => {
          writer.string(member.memberId);
          writer.string(member.clientId);
          writer.string(member.clientHost);
          writer.bytesField(member.metadata);
          writer.bytesField(member.assignment);
        });
      });
    },

    fail: ({ groupIds }, errorCode) => ({
      groups: groupIds.map((groupId) => ({ groupId, errorCode, description: NOTHING })),
    }),
  };
}
