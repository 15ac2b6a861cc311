/**
 * Reads a range of the log once, from one end to the other, outside of the consumer group: for checks, copies and comparisons.
 *
 *     joined as the only member of a new group ─▶ every partition sought to its beginning ─▶ fetch, hand over … ─▶ all ends reached
 *
 * Records arrive in offset order per partition; partitions take turns. The next fetch waits until `onRecords` has resolved, so memory is
 * bounded by one fetch. A damaged batch is fetched again as `DamageWatch` says, and then handed over as one unreadable record.
 */
import { randomUUID } from "node:crypto";
import type { Batch, Consumer, Kafka } from "kafkajs";
import { type Backoff, backoffDelayMs, PermanentError, TransientError, wait } from "@gmn/failures";
import type { ConsumedRecord } from "./consumed_record.ts";
import { DamageWatch } from "./damage_watch.ts";
import { takeFetch } from "./fetched_batch.ts";
import { forgetGroup } from "./consumer_group.ts";
import { BrokerUnavailableError, classifyKafkaError, withAdmin } from "./kafka_client.ts";
import { askWatermarks, type Watermarks } from "./start_position.ts";

/** A part of a partition, from `from` (inclusive) to `to` (exclusive). */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** All that the partitions of a topic hold, between their watermarks. */
export function rangesOf(
  topic: string,
  watermarks: ReadonlyMap<number, Watermarks>,
): PartitionRange[] {
  return [...watermarks].map(([partition, { low: from, high: to }]) => (
    { topic, partition, from, to }
  ));
}

/** Some records of one partition. */
export interface ReadRecords {
  readonly topic: string;
  readonly partition: number;
  /** In offset order. An unreadable batch that the range only touches is one of them. */
  readonly records: readonly ConsumedRecord[];
  /** Offsets of records that consumers never see: the ends of transactions, and what aborted ones wrote. Both ends inclusive. */
  readonly hidden: readonly { readonly first: bigint; readonly last: bigint }[];
  /** Everything of the range before this offset has been handed over. */
  readonly nextOffset: bigint;
}

export interface LogReading {
  readonly kafka: Kafka;
  readonly ranges: readonly PartitionRange[];
  readonly signal: AbortSignal;
  /** The next fetch waits for it; when it rejects, the reading ends with that error. */
  readonly onRecords: (read: ReadRecords) => Promise<void> | void;
}

/** A megabyte per partition and fetch: about 1,100 trajectory summaries. */
const FETCH_MAX_PARTITION_BYTES = 1024 * 1024;
const FETCH_MAX_WAIT_MS = 250;
/** A reading that gets nothing for so long has lost its broker, or the range's end is no longer in the log. */
const SILENCE_MS_MAX = 60_000;
const DOING = "reading the log";
/** A cluster's first group waits until the topic of the groups is created and loaded; on Apache Kafka this takes seconds. */
const JOIN_BACKOFF: Backoff = { base_ms: 500, cap_ms: 3_000, attempts: 6 };

/**
 * Reads the ranges to their ends. Offsets before the beginning of the log are passed over.
 * @throws TransientError when the broker can't be reached or gives nothing for a minute, PermanentError when it refuses or a range
 *   ends behind the log's end, what `onRecords` throws, and the signal's reason
 */
export async function readLog(reading: LogReading): Promise<void> {
  const ranges = reading.ranges.filter(({ from, to }) => from < to);
  if (ranges.length === 0) return;
  const { kafka, signal } = reading;
  signal.throwIfAborted();
  await assertEnds(kafka, ranges);
  for (let attempt = 1;; attempt++) {
    try {
      return await readOnce(reading, ranges);
    } catch (error) {
      if (!(error instanceof NotJoinedError) || attempt >= JOIN_BACKOFF.attempts) throw error;
      await wait(backoffDelayMs(JOIN_BACKOFF, attempt), signal);
    }
  }
}

/** The group could not be joined; nothing was read. */
class NotJoinedError extends TransientError {}

