/**
 * Produce (key 0): appends one record batch to each partition named.
 *
 * Behaviour
 * - Answers when the batches are on disk (fsync), for acks=1 as for acks=-1; acks=0 gets no answer, as the protocol says.
 * - All batches of all connections that arrive together share one fsync (see `Commits`).
 * - Each partition succeeds or fails by itself. A batch is checked (format 2, length, CRC-32C, record count) and kept
 *   as it came; its base offset and leader epoch are set.
 * - A batch that an idempotent producer sends again is not stored again; the answer gives its first offset.
 *
 * Versions: 0 to 7 are advertised, 3 to 7 served. librdkafka up to 2.11 wants to see 0 before it compresses
 * (KAFKA-18659), as Kafka 4 does it; nobody sends 0 to 2 to a broker that has more, and they carry the old record formats.
 *
 * Left out: transactions (refused with INVALID_RECORD), record formats 0 and 1, timestamps set by the broker,
 * recompression, `timeout_ms` (nothing here waits for replicas).
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";
import { checkProducedBatch } from "../log/produced_batch.ts";

interface Request {
  readonly acks: number;
  readonly isTransactional: boolean;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly number: number;
      readonly records: Uint8Array | null;
    }[];
  }[];
}

interface PartitionResult {
  readonly number: number;
  readonly errorCode: ErrorCode;
  readonly baseOffset: number;
  readonly startOffset: number;
}

interface Response {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionResult[];
  }[];
}

const failed = (number: number, errorCode: ErrorCode): PartitionResult => ({
  number,
  errorCode,
  baseOffset: -1,
  startOffset: -1,
});

/** Appends one batch; resolves when it is on disk. */
async function append(
  broker: Broker,
  topic: string,
  number: number,
  records: Uint8Array | null,
): Promise<PartitionResult> {
  try {
    const partition = broker.topics.partition(topic, number);
    const max_bytes = broker.topics.get(topic).maxMessage_bytes;
    const batch = checkProducedBatch(records ?? new Uint8Array(), max_bytes);
    const baseOffset = await broker.commits.write(
      (transaction) => partition.append(batch, transaction, Date.now()),
      batch.bytes.length,
    );
    return { number, errorCode: ErrorCode.NONE, baseOffset, startOffset: partition.startOffset };
  } catch (error) {
    if (error instanceof KafkaError) return failed(number, error.code);
    throw error;
  }
}

/** The Produce API. */
export function produce(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.Produce,
    name: "Produce",
    minVersion: 0,
    maxVersion: 7,
    firstServedVersion: 3,

    decode(reader) {
      const isTransactional = reader.nullableString() !== null;
      const acks = reader.int16();
      reader.int32(); // timeout
      const topics = reader.array(() => ({
        name: reader.string(),
        partitions: reader.array(() => ({
          number: reader.int32(),
          records: reader.nullableBytes(),
        })),
      }));
      return { acks, isTransactional, topics };
    },

    async answer({ acks, isTransactional, topics }) {
      if (acks < -1 || acks > 1) throw new KafkaError(ErrorCode.INVALID_REQUIRED_ACKS);
      if (isTransactional) throw new KafkaError(ErrorCode.INVALID_RECORD);
      return {
        topics: await Promise.all(topics.map(async ({ name, partitions }) => ({
          name,
          partitions: await Promise.all(
            partitions.map(({ number, records }) => append(broker, name, number, records)),
          ),
        }))),
      };
    },

    encode(writer, { topics }, version) {
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, (partition) => {
          writer.int32(partition.number);
          writer.int16(partition.errorCode);
          writer.int64(partition.baseOffset);
          writer.int64(-1); // log append time: timestamps are the producer's
          if (version >= 5) writer.int64(partition.startOffset);
        });
      });
      writer.int32(0); // throttle time
    },

    fail: ({ topics }, code) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number }) => failed(number, code)),
      })),
    }),
    isSilent: ({ acks }) => acks === 0,
  };
}
