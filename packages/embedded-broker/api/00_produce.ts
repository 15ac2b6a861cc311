/**
 * Produce (key 0): appends one record batch to each partition in the request.
 *
 * Behaviour
 * - Answers when the batches are on disk (fsync), for both acks=1 and acks=-1; acks=0 gets no answer, as the protocol requires.
 * - Batches that arrive together, on any connections, share one fsync (see `Commits`).
 * - Each partition succeeds or fails independently. A batch is checked (format 2, length, CRC-32C, record count) and stored
 *   unchanged, except that its base offset and leader epoch are set.
 * - A batch that an idempotent producer resends is not stored again; the answer has its original offset.
 *
 * Versions: 0 to 7 are advertised, 3 to 7 served. librdkafka up to 2.11 must see 0 before it compresses
 * (KAFKA-18659); Kafka 4 does the same. No client sends 0 to 2 to a broker with later versions; they use the old record formats.
 *
 * Left out: transactions (refused with INVALID_RECORD), record formats 0 and 1, timestamps set by the broker,
 * recompression, `timeout_ms` (nothing here waits for replicas).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { checkProducedBatch } from "../log/produced_batch.ts";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const REQUEST = wire.struct({
  transactionalId: wire.nullableString,
  acks: wire.int16,
  _timeout_ms: wire.fixed(wire.int32, 0),
  topics: wire.topicsOf(wire.struct({ number: wire.int32, records: wire.recordsIn })),
});
const PARTITION = wire.struct({
  number: wire.int32,
  errorCode: wire.errorCode,
  baseOffset: wire.int64,
  _logAppendTime: wire.fixed(wire.int64, -1), // the producer sets the timestamps
  startOffset: wire.since(5, wire.int64, -1),
});
const RESPONSE = wire.struct({ topics: wire.topicsOf(PARTITION), _throttle: wire.THROTTLE });
type PartitionResult = wire.ValueOf<typeof PARTITION>;

const NOTHING = { baseOffset: -1, startOffset: -1 };

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
    if (error instanceof KafkaError) return { number, errorCode: error.code, ...NOTHING };
    throw error;
  }
}

/** The Produce API. */
export function produce(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.Produce,
    minVersion: 0,
    maxVersion: 7,
    firstServedVersion: 3,
    request: REQUEST,
    response: RESPONSE,

    async answer({ acks, transactionalId, topics }) {
      if (acks < -1 || acks > 1) throw new KafkaError(ErrorCode.INVALID_REQUIRED_ACKS);
      if (transactionalId !== null) throw new KafkaError(ErrorCode.INVALID_RECORD);
      return {
        topics: await wire.mapPartitionsAsync(
          topics,
          ({ number, records }, name) => append(broker, name, number, records),
        ),
      };
    },
    fail: ({ topics }, errorCode) => ({
      topics: wire.mapPartitions(topics, ({ number }) => ({ number, errorCode, ...NOTHING })),
    }),
    isSilent: ({ acks }) => acks === 0,
  };
}
