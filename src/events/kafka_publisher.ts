/**
 * The publisher on kafkajs: one producer per process, one request in flight, acks from all replicas.
 *
 * With one request at a time the log keeps the order of the calls even when kafkajs retries (a later send can't overtake a failed
 * one). "The last version of a trajectory wins" relies on that order. kafkajs's idempotent producer is not used: it is marked
 * experimental and has had bugs (tulios/kafkajs issue 598). A record that is appended twice after a lost acknowledgement
 * changes nothing downstream, because every consumer here is idempotent.
 */
import { Buffer } from "node:buffer";
import { createKeyPartitioner, type KeyPartitioner } from "@gmn/kafka-formats";
import type { Kafka, Message, Producer } from "kafkajs";
import { PermanentError } from "@gmn/failures";
import { classifyKafkaError, withAdmin } from "./kafka_client.ts";
import { CompressionTypes, Partitioners } from "./kafkajs/kafkajs.ts";
import type { AppendedRange, OwnRecords } from "./own_records.ts";
import type { OutgoingRecord, Publisher } from "./publisher.ts";
import { ALL_TOPICS, type Topic } from "./topics.ts";

/**
 * Bytes for one partition in one request. kafkajs makes one record batch of them, and brokers refuse batches over
 * `max.message.bytes`, 1,048,588 by default.
 */
export const PUBLISH_MAX_PARTITION_BYTES = 900_000;

/** Records in one request. This bounds how many records a lost acknowledgement can duplicate. */
export const PUBLISH_MAX_RECORDS = 5_000;

/** Upper bounds of the bytes that the record format adds to a record (varints, attributes) and to a header. */
const RECORD_OVERHEAD_BYTES = 24;
const HEADER_OVERHEAD_BYTES = 4;

const CONNECTING = "connecting the producer";

/**
 * Returns a connected publisher. `schemaIds` has the registry's schema id for each topic name; `own` notes which records were
 * published and where they are.
 */
export async function createKafkaPublisher(
  kafka: Kafka,
  schemaIds: ReadonlyMap<string, number>,
  own?: OwnRecords,
): Promise<Publisher> {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
  });
  let partitioners: ReadonlyMap<string, KeyPartitioner>;
  try {
    await producer.connect();
    partitioners = await createPartitioners(kafka);
  } catch (error) {
    throw classifyKafkaError(error, CONNECTING);
  }

  /** The last publish in the queue: publishes run one after the other, in the order of the calls. */
  let tail: Promise<unknown> = Promise.resolve();

  const partitionerOf = (topic: Topic): KeyPartitioner => {
    const partitioner = partitioners.get(topic.name);
    if (partitioner !== undefined) return partitioner;
    throw new PermanentError(`topic ${topic.name} is not one of ours`);
  };

  /** Appends the records after those of all earlier calls; `onSent` gets each request, and where its records are. */
  const append = (
    topic: Topic,
    records: readonly OutgoingRecord[],
    onSent: (request: readonly Message[], ranges: AppendedRanges) => void,
  ): Promise<void> => {
    const partitioner = partitionerOf(topic);
    // Noted at the call, not when the queue gets to it: what is decided from now on comes after these records.
    const noted = own?.note(topic, records, partitioner);
    const work = tail.then(async () => {
      for (const request of splitIntoRequests(records, partitioner)) {
        const ranges = await send(producer, topic, request);
        for (const [partition, range] of ranges) noted?.appended(partition, range);
        onSent(request, ranges);
      }
      noted?.acknowledged();
    });
    tail = work.catch(() => {});
    return work;
  };

  return {
    async publish(topic, records) {
      const next = new Map<number, bigint>();
      await append(topic, records, (_, ranges) => {
        for (const [partition, range] of ranges) next.set(partition, range.next);
      });
      return next;
    },
    async publishEach(topic, records) {
      const offsets: bigint[] = [];
      await append(
        topic,
        records,
        (request, ranges) => offsets.push(...offsetsOf(request, ranges)),
      );
      return offsets;
    },
    partitionOf: (topic, key) => partitionerOf(topic)(key),
    schemaId(topic) {
      const id = schemaIds.get(topic.name);
      if (id === undefined) {
        throw new PermanentError(`the schema of topic ${topic.name} was not registered`);
      }
      return id;
    },
    async close() {
      await tail;
      await producer.disconnect();
    },
  };
}

/**
 * The partitioner of each of our topics, for its current number of partitions. Partitions added later are used after the next
 * start. Until then every key stays in its partition, as ordering by key requires.
 */
async function createPartitioners(kafka: Kafka): Promise<ReadonlyMap<string, KeyPartitioner>> {
  const names = ALL_TOPICS.map((topic) => topic.name);
  const { topics } = await withAdmin(
    kafka,
    CONNECTING,
    (admin) => admin.fetchTopicMetadata({ topics: names }),
  );
  return new Map(
    topics.map((topic) => [topic.name, createKeyPartitioner(topic.partitions.length)]),
  );
}

/** Splits `records` into requests small enough for any broker. A larger record gets its own request; the broker may refuse it. */
function* splitIntoRequests(
  records: readonly OutgoingRecord[],
  partitioner: KeyPartitioner,
): Generator<Message[]> {
  let request: Message[] = [];
  let bytesByPartition = new Map<number, number>();
  for (const record of records) {
    const partition = record.partition ?? partitioner(record.key);
    const size = sizeBytes(record);
    const filled = bytesByPartition.get(partition) ?? 0;
    if (
      request.length > 0 &&
      (request.length >= PUBLISH_MAX_RECORDS || filled + size > PUBLISH_MAX_PARTITION_BYTES)
    ) {
      yield request;
      request = [];
      bytesByPartition = new Map();
    }
    bytesByPartition.set(partition, (bytesByPartition.get(partition) ?? 0) + size);
    request.push({
      partition,
      key: record.key,
      value: record.value === null ? null : asBuffer(record.value),
      // kafkajs only reads them; its type does not say so.
      headers: record.headers as Message["headers"],
      ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp.getTime()) }),
    });
  }
  if (request.length > 0) yield request;
}

/** Where the records of a request are, by partition. */
type AppendedRanges = ReadonlyMap<number, AppendedRange>;

/** The offset of each record of a request: those of a partition follow one another, because they are one batch. */
function offsetsOf(request: readonly Message[], ranges: AppendedRanges): bigint[] {
  const next = new Map([...ranges].map(([partition, range]) => [partition, range.next]));
  const offsets = request.toReversed().map(({ partition = 0 }) => {
    const offset = (next.get(partition) ?? 0n) - 1n;
    next.set(partition, offset);
    return offset;
  });
  return offsets.reverse();
}

/** Sends one request and returns where its records are, per partition. */
async function send(
  producer: Producer,
  topic: Topic,
  messages: Message[],
): Promise<AppendedRanges> {
  try {
    const answers = await producer.send({
      topic: topic.name,
      acks: -1,
      compression: CompressionTypes.None,
      messages,
    });
    const sent = new Map<number, number>();
    for (const { partition } of messages) {
      sent.set(partition ?? 0, (sent.get(partition ?? 0) ?? 0) + 1);
    }
    return new Map(
      answers.map(({ partition, baseOffset }) => {
        const first = BigInt(baseOffset ?? "0");
        return [partition, { first, next: first + BigInt(sent.get(partition) ?? 0) }];
      }),
    );
  } catch (error) {
    throw classifyKafkaError(error, `publishing ${messages.length} record(s) to ${topic.name}`);
  }
}

function sizeBytes(record: OutgoingRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.byteLength ?? 0);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
  }
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
