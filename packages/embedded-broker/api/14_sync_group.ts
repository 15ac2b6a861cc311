/**
 * SyncGroup (key 14): the leader brings everybody's assignment, everybody gets theirs; answers when the leader has come.
 *
 * Versions 0 to 3.
 */
import type { SyncResult } from "../groups/member.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";

interface Request {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

/** The SyncGroup API. */
export function syncGroup(broker: Broker): Api<Request, SyncResult> {
  return {
    key: ApiKey.SyncGroup,
    name: "SyncGroup",
    minVersion: 0,
    maxVersion: 3,

    decode: (reader, version) => ({
      groupId: reader.string(),
      generation: reader.int32(),
      memberId: reader.string(),
      instanceId: version >= 3 ? reader.nullableString() : null,
      assignments: reader.array(() => ({
        memberId: reader.string(),
        assignment: reader.bytesField(),
      })),
    }),

    answer: ({ groupId, memberId, instanceId, generation, assignments }) =>
      broker.groups.sync(groupId, memberId, instanceId, generation, assignments),

    encode(writer, { errorCode, assignment }, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.int16(errorCode);
      writer.bytesField(assignment);
    },

    fail: (_request, errorCode) => ({ errorCode, assignment: new Uint8Array() }),
  };
}
