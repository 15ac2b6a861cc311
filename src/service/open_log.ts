/**
 * The opened log: topics created, schemas registered, a publisher connected, a probe to query its state, and a guard that lets nothing
 * through while it is undecided whether this is the log of the data store.
 */
import type { RunningBroker } from "../broker/broker.ts";
import { ensureTopics } from "../events/ensure_topics.ts";
import { createKafka, type Kafka } from "../events/kafka_client.ts";
import { createKafkaPublisher } from "../events/kafka_publisher.ts";
import { gatePublisher } from "../events/log_gate.ts";
import { appendLogIdentityEvent, newLogId, readLogIdentity } from "../events/log_identity.ts";
import { OwnRecords } from "../events/own_records.ts";
import { rangesOf, readLog } from "../events/log_reader.ts";
import { createLogProbe, type LogProbe } from "../events/log_probe.ts";
import { proveRoundTrip } from "../events/log_round_trip.ts";
import type { Publisher } from "../events/publisher.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../events/schema_registry.ts";
import { readWatermarks } from "../events/start_position.ts";
import {
  ALL_TOPICS,
  DEAD_LETTER,
  IAU_SHOWER,
  INGESTION_RUN,
  TRAJECTORY_SUMMARY_RAW,
} from "../events/topics.ts";
import { createValueReader, readRecords } from "../events/topic_sink.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { Observe } from "../observe/observe.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import type { RunJournal } from "../producer/ports.ts";
import { refuseForeignLog } from "../recovery/foreign_log.ts";
import { LogGuard } from "../recovery/log_guard.ts";
import { keyOf, type RunEventRecord, toRecord } from "../runs/run_event_record.ts";
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import { isTimedId } from "../dead_letters/dead_letter_ids.ts";
import type { Sql } from "../store/connection.ts";
import type { ListedShower } from "../store/iau_showers.ts";
import type { LogAccess } from "./log_access.ts";

/** Everything that reads or writes the log. */
export interface Log {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  /** Behind the guard, if there is one. */
  readonly publisher: Publisher;
  /** Publishes to the log whatever the guard says: for what repairs or refills it. */
  readonly ungated: Publisher;
  /** Null for a log that no data store depends on. */
  readonly guard: LogGuard | null;
  readonly probe: LogProbe;
  /** Which trajectories this process has published lately. */
  readonly own: OwnRecords;
  /** Whether ids of dead letters have times, of the log that was last looked at. */
  hasTimedIds(): boolean;
  readonly journal: RunJournal;
  /** Appends showers of the IAU's list and waits for the acknowledgement. */
  publishShowers(showers: readonly ListedShower[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenLogOptions {
  readonly observe: Observe;
  /** Credentials and certificates, if an external broker requires them. */
  readonly access: LogAccess;
  /** The data store that is built from the log, migrated; null for a log without one, such as the target of a copy. */
  readonly sql: Sql | null;
  /** The settings for the copies of topics on an external cluster; null for a broker of one node that the service starts. */
  readonly replication: ReplicationSettings | null;
  /** Runs work until it succeeds, waiting while a dependency is unavailable. */
  readonly patiently: <Result>(part: Dependency, work: () => Promise<Result>) => Promise<Result>;
}

/** Checks that `broker` works: a record is written and read back. For brokers started here, which require no login. */
export function proveLog(
  brokers: readonly string[],
  signal: AbortSignal,
  observe: Observe,
): Promise<void> {
  return proveRoundTrip(createKafka({ brokers, clientId: CLIENT_ID }, observe), signal);
}

/** Names this program to brokers and registries. */
export const CLIENT_ID = "gmn-data-store-ingestion";

/**
 * Opens the log behind `broker`. A log without an identity gets one.
 * @throws PermanentError when a topic is unsuitable or has another program's records, or the registry holds an incompatible schema
 */
export async function openLog(
  broker: RunningBroker,
  { observe, access, sql, replication, patiently }: OpenLogOptions,
): Promise<Log> {
  const kafka = createKafka(
    { brokers: broker.brokers, clientId: CLIENT_ID, ...access.kafka },
    observe,
  );
  const registry = createSchemaRegistry(
    { url: broker.schemaRegistryUrl, clientId: CLIENT_ID, ...access.registry },
    observe,
  );
  const known = await patiently("registry", () => readLogIdentity(kafka, registry));
  if (known === null) await patiently("registry", () => refuseForeignLog(kafka, registry));
  await patiently("broker", () => ensureTopics(kafka, ALL_TOPICS, observe, replication));
  const schemaIds = await patiently("registry", () => registry.register(ALL_TOPICS));
  const own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);
  const ungated = await patiently("broker", () => createKafkaPublisher(kafka, schemaIds, own));
  const { hasTimedIds } = known ??
    await patiently("broker", () => createIdentity(kafka, registry, ungated, observe));
  const guard = sql === null
    ? null
    : new LogGuard({ kafka, registry, sql, publisher: ungated, observe });
  guard?.onUndecided(() => own.forgetRanges());
  const publisher = guard === null ? ungated : gatePublisher(ungated, guard, own);
  const probe = createLogProbe(kafka);
  const showers = createValueCodec<ListedShower>(IAU_SHOWER);
  const runEvents = createValueCodec<RunEventRecord>(INGESTION_RUN);
  return {
    kafka,
    registry,
    publisher,
    ungated,
    guard,
    probe,
    own,
    hasTimedIds: () => guard?.state?.hasTimedIds ?? hasTimedIds,
    journal: {
      async append(event) {
        const value = runEvents.encode(toRecord(event), publisher.schemaId(INGESTION_RUN));
        await publisher.publish(INGESTION_RUN, [{ key: keyOf(event), value }]);
      },
    },
    async publishShowers(given) {
      const schemaId = publisher.schemaId(IAU_SHOWER);
      await publisher.publish(
        IAU_SHOWER,
        given.map((shower) => ({
          key: String(shower.number),
          value: showers.encode(shower, schemaId),
        })),
      );
    },
    async close() {
      await Promise.all([guard?.close(), ungated.close(), probe.close()]);
    },
  };
}

/**
 * Gives the log an identity. One that has dead letters already is from before logs had identities, or has lost its own: it goes on
 * naming them as it did.
 */
async function createIdentity(
  kafka: Kafka,
  registry: SchemaRegistry,
  publisher: Publisher,
  observe: Observe,
): Promise<{ readonly hasTimedIds: boolean }> {
  const hasTimedIds = await namesWithTimes(kafka, registry, observe);
  const logId = newLogId();
  await appendLogIdentityEvent(publisher, { type: "created", logId, at: new Date(), hasTimedIds });
  return { hasTimedIds };
}

/** Whether the dead letters in the log have times in their ids; true where it has none of records or batches. */
async function namesWithTimes(
  kafka: Kafka,
  registry: SchemaRegistry,
  observe: Observe,
): Promise<boolean> {
  const ranges = rangesOf(DEAD_LETTER.name, await readWatermarks(kafka, DEAD_LETTER.name));
  const decode = createValueReader<DeadLetter>(DEAD_LETTER, registry);
  let hasTimes: boolean | null = null;
  await readLog({
    kafka,
    ranges,
    signal: new AbortController().signal,
    async onRecords({ topic, partition, records, nextOffset }) {
      if (hasTimes !== null) return;
      const readable = records.filter(({ unreadable }) => unreadable === undefined);
      const batch = { topic, partition, firstOffset: 0n, nextOffset, records: readable };
      for (const { id } of await readRecords(batch, observe, decode)) hasTimes ??= isTimedId(id);
    },
  });
  return hasTimes ?? true;
}
