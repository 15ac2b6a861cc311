/**
 * DeleteGroups (key 42): deletes groups that nobody is in, with their offsets. Durable when answered.
 *
 * Versions 0 and 1.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  readonly groupIds: readonly string[];
}

interface Response {
  readonly groups: readonly { readonly groupId: string; readonly errorCode: ErrorCode }[];
}

/** The DeleteGroups API. */
export function deleteGroups(broker: Broker): Api<Request, Response> {
  const remove = async (groupId: string) => {
    try {
      await broker.groups.delete(groupId);
      return { groupId, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { groupId, errorCode: error.code };
    }
  };

  return {
    key: ApiKey.DeleteGroups,
    name: "DeleteGroups",
    minVersion: 0,
    maxVersion: 1,

    decode: (reader) => ({ groupIds: reader.array(() => reader.string()) }),
    answer: async ({ groupIds }) => ({ groups: await Promise.all(groupIds.map(remove)) }),

    encode(writer, { groups }) {
      writer.int32(0); // throttle time
      writer.array(groups, ({ groupId, errorCode }) => {
        writer.string(groupId);
        writer.int16(errorCode);
      });
    },

    fail: ({ groupIds }, errorCode) => ({
      groups: groupIds.map((groupId) => ({ groupId, errorCode })),
    }),
  };
}