async function readOnce(reading: LogReading, ranges: readonly PartitionRange[]): Promise<void> {
  const { kafka, signal } = reading;
  const groupId = `gmn-data-store-reader-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxBytesPerPartition: FETCH_MAX_PARTITION_BYTES,
    maxWaitTimeInMs: FETCH_MAX_WAIT_MS,
    retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  done.catch(() => {});
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let isJoined = false;
  consumer.on(consumer.events.GROUP_JOIN, () => void (isJoined = true));
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  const read = new Reading(consumer, ranges, reading, { resolve, reject });
  const silence = setInterval(() => {
    if (read.silent_ms < SILENCE_MS_MAX) return;
    reject(new TransientError(`${DOING}: nothing came for ${SILENCE_MS_MAX / 1000} s; ${read}`));
  }, 1_000);
  try {
    await Promise.race([done, read.start()]);
    await done;
  } catch (error) {
    signal.throwIfAborted();
    if (read.failure !== null) throw read.failure.error;
    const failure = classifyKafkaError(error, DOING);
    const isEarly = !isJoined && failure instanceof BrokerUnavailableError;
    throw isEarly ? new NotJoinedError(failure.message, failure) : failure;
  } finally {
    clearInterval(silence);
    signal.removeEventListener("abort", onAbort);
    await consumer.disconnect().catch(() => {});
    await forgetGroup(kafka, groupId);
  }
}

/** A reader would wait in vain for what is not there yet. */
async function assertEnds(kafka: Kafka, ranges: readonly PartitionRange[]): Promise<void> {
  await withAdmin(kafka, DOING, async (admin) => {
    for (const topic of new Set(ranges.map((range) => range.topic))) {
      const watermarks = await askWatermarks(admin, topic);
      for (const { partition, to } of ranges.filter((range) => range.topic === topic)) {
        const high = watermarks.get(partition)?.high;
        if (high === undefined) throw new PermanentError(`${topic} has no partition ${partition}`);
        if (to > high) {
          throw new PermanentError(
            `${topic}-${partition} ends at ${high}, before the offset ${to} up to which it is to be read`,
            { hint: "The log was cut or replaced: see docs/runbook.md." },
          );
        }
      }
    }
  });
}

/** kafkajs has these fields of a batch, and its types leave them out. */
type WholeBatch = Batch & { readonly messagesWithinOffset: readonly { readonly offset: string }[] };

/** The positions of one reading. */
class Reading {
  /** What `onRecords` threw. */
  failure: { readonly error: unknown } | null = null;
  readonly #consumer: Consumer;
  readonly #reading: LogReading;
  readonly #end: PromiseWithResolvers<void>["reject"];
  readonly #onEnd: () => void;
  readonly #left = new Map<
    string,
    { at: bigint; readonly to: bigint; readonly damage: DamageWatch }
  >();
  /** Since when the broker has given nothing; null while what it gave is worked on. */
  #silentSince_ms: number | null = performance.now();

  constructor(
    consumer: Consumer,
    ranges: readonly PartitionRange[],
    reading: LogReading,
    end: Pick<PromiseWithResolvers<void>, "resolve" | "reject">,
  ) {
    this.#consumer = consumer;
    this.#reading = reading;
    this.#onEnd = end.resolve;
    this.#end = end.reject;
    for (const { topic, partition, from, to } of ranges) {
      this.#left.set(keyOf(topic, partition), { at: from, to, damage: new DamageWatch() });
    }
  }

  /** Milliseconds since the broker gave anything. */
  get silent_ms(): number {
    return this.#silentSince_ms === null ? 0 : performance.now() - this.#silentSince_ms;
  }

  /** What is left, for an error message. */
  toString(): string {
    return [...this.#left].map(([key, { at, to }]) => `${key} is at ${at} of ${to}`).join(", ");
  }

  async start(): Promise<void> {
    const consumer = this.#consumer;
    const topics = [...new Set([...this.#reading.ranges].map(({ topic }) => topic))];
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // Synchronously, before the first fetch: nothing is read before its beginning was sought.
      for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
        for (const partition of partitions) {
          const left = this.#left.get(keyOf(topic, partition));
          if (left === undefined) consumer.pause([{ topic, partitions: [partition] }]);
          else consumer.seek({ topic, partition, offset: left.at.toString() });
        }
      }
    });
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    // kafkajs passes over a fetch that has nothing for consumers, and only this event tells of it.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) void this.#guarded(() => this.#passOver(payload));
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        // What failed has ended the reading: kafkajs must not deliver the same batch again.
        if (await this.#guarded(() => this.#take(batch, resolveOffset))) await heartbeat();
      },
    });
  }

  async #guarded(work: () => Promise<void>): Promise<boolean> {
    if (this.failure !== null) return false;
    try {
      await work();
      return true;
    } catch (error) {
      this.failure ??= { error };
      this.#end(error);
      return false;
    }
  }

  async #take(batch: Batch, resolve: (offset: string) => void): Promise<void> {
    const { topic, partition } = batch;
    const left = this.#left.get(keyOf(topic, partition));
    if (left === undefined) return resolve(batch.lastOffset());
    const { fetched, resolved, again } = takeFetch(batch, left.damage);
    if (fetched !== null && fetched.nextOffset > left.at) {
      const records = recordsOf(fetched.records, left);
      await this.#give(
        topic,
        partition,
        records,
        hiddenIn(batch as WholeBatch, fetched.nextOffset),
        fetched.nextOffset,
      );
    }
    if (resolved !== null) resolve(resolved);
    if (again !== null && left.at < left.to) await wait(again.delay_ms, this.#reading.signal);
    this.#silentSince_ms = performance.now();
  }

  /** Kafka's log may end in records that no consumer sees. */
  async #passOver(
    { topic, partition, firstOffset, lastOffset }: {
      topic: string;
      partition: number;
      firstOffset: string | null;
      lastOffset: string;
    },
  ): Promise<void> {
    const left = this.#left.get(keyOf(topic, partition));
    const last = BigInt(lastOffset);
    if (left === undefined || last < left.at) return;
    const hidden = firstOffset === null ? [] : [{ first: BigInt(firstOffset), last }];
    await this.#give(topic, partition, [], hidden, last + 1n);
  }

  async #give(
    topic: string,
    partition: number,
    records: readonly ConsumedRecord[],
    hidden: ReadRecords["hidden"],
    nextOffset: bigint,
  ): Promise<void> {
    const key = keyOf(topic, partition);
    const left = this.#left.get(key)!;
    this.#silentSince_ms = null;
    await this.#reading.onRecords({ topic, partition, records, hidden, nextOffset });
    this.#silentSince_ms = performance.now();
    left.at = nextOffset;
    if (left.at < left.to) return;
    this.#left.delete(key);
    this.#consumer.pause([{ topic, partitions: [partition] }]);
    if (this.#left.size === 0) this.#onEnd();
  }
}

/** The records of a range: those in it, and a damaged batch that begins in it. The head of such a batch may name any offset. */
function recordsOf(
  records: readonly ConsumedRecord[],
  { at, to }: { readonly at: bigint; readonly to: bigint },
): ConsumedRecord[] {
  let next = at;
  return records.filter(({ offset, unreadable }) => {
    const first = unreadable === undefined ? offset : next;
    if (offset >= next) next = offset + 1n;
    return offset >= at && first < to;
  });
}

/** The offsets below `end` that kafkajs has filtered out of a batch. */
function hiddenIn(batch: WholeBatch, end: bigint): { first: bigint; last: bigint }[] {
  const within = batch.messagesWithinOffset;
  if (within.length === batch.messages.length) return [];
  const shown = new Set(batch.messages.map(({ offset }) => offset));
  return within.filter(({ offset }) => !shown.has(offset) && BigInt(offset) < end)
    .map(({ offset }) => ({ first: BigInt(offset), last: BigInt(offset) }));
}

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`;
