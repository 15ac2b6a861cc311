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
import { TransientError, wait } from "@gmn/failures";
import type { ConsumedRecord } from "./consumed_record.ts";
import { DamageWatch } from "./damage_watch.ts";
import { takeFetch } from "./fetched_batch.ts";
import { forgetGroup } from "./consumer_group.ts";
import { classifyKafkaError } from "./kafka_client.ts";

/** A part of a partition, from `from` (inclusive) to `to` (exclusive). */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Some records of one partition. */
export interface ReadRecords {
  readonly topic: string;
  readonly partition: number;
  /** In offset order, all below the range's `to`. */
  readonly records: readonly ConsumedRecord[];
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

/**
 * Reads the ranges to their ends.
 * @throws TransientError when the broker can't be reached or gives nothing for a minute, PermanentError when it refuses, what
 *   `onRecords` throws, and the signal's reason
 */
export async function readLog(reading: LogReading): Promise<void> {
  const ranges = reading.ranges.filter(({ from, to }) => from < to);
  if (ranges.length === 0) return;
  const { kafka, signal } = reading;
  signal.throwIfAborted();
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
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  const read = new Reading(consumer, ranges, reading, resolve);
  const silence = setInterval(() => {
    if (read.silentSince_ms + SILENCE_MS_MAX > performance.now()) return;
    reject(new TransientError(`${DOING}: nothing came for ${SILENCE_MS_MAX / 1000} s; ${read}`));
  }, 1_000);
  try {
    await Promise.race([done, read.start()]);
    await done;
  } catch (error) {
    signal.throwIfAborted();
    throw read.failure === null ? classifyKafkaError(error, DOING) : read.failure.error;
  } finally {
    clearInterval(silence);
    signal.removeEventListener("abort", onAbort);
    await consumer.disconnect().catch(() => {});
    await forgetGroup(kafka, groupId);
  }
}

/** The positions of one reading. */
class Reading {
  failure: { readonly error: unknown } | null = null;
  silentSince_ms = performance.now();
  readonly #consumer: Consumer;
  readonly #reading: LogReading;
  readonly #onEnd: () => void;
  readonly #left = new Map<
    string,
    { at: bigint; readonly to: bigint; readonly damage: DamageWatch }
  >();

  constructor(
    consumer: Consumer,
    ranges: readonly PartitionRange[],
    reading: LogReading,
    onEnd: () => void,
  ) {
    this.#consumer = consumer;
    this.#reading = reading;
    this.#onEnd = onEnd;
    for (const { topic, partition, from, to } of ranges) {
      this.#left.set(keyOf(topic, partition), { at: from, to, damage: new DamageWatch() });
    }
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
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        try {
          await this.#take(batch, resolveOffset);
        } catch (error) {
          this.failure ??= { error };
          throw error;
        }
        await heartbeat();
      },
    });
  }

  async #take(batch: Batch, resolve: (offset: string) => void): Promise<void> {
    const { topic, partition } = batch;
    const left = this.#left.get(keyOf(topic, partition));
    this.silentSince_ms = performance.now();
    if (left === undefined) return resolve(batch.lastOffset());
    const { fetched, resolved, again } = takeFetch(batch, left.damage);
    if (fetched !== null && fetched.nextOffset > left.at) {
      const records = fetched.records.filter(({ offset }) => offset >= left.at && offset < left.to);
      left.at = fetched.nextOffset;
      await this.#reading.onRecords({ topic, partition, records, nextOffset: left.at });
    }
    if (resolved !== null) resolve(resolved);
    if (left.at >= left.to) {
      this.#left.delete(keyOf(topic, partition));
      this.#consumer.pause([{ topic, partitions: [partition] }]);
      if (this.#left.size === 0) this.#onEnd();
    } else if (again !== null) await wait(again.delay_ms, this.#reading.signal);
    this.silentSince_ms = performance.now();
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`;
