/**
 * The consumer loop: every topic of ours, from the log into PostgreSQL, one group.
 *
 * Each partition has its lane (`events/lane.ts`), which hands batches to the sink of its topic. What is away (database,
 * registry, broker of the dead letters) is waited for here, for ever, with back-off; what has moved on under us is told to
 * the subscription, which finds its place again.
 */
import type { Kafka } from "../events/kafka_client.ts";
import type { LaneLimits } from "../events/lane.ts";
import { type PartitionReader, subscribe, type Subscription } from "../events/subscription.ts";
import { type Backoff, retry } from "../failures/backoff.ts";
import { explain, TransientError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import { readOffset, repositionOffset } from "../store/consumer_offsets.ts";
import type { Sql } from "../store/connection.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";
import type { TopicSink } from "./topic_sink.ts";

/** The group whose offsets lag tools see. */
export const CONSUMER_GROUP = "gmn-data-store";

/**
 * A batch is a transaction: large enough that its fixed costs (about five statements and an fsync) vanish, small enough that
 * a replay after a crash is short and a lane's memory stays below about 12 MiB.
 */
const LANE_LIMITS: LaneLimits = {
  maxRecords: 5_000,
  maxBytes: 8 * 1024 * 1024,
  queueBytes: 4 * 1024 * 1024,
};

/** What is away is waited for, for ever; ten seconds is soon enough for a database that restarts. */
const STORE_BACKOFF: Backoff = { base_ms: 200, cap_ms: 10_000, attempts: Infinity };

export interface SinkOptions {
  readonly kafka: Kafka;
  readonly sql: Sql;
  readonly sinks: readonly TopicSink[];
  /** See `SubscriptionOptions`. */
  readonly sessionTimeout_ms?: number;
  readonly observe: Observe;
}

/** Starts consuming. */
export function startSink(options: SinkOptions): Subscription {
  const sinks = new Map(options.sinks.map((sink) => [sink.topic, sink]));
  return subscribe({
    kafka: options.kafka,
    groupId: CONSUMER_GROUP,
    topics: [...sinks.keys()],
    reader: createReader(options.sql, sinks, options.observe),
    limits: LANE_LIMITS,
    sessionTimeout_ms: options.sessionTimeout_ms,
    observe: options.observe,
  });
}

/** The subscription's view of the store. */
function createReader(
  sql: Sql,
  sinks: ReadonlyMap<string, TopicSink>,
  observe: Observe,
): PartitionReader {
  /** Asked at assignment: a failure ends the session, and the next one asks again. */
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await question();
    } catch (error) {
      throw classifyDatabaseError(error);
    }
  };
  return {
    position: (topic, partition) => ask(() => readOffset(sql, topic, partition)),
    reposition: (topic, partition, from, to) =>
      ask(() => repositionOffset(sql, topic, partition, from, to)),
    async process(batch, signal) {
      const sink = sinks.get(batch.topic);
      if (sink === undefined) throw new TransientError(`no sink for topic ${batch.topic}`);
      await retry(() => sink.store(batch), {
        backoff: STORE_BACKOFF,
        signal,
        onRetry: (error, attempt, delay_ms) =>
          observe("sink.retry", {
            topic: batch.topic,
            partition: batch.partition,
            reason: explain(error),
            attempt,
            delay_ms,
          }),
      });
    },
  };
}
