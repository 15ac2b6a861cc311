/**
 * DeleteRecords (key 21): makes the records of a partition below an offset unreadable (-1: all there are). Durable when
 * answered; the records' room is freed afterwards, in the background, batch by batch.
 *
 * Versions 0 and 1.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly number: number; readonly offset: number }[];
  }[];
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly number: number;
      readonly startOffset: number;
      readonly errorCode: ErrorCode;
    }[];
  }[];
}

/** The DeleteRecords API. */
export function deleteRecords(broker: Broker): Api<Request, Response> {
  const remove = async (topic: string, number: number, offset: number) => {
    try {
      const partition = broker.topics.partition(topic, number);
      const startOffset = await broker.topics.deleteRecords(partition, offset);
      broker.sweeper.trim(partition.id, startOffset);
      return { number, startOffset, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { number, startOffset: -1, errorCode: error.code };
    }
  };

  return {
    key: ApiKey.DeleteRecords,
    name: "DeleteRecords",
    minVersion: 0,
    maxVersion: 1,

    decode(reader) {
      const topics = reader.array(() => ({
        name: reader.string(),
        partitions: reader.array(() => ({ number: reader.int32(), offset: reader.int64() })),
      }));
      reader.int32(); // timeout
      return { topics };
    },

    answer: async ({ topics }) => ({
      topics: await Promise.all(topics.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map(({ number, offset }) => remove(name, number, offset)),
        ),
      }))),
    }),

    encode(writer, { topics }) {
      writer.int32(0); // throttle time
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, ({ number, startOffset, errorCode }) => {
          writer.int32(number);
          writer.int64(startOffset);
          writer.int16(errorCode);
        });
      });
    },

    fail: ({ topics }, errorCode) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number }) => ({ number, startOffset: -1, errorCode })),
      })),
    }),
  };
}
