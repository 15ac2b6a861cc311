/**
 * Appends records to a partition, each to the offset where it must be: for a copy of a log.
 *
 * Unlike the publisher's, its producer is idempotent: a retry after a lost acknowledgement must not append the records twice, which
 * would shift all later offsets. (The publisher's consumers are idempotent instead.) It sends one request at a time, so the faults of
 * kafkajs with concurrent ones (tulios/kafkajs issue 598) can't occur; and every acknowledged offset is checked.
 */
import type { Buffer } from "node:buffer";
import type { Kafka, Message } from "kafkajs";
import { PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "./consumed_record.ts";
import { classifyKafkaError, RecordTooLargeError } from "./kafka_client.ts";
import { CompressionTypes } from "./kafkajs/kafkajs.ts";
import { PUBLISH_MAX_PARTITION_BYTES, PUBLISH_MAX_RECORDS } from "./kafka_publisher.ts";

/** A record as it is copied. */
export type CopiedRecord = Pick<ConsumedRecord, "key" | "headers" | "timestamp" | "size_bytes"> & {
  readonly value: Buffer | null;
};

export interface LogAppender {
  /**
   * Appends the records, of which the first must get the offset `at`, and waits for the acknowledgement of all replicas.
   * @returns the offset after the last one
   * @throws TransientError when the broker can't be reached; PermanentError when it refuses, or when the records got other offsets
   */
  append(
    topic: string,
    partition: number,
    records: readonly CopiedRecord[],
    at: bigint,
  ): Promise<bigint>;
  close(): Promise<void>;
}

/** Enough for a restart of the broker; then the copy ends, and goes on when it is started again. */
const RETRIES = 8;

/** Connects. @throws TransientError, PermanentError */
export async function createLogAppender(kafka: Kafka): Promise<LogAppender> {
  const producer = kafka.producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    retry: { retries: RETRIES },
    // Every record names its partition.
    createPartitioner: () => ({ message }) => message.partition!,
  });
  try {
    await producer.connect();
  } catch (error) {
    throw classifyKafkaError(error, "connecting the producer");
  }
  const send = async (topic: string, partition: number, messages: Message[], at: bigint) => {
    const [answer] = await producer.send({
      topic,
      acks: -1,
      compression: CompressionTypes.None,
      messages,
    });
    const got = BigInt(answer?.baseOffset ?? "-1");
    if (got === at) return;
    throw new PermanentError(
      `${topic}-${partition}: records for offset ${at} were appended at ${got}: something else writes to this log`,
      { hint: `Stop it, delete the topic ${topic} there, and copy again.` },
    );
  };
  return {
    async append(topic, partition, records, at) {
      let next = at;
      for (const messages of splitByBytes(records, partition)) {
        try {
          await send(topic, partition, messages, next);
        } catch (error) {
          throw explainRefusal(
            classifyKafkaError(error, `appending to ${topic}-${partition}`),
            topic,
          );
        }
        next += BigInt(messages.length);
      }
      return next;
    },
    close: () => producer.disconnect(),
  };
}

function explainRefusal(error: Error, topic: string): Error {
  return error instanceof RecordTooLargeError
    ? new PermanentError(error.message, {
      cause: error,
      hint: `Raise max.message.bytes of the topic ${topic} there, and start the copy again.`,
    })
    : error;
}

/** Splits records into requests that any broker accepts; a larger record gets its own. */
function* splitByBytes(
  records: readonly CopiedRecord[],
  partition: number,
): Generator<Message[]> {
  let request: Message[] = [];
  let bytes = 0;
  for (const { key, value, headers, timestamp, size_bytes } of records) {
    const isFull = bytes + size_bytes > PUBLISH_MAX_PARTITION_BYTES ||
      request.length >= PUBLISH_MAX_RECORDS;
    if (request.length > 0 && isFull) {
      yield request;
      request = [];
      bytes = 0;
    }
    bytes += size_bytes;
    request.push({
      partition,
      key,
      value,
      // A header without a value is read as undefined, and written as null again; the type does not say so.
      headers: headers as Message["headers"],
      timestamp: String(timestamp.getTime()),
    });
  }
  if (request.length > 0) yield request;
}
