/**
 * The consumer loop: reads all topics of the service from the log into PostgreSQL, as one consumer group.
 *
 * Each partition has a lane (`events/lane.ts`), which passes batches to the sink of its topic. While a dependency is unavailable
 * (database, registry, broker of the dead letters) the batch is retried without limit, with back-off. When another consumer has
 * moved the partition's offset, the subscription reads its position again.
 *
 * The log may have been replaced between a check and a fetch. So after each fetch, before its batch is stored, the gate confirms
 * that the log is the one that was checked; only a batch of that log is stored.
 */
import { type Backoff, explain, retry, TransientError } from "@gmn/failures";
import { BrokerUnavailableError, type Kafka } from "../events/kafka_client.ts";
import type { LaneLimits } from "../events/lane.ts";
import { PositionLostError } from "../events/consumed_record.ts";
import { RegistryUnavailableError, type SchemaRegistry } from "../events/schema_registry.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import { type LogGate, LogUndecidedError, OPEN_GATE } from "../events/log_gate.ts";
import { type PartitionReader, subscribe, type Subscription } from "../events/subscription.ts";
import { type Witness, witnessOf } from "../events/witness.ts";
import type { Observe } from "../observe/observe.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import { beginAtOffset, OffsetMismatchError, readPosition } from "../store/consumer_offsets.ts";
import type { Sql } from "../store/connection.ts";

/** The consumer group. Tools for consumer lag see its offsets. */
export const CONSUMER_GROUP = "gmn-data-store";

/**
 * A batch is a transaction. It is large enough that its fixed costs (about five statements and an fsync) are negligible, and small
 * enough that little is read again after a crash and that a lane's memory stays below about 12 MiB.
 */
const LANE_LIMITS: LaneLimits = {
  maxRecords: 5_000,
  maxBytes: 8 * 1024 * 1024,
  queueBytes: 4 * 1024 * 1024,
};

/** Retries never end. Ten seconds is soon enough for a database that restarts. */
const STORE_BACKOFF: Backoff = { base_ms: 200, cap_ms: 10_000, attempts: Infinity };

/** Dependencies of a sink of one of the service's own topics. */
export interface ProjectionOptions {
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
}

export interface SinkOptions {
  readonly kafka: Kafka;
  readonly sql: Sql;
  readonly sinks: readonly TopicSink[];
  /** Closed while it is undecided whether this is the log of the data store; always open by default. */
  readonly gate?: LogGate;
  /** The consumer group; the service's own by default. */
  readonly groupId?: string;
  /** See `SubscriptionOptions`. */
  readonly sessionTimeout_ms?: number;
  readonly observe: Observe;
}

/** Starts consuming. */
export function startSink(options: SinkOptions): Subscription {
  const sinks = new Map(options.sinks.map((sink) => [sink.topic, sink]));
  return subscribe({
    ...options,
    groupId: options.groupId ?? CONSUMER_GROUP,
    topics: [...sinks.keys()],
    reader: createReader(options, sinks),
    limits: LANE_LIMITS,
  });
}

/** Ends a lane without being retried. */
class GateClosed extends Error {
  constructor(readonly reason: LogUndecidedError) {
    super(reason.message);
  }
}

/** The store as the subscription needs it. */
function createReader(
  { sql, observe, gate = OPEN_GATE }: SinkOptions,
  sinks: ReadonlyMap<string, TopicSink>,
): PartitionReader {
  /** The last loaded record of each partition. */
  const witnesses = new Map<string, Witness>();
  const remember = (topic: string, partition: number, witness: Witness | null): void => {
    if (witness === null) witnesses.delete(`${topic}-${partition}`);
    else witnesses.set(`${topic}-${partition}`, witness);
  };
  return {
    // A failure at assignment ends the session, and the next session asks again.
    async position(topic, partition) {
      await gate.check({ topic, partition });
      const stored = await readPosition(sql, topic, partition);
      remember(topic, partition, stored?.witness ?? null);
      return stored?.nextOffset ?? null;
    },
    begin: (topic, partition, at) => beginAtOffset(sql, topic, partition, at),
    async process(batch, signal) {
      const { topic, partition } = batch;
      const sink = sinks.get(topic);
      if (sink === undefined) throw new TransientError(`no sink for topic ${topic}`);
      const before = witnesses.get(`${topic}-${partition}`);
      const witness = witnessOf(batch.records);
      const store = async () => {
        try {
          await gate.confirm(
            before === undefined ? undefined : { topic, partition, witness: before },
          );
          await sink.store({ ...batch, witness });
        } catch (error) {
          throw error instanceof LogUndecidedError ? new GateClosed(error) : error;
        }
      };
      try {
        await retry(store, {
          backoff: STORE_BACKOFF,
          signal,
          onRetry(error, attempt, delay_ms) {
            const [part, reason] = [partOf(error), explain(error)];
            observe("sink.retry", { topic, partition, part, reason, attempt, delay_ms });
          },
        });
        if (witness !== null) remember(topic, partition, witness);
      } catch (error) {
        if (error instanceof GateClosed) throw error.reason;
        if (!(error instanceof OffsetMismatchError)) throw error;
        const { expected, found } = error;
        observe("sink.fenced", { topic, partition, expected, found });
        throw new PositionLostError(error.message, { cause: error });
      }
    },
  };
}

/** What a sink waits for after this failure: the schemas of records, the publication of dead letters, or else the data store. */
export function partOf(error: TransientError): Dependency {
  if (error instanceof RegistryUnavailableError) return "registry";
  return error instanceof BrokerUnavailableError ? "broker" : "database";
}
