/**
 * JoinGroup (key 11): becomes a member of a consumer group, or stays one; answers when the rebalance has all its members.
 * The state machine is in `groups/group.ts`.
 *
 * Versions 0 to 5: from 1 on there is a rebalance time-out of its own, from 4 on a new member is first told its id
 * (KIP-394), from 5 on there are static members (KIP-345).
 */
import type { JoinRequest, JoinResult } from "../groups/member.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";

type Request = Omit<JoinRequest, "clientId" | "clientHost" | "requiresKnownMemberId">;

/** The JoinGroup API. */
export function joinGroup(broker: Broker): Api<Request, JoinResult> {
  return {
    key: ApiKey.JoinGroup,
    name: "JoinGroup",
    minVersion: 0,
    maxVersion: 5,

    decode(reader, version) {
      const groupId = reader.string();
      const sessionTimeout_ms = reader.int32();
      const rebalanceTimeout_ms = version >= 1 ? reader.int32() : sessionTimeout_ms;
      const memberId = reader.string();
      const instanceId = version >= 5 ? reader.nullableString() : null;
      const protocolType = reader.string();
      const protocols = reader.array(() => ({
        name: reader.string(),
        metadata: reader.bytesField(),
      }));
      return {
        groupId,
        sessionTimeout_ms,
        rebalanceTimeout_ms,
        memberId,
        instanceId,
        protocolType,
        protocols,
      };
    },

    answer: (request, { version, clientId, clientHost }) =>
      broker.groups.join({
        ...request,
        clientId,
        clientHost,
        requiresKnownMemberId: version >= 4,
      }),

    encode(writer, result, version) {
      if (version >= 2) writer.int32(0); // throttle time
      writer.int16(result.errorCode);
      writer.int32(result.generation);
      writer.string(result.protocol);
      writer.string(result.leaderId);
      writer.string(result.memberId);
      writer.array(result.members, (member) => {
        writer.string(member.memberId);
        if (version >= 5) writer.string(member.instanceId);
        writer.bytesField(member.metadata);
      });
    },

    fail: ({ memberId }, errorCode) => ({
      errorCode,
      generation: -1,
      protocol: "",
      leaderId: "",
      memberId,
      members: [],
    }),
  };
}
