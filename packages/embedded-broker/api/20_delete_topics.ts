/**
 * DeleteTopics (key 20): deletes topics, each by itself, with the offsets that groups committed for them. Durable when
 * answered; the records' room is freed afterwards, in the background.
 *
 * Versions 0 to 3. Left out: deletion by topic id (version 6).
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  readonly names: readonly string[];
}

interface Response {
  readonly topics: readonly { readonly name: string; readonly errorCode: ErrorCode }[];
}

/** The DeleteTopics API. */
export function deleteTopics(broker: Broker): Api<Request, Response> {
  const remove = async (name: string) => {
    try {
      await broker.topics.delete(name);
      broker.sweeper.wake();
      return { name, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { name, errorCode: error.code };
    }
  };

  return {
    key: ApiKey.DeleteTopics,
    name: "DeleteTopics",
    minVersion: 0,
    maxVersion: 3,

    decode(reader) {
      const names = reader.array(() => reader.string());
      reader.int32(); // timeout
      return { names };
    },

    answer: async ({ names }) => ({ topics: await Promise.all(names.map(remove)) }),

    encode(writer, { topics }, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.array(topics, ({ name, errorCode }) => {
        writer.string(name);
        writer.int16(errorCode);
      });
    },

    fail: ({ names }, errorCode) => ({ topics: names.map((name) => ({ name, errorCode })) }),
  };
}
