/**
 * @platformatic/kafka as a `Client`, in this process.
 */
import { Buffer } from "node:buffer";
import {
  Admin,
  Consumer,
  type Message,
  MessagesStream,
  type MessageToProduce,
  Producer,
} from "@platformatic/kafka";
import type {
  Client,
  GroupMember,
  Header,
  NewRecord,
  ProduceOptions,
  SeenRecord,
} from "../client.ts";
import { Inbox, Positions } from "../inbox.ts";

const CANNOT: Client["cannot"] = {};

type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;
type Where = { mode: "committed" } | { mode: "manual"; partition: number; offset: number };

const bufferOf = (bytes: Uint8Array | null): Buffer | undefined =>
  bytes === null ? undefined : Buffer.from(bytes);
const bytesOf = (buffer: Buffer | null | undefined): Uint8Array | null =>
  buffer === null || buffer === undefined ? null : new Uint8Array(buffer);

function toMessage(topic: string, record: NewRecord): MessageToProduce {
  const { partition, key, value, headers } = record;
  return {
    topic,
    partition,
    key: bufferOf(key),
    value: bufferOf(value),
    // A map by buffers, which are each a key of their own: so names may repeat. A value left out is a null one.
    headers: new Map(
      headers.map(([name, bytes]) => [Buffer.from(name), bufferOf(bytes) as Buffer]),
    ),
  };
}

function toSeen(message: Message): SeenRecord {
  return {
    partition: message.partition,
    offset: Number(message.offset),
    key: bytesOf(message.key),
    value: bytesOf(message.value),
    headers: message.headerEntries.map(([name, value]): Header => [
      name.toString(),
      bytesOf(value),
    ]),
  };
}

class Member implements GroupMember {
  private readonly inbox = new Inbox();
  private readonly positions = new Positions();
  private readonly consumer: Consumer;
  private stream: Stream | undefined;
  private leaving: Promise<void> | undefined;

  constructor(broker: string, group: string, private readonly topic: string) {
    this.consumer = new Consumer({
      clientId: "conformance",
      bootstrapBrokers: [broker],
      groupId: group,
      autocommit: false,
      sessionTimeout: 6000,
      rebalanceTimeout: 10_000,
      heartbeatInterval: 300,
      maxWaitTime: 100,
    });
    this.consumer.on("consumer:group:join", ({ assignments }) => {
      this.inbox.assign(
        (assignments ?? []).filter((one) => one.topic === topic).flatMap((one) => one.partitions),
      );
    });
    this.consumer.on("consumer:group:rebalance", () => this.inbox.assign([]));
  }

  /** Reads on from what the group committed, or from one offset. */
  async consume(where: Where): Promise<void> {
    const { topic } = this;
    this.stream = await this.consumer.consume({
      topics: [topic],
      mode: where.mode,
      fallbackMode: "earliest",
      ...where.mode === "committed" ? {} : {
        offsets: [{ topic, partition: where.partition, offset: BigInt(where.offset) }],
      },
    });
    this.stream.on("data", (message: Message) => this.inbox.put(toSeen(message)));
    this.stream.on("error", (error: Error) => this.inbox.fail(error));
  }

  async poll() {
    const found = await this.inbox.poll();
    this.positions.pass(found.records);
    return found;
  }

  async commit(): Promise<void> {
    await this.consumer.commit({
      offsets: this.positions.entries().map(({ partition, offset }) => ({
        topic: this.topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: 0,
      })),
    });
  }

  /** Its streams have no seek: a new one takes the place of the old one. */
  async seek(partition: number, offset: number): Promise<void> {
    await this.stream?.close();
    this.inbox.drop(partition);
    await this.consume({ mode: "manual", partition, offset });
  }

  leave(): Promise<void> {
    return this.leaving ??= this.consumer.close(true);
  }
}

/** Its consumers are always in a group: one that nobody else is in. */
async function read(
  broker: string,
  topic: string,
  partition: number,
  offset: number,
  count: number,
): Promise<SeenRecord[]> {
  const member = new Member(broker, `read-${crypto.randomUUID()}`, topic);
  try {
    await member.consume({ mode: "manual", partition, offset });
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

async function produce(
  broker: string,
  topic: string,
  records: readonly NewRecord[],
  { compression, idempotent }: ProduceOptions,
): Promise<void> {
  const producer = new Producer({ clientId: "conformance", bootstrapBrokers: [broker] });
  try {
    const messages = records.map((record) => toMessage(topic, record));
    await producer.send({ messages, acks: -1, compression, idempotent });
  } finally {
    await producer.close();
  }
}

/** What an error says, and what the errors in it say: the broker's reason is mostly the innermost. */
function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error.message, ...inner.flatMap(reasonsOf)];
}

/** Opens @platformatic/kafka as a client of the suite. */
export function openPlatformatic(broker: string): Promise<Client> {
  const admin = new Admin({ clientId: "conformance", bootstrapBrokers: [broker] });
  const members: Member[] = [];
  return Promise.resolve({
    cannot: CANNOT,
    async createTopic(topic: string, partitions: number) {
      try {
        await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
      } catch (error) {
        throw new Error(reasonsOf(error).join(": "), { cause: error });
      }
    },
    deleteTopic: (topic: string) => admin.deleteTopics({ topics: [topic] }),
    listTopics: () => admin.listTopics(),
    produce: (topic: string, records: readonly NewRecord[], options: ProduceOptions) =>
      produce(broker, topic, records, options),
    read: (topic: string, partition: number, offset: number, count: number) =>
      read(broker, topic, partition, offset, count),
    async offsetForTime(topic: string, partition: number, timestamp_ms: number) {
      const [found] = await admin.listOffsets({
        topics: [{
          name: topic,
          partitions: [{ partitionIndex: partition, timestamp: BigInt(timestamp_ms) }],
        }],
      });
      const offset = Number(found!.partitions[0]!.offset);
      return offset < 0 ? null : offset;
    },
    async join(group: string, topic: string) {
      const member = new Member(broker, group, topic);
      members.push(member);
      await member.consume({ mode: "committed" });
      return member;
    },
    async close() {
      await Promise.all([admin.close(), ...members.map((member) => member.leave())]);
    },
  });
}
