/**
 * ListOffsets (key 2): the first offset, the end, or the first record from a point of time on.
 *
 * Behaviour: timestamp -2 is the start offset, -1 the end (the high watermark), any other the first record whose
 * timestamp is at least that; offset -1 when there is none.
 *
 * Versions 0 to 3 are advertised, 1 to 3 served: librdkafka up to 2.11 looks for 1; version 0 (several offsets per
 * partition, from before timestamps) is not sent to a broker that has more.
 *
 * Left out: exact answers inside a snappy or lz4 batch (the batch's first offset is given: never too late), the special
 * timestamps of later versions (-3 and below), isolation levels (no transactions).
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

const LATEST = -1;
const EARLIEST = -2;

interface Request {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly number: number; readonly timestamp_ms: number }[];
  }[];
}

interface PartitionResult {
  readonly number: number;
  readonly errorCode: ErrorCode;
  readonly timestamp_ms: number;
  readonly offset: number;
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionResult[];
  }[];
}

/** The ListOffsets API. */
export function listOffsets(broker: Broker): Api<Request, Response> {
  const find = (topic: string, number: number, timestamp_ms: number): PartitionResult => {
    const none = { number, timestamp_ms: -1, offset: -1 };
    try {
      const partition = broker.topics.partition(topic, number);
      if (timestamp_ms === LATEST) {
        return { ...none, errorCode: ErrorCode.NONE, offset: partition.highWatermark };
      }
      if (timestamp_ms === EARLIEST) {
        return { ...none, errorCode: ErrorCode.NONE, offset: partition.startOffset };
      }
      if (timestamp_ms < 0) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION);
      const found = partition.offsetForTimestamp(timestamp_ms);
      return { ...none, ...found, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (error instanceof KafkaError) return { ...none, errorCode: error.code };
      throw error;
    }
  };

  return {
    key: ApiKey.ListOffsets,
    name: "ListOffsets",
    minVersion: 0,
    maxVersion: 3,
    firstServedVersion: 1,

    decode(reader, version) {
      reader.int32(); // replica id
      if (version >= 2) reader.int8(); // isolation level
      return {
        topics: reader.array(() => ({
          name: reader.string(),
          partitions: reader.array(() => ({
            number: reader.int32(),
            timestamp_ms: reader.int64(),
          })),
        })),
      };
    },

    answer: ({ topics }) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number, timestamp_ms }) => find(name, number, timestamp_ms)),
      })),
    }),

    encode(writer, { topics }, version) {
      if (version >= 2) writer.int32(0); // throttle time
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, (partition) => {
          writer.int32(partition.number);
          writer.int16(partition.errorCode);
          writer.int64(partition.timestamp_ms);
          writer.int64(partition.offset);
        });
      });
    },

    fail: ({ topics }, errorCode) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number }) => ({
          number,
          errorCode,
          timestamp_ms: -1,
          offset: -1,
        })),
      })),
    }),
  };
}
