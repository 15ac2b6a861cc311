/**
 * kafkajs as a `Client`, in this process.
 */
import { Buffer } from "node:buffer";
import {
  CompressionCodecs,
  CompressionTypes,
  type Consumer,
  type IHeaders,
  type Kafka,
  type KafkaMessage,
  type Message,
} from "kafkajs";
import { compressionsAlgorithms } from "@platformatic/kafka";
import type {
  Client,
  Compression,
  GroupMember,
  Header,
  NewRecord,
  ProduceOptions,
  SeenRecord,
} from "../client.ts";
import { Inbox, Positions } from "../inbox.ts";
import { kafkajsClient } from "../reference.ts";

const TYPES: Record<Compression, CompressionTypes> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

// kafkajs comes with gzip only, and takes the others from whoever has them. Its type leaves out how.
const codecs: Record<number, unknown> = CompressionCodecs;
for (const name of ["snappy", "lz4", "zstd"] as const) {
  const codec = compressionsAlgorithms[name];
  codecs[TYPES[name]] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(codec.compressSync(buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(codec.decompressSync(buffer)),
  });
}

const CANNOT: Client["cannot"] = {
  "repeated headers": "kafkajs has headers as an object, which loses the order of repeated names",
  "null headers": "kafkajs can't send a header without a value",
};

const bufferOf = (bytes: Uint8Array | null): Buffer | null => bytes && Buffer.from(bytes);

function toHeaders(headers: readonly Header[]): IHeaders {
  return Object.fromEntries(headers.map(([name, value]) => [name, bufferOf(value) ?? undefined]));
}

function toMessage({ partition, key, value, headers }: NewRecord): Message {
  return {
    partition,
    key: bufferOf(key),
    value: bufferOf(value),
    headers: toHeaders(headers),
  };
}

const bytesOf = (value: Buffer | string | null | undefined): Uint8Array | null =>
  value === null || value === undefined ? null : new Uint8Array(Buffer.from(value));

function toSeen(partition: number, message: KafkaMessage): SeenRecord {
  return {
    partition,
    offset: Number(message.offset),
    key: bytesOf(message.key),
    value: bytesOf(message.value),
    headers: Object.entries(message.headers ?? {}).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one): Header => [name, bytesOf(one)])
    ),
  };
}

class Member implements GroupMember {
  private readonly inbox = new Inbox();
  private readonly positions = new Positions();
  private leaving: Promise<void> | undefined;

  private constructor(private readonly consumer: Consumer, private readonly topic: string) {}

  static async join(kafka: Kafka, group: string, topic: string): Promise<Member> {
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: 6000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
    });
    const member = new Member(consumer, topic);
    await member.run();
    return member;
  }

  private async run(): Promise<void> {
    const { consumer, topic, inbox } = this;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      inbox.assign(payload.memberAssignment[topic] ?? []);
    });
    consumer.on(consumer.events.REBALANCING, () => inbox.assign([]));
    consumer.on(consumer.events.CRASH, ({ payload }) => inbox.fail(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message }) => {
        inbox.put(toSeen(partition, message));
        return Promise.resolve();
      },
    });
  }

  async poll() {
    const found = await this.inbox.poll();
    this.positions.pass(found.records);
    return found;
  }

  async commit(): Promise<void> {
    await this.consumer.commitOffsets(
      this.positions.entries().map(({ partition, offset }) => ({
        topic: this.topic,
        partition,
        offset: String(offset),
      })),
    );
  }

  seek(partition: number, offset: number): Promise<void> {
    this.inbox.drop(partition);
    this.consumer.seek({ topic: this.topic, partition, offset: String(offset) });
    return Promise.resolve();
  }

  leave(): Promise<void> {
    return this.leaving ??= this.consumer.disconnect();
  }
}

async function produce(
  kafka: Kafka,
  topic: string,
  records: readonly NewRecord[],
  { compression, idempotent }: ProduceOptions,
): Promise<void> {
  const producer = kafka.producer({ idempotent });
  await producer.connect();
  try {
    const messages = records.map(toMessage);
    await producer.send({ topic, messages, acks: -1, compression: TYPES[compression] });
  } finally {
    await producer.disconnect();
  }
}

/** kafkajs reads in groups only: a group that nobody else is in, and a seek. */
async function read(
  kafka: Kafka,
  topic: string,
  partition: number,
  offset: number,
  count: number,
): Promise<SeenRecord[]> {
  const member = await Member.join(kafka, `read-${crypto.randomUUID()}`, topic);
  try {
    await member.seek(partition, offset);
    const seen: SeenRecord[] = [];
    while (seen.length < count) {
      const { records } = await member.poll();
      seen.push(...records.filter((one) => one.partition === partition));
    }
    return seen.slice(0, count);
  } finally {
    await member.leave();
  }
}

/** Opens kafkajs as a client of the suite. */
export async function openKafkajs(broker: string): Promise<Client> {
  const kafka = kafkajsClient(broker);
  const admin = kafka.admin();
  await admin.connect();
  const members: Member[] = [];
  return {
    cannot: CANNOT,
    async createTopic(topic, numPartitions) {
      const created = await admin.createTopics({
        topics: [{ topic, numPartitions }],
        waitForLeaders: false,
      });
      // kafkajs says no by an answer, not by an error.
      if (!created) throw new Error(`topic ${topic} exists`);
    },
    deleteTopic: (topic) => admin.deleteTopics({ topics: [topic] }),
    listTopics: () => admin.listTopics(),
    produce: (topic, records, options) => produce(kafka, topic, records, options),
    read: (topic, partition, offset, count) => read(kafka, topic, partition, offset, count),
    async offsetForTime(topic, partition, timestamp_ms) {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp_ms);
      const offset = Number(found.find((one) => one.partition === partition)?.offset);
      // Where there is no such record kafkajs gives the end.
      const ends = await admin.fetchTopicOffsets(topic);
      const end = Number(ends.find((one) => one.partition === partition)?.high);
      return offset === end ? null : offset;
    },
    async join(group, topic) {
      const member = await Member.join(kafka, group, topic);
      members.push(member);
      return member;
    },
    async close() {
      await Promise.all([admin.disconnect(), ...members.map((member) => member.leave())]);
    },
  };
}
