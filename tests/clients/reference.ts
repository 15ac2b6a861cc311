/**
 * What the suite itself does at the broker, beside the client under test: prepares topics, looks at what was stored and
 * committed. By kafkajs, which the service uses, and by bytes where kafkajs does not show what is there.
 */
import { type Admin, type Consumer, Kafka, logLevel, type Producer } from "kafkajs";
import { RawClient } from "@gmn/embedded-broker/testing";
import { until } from "../support/poll.ts";
import { type Compression, COMPRESSIONS } from "./client.ts";

// kafkajs says on every start that its default partitioner changed in version 2.
process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

/** Where the header of a record batch has what (Kafka protocol, record batch version 2). */
const BATCH_LENGTH_AT = 8;
const BATCH_LENGTH_END = 12;
const ATTRIBUTES_AT = 21;
const PRODUCER_ID_AT = 43;
const BASE_SEQUENCE_AT = 53;
const RECORD_COUNT_AT = 57;
/** The lowest bits of the attributes are the codec. */
const CODEC_MASK = 0b111;

/** Header of a stored record batch. */
export interface StoredBatch {
  readonly compression: Compression;
  /** -1 without idempotence. */
  readonly producerId: bigint;
  readonly baseSequence: number;
  readonly records: number;
}

/** A kafkajs client of the broker under test. */
export function kafkajsClient(address: string): Kafka {
  return new Kafka({
    clientId: "conformance",
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 8 },
  });
}

export class Reference {
  private constructor(
    readonly address: string,
    private readonly kafka: Kafka,
    readonly admin: Admin,
    private readonly producer: Producer,
  ) {}

  static async connect(address: string): Promise<Reference> {
    const kafka = kafkajsClient(address);
    const reference = new Reference(address, kafka, kafka.admin(), kafka.producer());
    await Promise.all([reference.admin.connect(), reference.producer.connect()]);
    return reference;
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()]);
  }

  /** A consumer, not connected yet; whoever asked for it disconnects it. */
  newConsumer(group: string): Consumer {
    return this.kafka.consumer({ groupId: group, heartbeatInterval: 300 });
  }

  /** A topic that no other test has. */
  async newTopic(partitions: number): Promise<string> {
    const topic = `t-${crypto.randomUUID()}`;
    // Kafka tells of a new topic some time after it has accepted it; kafkajs's own wait for that gives up at the first no.
    await this.admin.createTopics({
      topics: [{ topic, numPartitions: partitions }],
      waitForLeaders: false,
    });
    await until(`topic ${topic} is known`, () => this.hasLeaders(topic));
    return topic;
  }

  private async hasLeaders(topic: string): Promise<boolean> {
    try {
      const { topics: [found] } = await this.admin.fetchTopicMetadata({ topics: [topic] });
      return found!.partitions.every((one) => one.leader >= 0);
    } catch {
      return false;
    }
  }

  /** Produces `texts` to a partition, in one batch; with times from `firstTimestamp_ms` on, a second apart, if given. */
  async produce(
    topic: string,
    partition: number,
    texts: readonly string[],
    firstTimestamp_ms?: number,
  ): Promise<void> {
    const messages = texts.map((value, at) => ({
      partition,
      value,
      ...firstTimestamp_ms === undefined
        ? {}
        : { timestamp: String(firstTimestamp_ms + at * 1000) },
    }));
    await this.producer.send({ topic, messages, acks: -1 });
  }

  /** The offset that a group committed; null when there is none. */
  async committed(group: string, topic: string, partition: number): Promise<number | null> {
    const [found] = await this.admin.fetchOffsets({ groupId: group, topics: [topic] });
    const offset = found?.partitions.find((one) => one.partition === partition)?.offset ?? "-1";
    return offset === "-1" ? null : Number(offset);
  }

  /** State and number of members of a group. */
  async group(group: string): Promise<{ state: string; members: number }> {
    const { groups: [found] } = await this.admin.describeGroups([group]);
    return { state: found!.state, members: found!.members.length };
  }

  /** Headers of the batches of a partition, as the broker keeps them. */
  async storedBatches(topic: string, partition: number): Promise<StoredBatch[]> {
    const client = await RawClient.connect(this.address);
    try {
      const { records } = await client.fetch(topic, partition, 0);
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      const batches: StoredBatch[] = [];
      let at = 0;
      while (at < records.length) {
        batches.push({
          compression: COMPRESSIONS[view.getInt16(at + ATTRIBUTES_AT) & CODEC_MASK]!,
          producerId: view.getBigInt64(at + PRODUCER_ID_AT),
          baseSequence: view.getInt32(at + BASE_SEQUENCE_AT),
          records: view.getInt32(at + RECORD_COUNT_AT),
        });
        at += BATCH_LENGTH_END + view.getInt32(at + BATCH_LENGTH_AT);
      }
      return batches;
    } finally {
      client.close();
    }
  }
}
