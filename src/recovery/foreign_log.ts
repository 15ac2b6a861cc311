/**
 * Refuses a log whose topics have our names and another program's records, before anything is written to it. Only a log without an
 * identity is looked at: its first and last record of each partition.
 */
import { Buffer } from "node:buffer";
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import { type Kafka, withAdmin } from "../events/kafka_client.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { askWatermarks, type Watermarks } from "../events/start_position.ts";
import { type Topic, TOPICS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import { createTrajectoryDecoders } from "../trajectory/codec.ts";
import { wireSchemaId } from "../wire_format/wire_header.ts";
import { LogEye } from "./log_facts.ts";

/** Bytes of a foreign value that the message shows. */
const SHOWN_BYTES = 16;
const DOING = "looking for records of other programs";

type Registry = Pick<SchemaRegistry, "writerSchema">;

/** A record of one of our topics, at one of the ends of a partition. */
interface Sample {
  readonly partition: number;
  readonly record: ConsumedRecord;
}

/**
 * Looks at the ends of each topic that is there.
 * @throws PermanentError naming the topic, and what was found, when none of a topic's samples can be a record of this service
 * @throws TransientError when broker or registry are unavailable
 */
export async function refuseForeignLog(kafka: Kafka, registry: Registry): Promise<void> {
  const eye = new LogEye(kafka);
  try {
    for (const topic of TOPICS) {
      const { samples, count } = await readSamples(kafka, eye, topic);
      const values = samples.filter(({ record: { value } }) => value !== null);
      if (values.length === 0) continue;
      const problems: string[] = [];
      for (const { partition, record } of values) {
        const problem = await problemOf(topic, record.value!, registry);
        if (problem === null) break;
        problems.push(
          `${topic.name}-${partition}@${record.offset} begins with ${
            shown(record.value!)
          }: ${problem}`,
        );
      }
      if (problems.length < values.length) continue;
      throw new PermanentError(
        `the topic ${topic.name} has ${count} record(s) of another program; ${problems[0]}`,
        {
          hint:
            "nothing was written. Set KAFKA_BROKERS to a cluster where these topic names are free, or rename or delete the other " +
            "program's topic. If the records are ours, check that SCHEMA_REGISTRY_URL names the registry with their schemas",
        },
      );
    }
  } finally {
    await eye.close();
  }
}

async function readSamples(
  kafka: Kafka,
  eye: LogEye,
  { name }: Topic,
): Promise<{ readonly samples: readonly Sample[]; readonly count: bigint }> {
  const marks = await withAdmin(
    kafka,
    DOING,
    async (admin): Promise<ReadonlyMap<number, Watermarks>> =>
      (await admin.listTopics()).includes(name) ? await askWatermarks(admin, name) : new Map(),
  );
  const samples: Sample[] = [];
  let count = 0n;
  for (const [partition, { low, high }] of marks) {
    count += high - low;
    if (low === high) continue;
    const first = await eye.look((fetch) => fetch.recordsFrom(name, partition, low));
    const last = await eye.look((fetch) => fetch.recordsFrom(name, partition, high - 1n));
    for (const record of [first[0], last[0]]) {
      // A damaged batch says nothing about who wrote it.
      if (record !== undefined && record.unreadable === undefined) {
        samples.push({ partition, record });
      }
    }
  }
  return { samples, count };
}

/** Why the value can't be one of the topic's; null when it can. */
async function problemOf(
  topic: Topic,
  value: Uint8Array,
  registry: Registry,
): Promise<string | null> {
  try {
    const schemaId = wireSchemaId(value);
    if (topic === TRAJECTORY_SUMMARY_RAW) {
      const decoderOf = createTrajectoryDecoders((id) => registry.writerSchema(id));
      (await decoderOf(schemaId))(value);
    } else createValueCodec(topic).decode(value, await registry.writerSchema(schemaId));
    return null;
  } catch (error) {
    if (error instanceof TransientError) throw error;
    return explain(error);
  }
}

/** The first bytes, as hexadecimal numbers and as text. */
function shown(value: Uint8Array): string {
  const bytes = Buffer.from(value.subarray(0, SHOWN_BYTES));
  const text = bytes.toString("latin1").replace(/[^ -~]/g, ".");
  return `${bytes.toString("hex").replace(/(..)(?=.)/g, "$1 ")} (${JSON.stringify(text)})`;
}
