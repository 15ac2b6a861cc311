/**
 * Another program that writes to `trajectory_summary_raw`, with its own registration of the schema and arbitrary bytes.
 */
import { Buffer } from "node:buffer";
import { RawClient } from "@gmn/embedded-broker/testing";
import avro from "avsc";
import type { Kafka } from "kafkajs";
import { Partitioners } from "../../src/events/kafkajs/kafkajs.ts";
import { TRAJECTORY_SUMMARY_RAW, valueSubject } from "../../src/events/topics.ts";
import type { Sql } from "../../src/store/connection.ts";
import { TRAJECTORY_SCHEMA } from "../../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { until } from "./poll.ts";
import type { TestService } from "./service.ts";

/** The schema as the Python system registers it: no docs, no defaults. */
export const PYTHON_SCHEMA = {
  type: "record",
  name: "Root",
  fields: TRAJECTORY_SCHEMA.fields.map(({ name, type }) => ({ name, type })),
};
export const PYTHON_TYPE = avro.Type.forSchema(PYTHON_SCHEMA as avro.Schema);

/** A record to send. */
export interface ForeignMessage {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Record<string, string>;
}

/** Registers a schema under the topic's subject, and returns its id. */
export async function registerSchema(
  { service }: Pick<TestService, "service">,
  schema: object,
): Promise<number> {
  const { schemaRegistryUrl } = service.addresses;
  const response = await fetch(
    `${schemaRegistryUrl}/subjects/${valueSubject(TRAJECTORY_SUMMARY_RAW)}/versions`,
    {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    },
  );
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).id;
}

/** Confluent's wire format. */
export function wire(schemaId: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(schemaId, 1);
  return Buffer.concat([header, body]);
}

/** A summary as Python's fastavro writes it. */
export function pythonBody(summary: TrajectorySummary): Uint8Array {
  return PYTHON_TYPE.toBuffer(summary);
}

/** Appends records to one partition; returns the offset after the last one. */
export async function append(
  kafka: Kafka,
  messages: readonly ForeignMessage[],
  partition = 1,
  topic: string = TRAJECTORY_SUMMARY_RAW.name,
): Promise<bigint> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const [answer] = await producer.send({
    topic,
    messages: messages.map((message) => ({ ...message, partition })),
  });
  await producer.disconnect();
  return BigInt(answer!.baseOffset!) + BigInt(messages.length);
}

/** Appends a batch as it is to the embedded broker, which does not look into it; gives its first offset. */
export async function appendBatch(
  { service }: Pick<TestService, "service">,
  topic: string,
  batch: Uint8Array,
  partition = 0,
): Promise<number> {
  const client = await RawClient.connect(service.addresses.brokers[0]!);
  try {
    const { errorCode, baseOffset } = await client.produce(topic, partition, batch);
    if (errorCode !== 0) throw new Error(`${topic}-${partition} refuses the batch: ${errorCode}`);
    return baseOffset;
  } finally {
    client.close();
  }
}

/** Waits until the data store has processed a partition up to `end`. */
export async function passed(
  sql: Sql,
  end: bigint,
  partition = 1,
  topic: string = TRAJECTORY_SUMMARY_RAW.name,
  deadline_ms?: number,
): Promise<void> {
  await until(`offset ${end} of ${topic}-${partition} is passed`, async () => {
    const [row] = await sql<{ next_offset: bigint }[]>`
      select next_offset from consumer_offset where topic = ${topic} and partition = ${partition}`;
    return (row?.next_offset ?? 0n) >= end;
  }, deadline_ms);
}

/** Waits until the data store has everything that is in the log now, including the dead letters that result from it. */
export async function caughtUp(whole: TestService): Promise<void> {
  const admin = whole.kafka.admin();
  await admin.connect();
  try {
    for (
      const topic of [
        TRAJECTORY_SUMMARY_RAW.name,
        "trajectory_summary_dead_letter",
        "ingestion_run",
      ]
    ) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        await passed(whole.database.sql, BigInt(high), partition, topic);
      }
    }
  } finally {
    await admin.disconnect();
  }
}
