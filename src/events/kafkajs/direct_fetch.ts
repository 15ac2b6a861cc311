/**
 * Fetches the records at an offset without a consumer group: one request to the partition's leader. Calls of the same turn of the
 * event loop share a request: the batches of several partitions arrive together, and before each is stored the log is looked at.
 *
 * kafkajs has no public call for it, and a group costs several requests and, on Apache Kafka, three seconds
 * (`group.initial.rebalance.delay.ms`). Its `Cluster` and `Broker`, which its own consumer uses, are reached through the function that
 * `Kafka` keeps under a private symbol (src/index.js). `patch.ts` holds kafkajs at the version this was written for.
 */
import type { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
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
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly messages: readonly (FetchedMessage | OldMessage)[];
    }[];
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

/** Where records are fetched from. */
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A call that waits for its records. */
interface Call extends Place {
  readonly resolve: (records: ConsumedRecord[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Connects. @throws kafkajs's errors */
export async function openDirectFetch(kafka: Kafka): Promise<DirectFetch> {
  const cluster = createCluster(kafka);
  await cluster.connect();
  const known = new Set<string>();
  const shared = new SharedFetch(cluster);
  return {
    async recordsFrom(topic, partition, offset) {
      if (!known.has(topic)) {
        await cluster.addTargetTopic(topic);
        known.add(topic);
      }
      return await shared.recordsFrom({ topic, partition, offset });
    },
    close: () => cluster.disconnect(),
  };
}

/** Collects the calls of one turn of the event loop. None is answered by a request that was sent before the call. */
class SharedFetch {
  readonly #cluster: Cluster;
  #calls: Call[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  recordsFrom(place: Place): Promise<ConsumedRecord[]> {
    return new Promise((resolve, reject) => {
      if (this.#calls.length === 0) setImmediate(() => this.#send());
      this.#calls.push({ ...place, resolve, reject });
    });
  }

  #send(): void {
    const calls = this.#calls;
    this.#calls = [];
    const byLeader = new Map<string, Call[]>();
    for (const call of calls) {
      const { topic, partition } = call;
      try {
        const [nodeId] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]));
        if (nodeId === undefined) throw new Error(`${topic}-${partition} has no leader`);
        const same = byLeader.get(nodeId);
        if (same === undefined) byLeader.set(nodeId, [call]);
        else same.push(call);
      } catch (error) {
        call.reject(error);
      }
    }
    for (const [nodeId, ofLeader] of byLeader) void this.#answer(nodeId, ofLeader);
  }

  /** Answers calls to one leader. Never rejects. */
  async #answer(nodeId: string, calls: readonly Call[]): Promise<void> {
    // A request has each partition once.
    const places = new Map<string, Place>();
    for (const call of calls) {
      const name = nameOf(call);
      if (!places.has(name)) places.set(name, call);
    }
    let found = new Map<string, ConsumedRecord[]>();
    try {
      found = await this.#fetch(nodeId, [...places.values()]);
    } catch (error) {
      // The broker refuses the request as a whole for what is wrong with one partition.
      if (calls.length === 1 || !isAnswer(error)) {
        for (const call of calls) call.reject(error);
        return;
      }
    }
    for (const call of calls) {
      const isAsked = places.get(nameOf(call))?.offset === call.offset;
      const records = isAsked ? found.get(nameOf(call)) ?? [] : [];
      // A broker that has filled a request with other partitions leaves this one empty: it is asked for alone.
      if (records.length > 0 || calls.length === 1) call.resolve(records);
      else {
        this.#fetch(nodeId, [call])
          .then((alone) => call.resolve(alone.get(nameOf(call)) ?? []), call.reject);
      }
    }
  }

  /** The records of each place, by its name. @throws kafkajs's errors */
  async #fetch(
    nodeId: string,
    places: readonly Place[],
  ): Promise<Map<string, ConsumedRecord[]>> {
    const broker = await this.#cluster.findBroker({ nodeId });
    const { responses } = await broker.fetch({
      maxWaitTime: 0,
      minBytes: 0,
      maxBytes: FETCH_MAX_BYTES * places.length,
      isolationLevel: READ_UNCOMMITTED,
      topics: places.map(({ topic, partition, offset }) => ({
        topic,
        partitions: [{ partition, fetchOffset: offset.toString(), maxBytes: FETCH_MAX_BYTES }],
      })),
    });
    const offsets = new Map(places.map((place) => [nameOf(place), place.offset]));
    const found = new Map<string, ConsumedRecord[]>();
    for (const { topicName: topic, partitions } of responses) {
      for (const { partition, messages } of partitions) {
        const name = nameOf({ topic, partition });
        // A fetch begins with the whole batch that has the offset.
        const from = offsets.get(name) ?? 0n;
        found.set(name, messages.map(toRecord).filter(({ offset }) => offset >= from));
      }
    }
    return found;
  }
}

const nameOf = ({ topic, partition }: Pick<Place, "topic" | "partition">): string =>
  `${topic}-${partition}`;

/** Whether the broker has answered with this error; those of the connection have no type. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && "type" in error;
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
