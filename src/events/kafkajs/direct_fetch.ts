/**
 * Fetches the records at an offset without a consumer group: one request to the partition's leader.
 *
 * kafkajs has no public call for it, and a group costs several requests and, on Apache Kafka, three seconds
 * (`group.initial.rebalance.delay.ms`). Its `Cluster` and `Broker`, which its own consumer uses, are reached through the function that
 * `Kafka` keeps under a private symbol (src/index.js). `patch.ts` holds kafkajs at the version this was written for.
 */
import type { Buffer } from "node:buffer";
import type { Kafka } from "kafkajs";
import type { ConsumedRecord } from "../consumed_record.ts";
import { FetchedMessage } from "./fetched_message.ts";

/** The parts of kafkajs's src/cluster/index.js that are used. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Readonly<Record<string, readonly number[]>>;
  findBroker(of: { readonly nodeId: string }): Promise<{ fetch(request: object): Promise<Answer> }>;
}

interface Answer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly messages: readonly (FetchedMessage | OldMessage)[] }[];
  }[];
}

/** A message in the format used before 2017. */
interface OldMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Holds one record of the largest size that brokers accept by default (`max.message.bytes`). */
const FETCH_MAX_BYTES = 1_048_588;
const READ_UNCOMMITTED = 0;

/** Fetches single records; keeps its connections until `close`. */
export interface DirectFetch {
  /**
   * The records from `offset` on that one fetch returns, in order; none at the end of the log.
   * @throws kafkajs's errors, such as OFFSET_OUT_OF_RANGE
   */
  recordsFrom(topic: string, partition: number, offset: bigint): Promise<ConsumedRecord[]>;
  close(): Promise<void>;
}

/** Connects. @throws kafkajs's errors */
export async function openDirectFetch(kafka: Kafka): Promise<DirectFetch> {
  const cluster = createCluster(kafka);
  await cluster.connect();
  const known = new Set<string>();
  return {
    async recordsFrom(topic, partition, offset) {
      if (!known.has(topic)) {
        await cluster.addTargetTopic(topic);
        known.add(topic);
      }
      const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
      if (nodeId === undefined) throw new Error(`${topic}-${partition} has no leader`);
      const broker = await cluster.findBroker({ nodeId });
      const { responses } = await broker.fetch({
        maxWaitTime: 0,
        minBytes: 0,
        maxBytes: FETCH_MAX_BYTES,
        isolationLevel: READ_UNCOMMITTED,
        topics: [{
          topic,
          partitions: [{ partition, fetchOffset: offset.toString(), maxBytes: FETCH_MAX_BYTES }],
        }],
      });
      const messages = responses.flatMap(({ partitions }) =>
        partitions.flatMap(({ messages }) => messages)
      );
      // A fetch begins with the whole batch that has the offset.
      return messages.map(toRecord).filter((record) => record.offset >= offset);
    },
    close: () => cluster.disconnect(),
  };
}

function createCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description === "private:Kafka:createCluster"
  );
  const create = symbol === undefined
    ? undefined
    : (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
  if (create === undefined) {
    throw new TypeError("kafkajs has no function private:Kafka:createCluster");
  }
  return create({ allowAutoTopicCreation: false });
}

function toRecord(message: FetchedMessage | OldMessage): ConsumedRecord {
  if (message instanceof FetchedMessage) return message.record;
  return {
    offset: BigInt(message.offset),
    timestamp: new Date(Number(message.timestamp)),
    key: message.key,
    value: message.value,
    headers: {},
    size_bytes: (message.key?.length ?? 0) + (message.value?.length ?? 0),
  };
}
