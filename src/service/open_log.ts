/** The opened log: topics created, schemas registered, a publisher connected, a probe to query its state. */
import type { RunningBroker } from "../broker/broker.ts";
import { ensureTopics } from "../events/ensure_topics.ts";
import { createKafka, type Kafka } from "../events/kafka_client.ts";
import { createKafkaPublisher } from "../events/kafka_publisher.ts";
import { createLogProbe, type LogProbe } from "../events/log_probe.ts";
import { proveRoundTrip } from "../events/log_round_trip.ts";
import type { Publisher } from "../events/publisher.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../events/schema_registry.ts";
import { ALL_TOPICS, IAU_SHOWER, INGESTION_RUN } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { Observe } from "../observe/observe.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import type { RunJournal } from "../producer/ports.ts";
import { type RunEventRecord, toRecord } from "../runs/run_event_record.ts";
import type { ListedShower } from "../store/iau_showers.ts";
import type { LogAccess } from "./log_access.ts";

/** Everything that reads or writes the log. */
export interface Log {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  readonly publisher: Publisher;
  readonly probe: LogProbe;
  readonly journal: RunJournal;
  /** Appends showers of the IAU's list and waits for the acknowledgement. */
  publishShowers(showers: readonly ListedShower[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenLogOptions {
  readonly observe: Observe;
  /** Credentials and certificates, if an external broker requires them. */
  readonly access: LogAccess;
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
 * Opens the log behind `broker`.
 * @throws PermanentError when a topic is unsuitable, or the registry holds an incompatible schema
 */
export async function openLog(
  broker: RunningBroker,
  { observe, access, replication, patiently }: OpenLogOptions,
): Promise<Log> {
  const kafka = createKafka(
    { brokers: broker.brokers, clientId: CLIENT_ID, ...access.kafka },
    observe,
  );
  const registry = createSchemaRegistry(
    { url: broker.schemaRegistryUrl, clientId: CLIENT_ID, ...access.registry },
    observe,
  );
  await patiently("broker", () => ensureTopics(kafka, ALL_TOPICS, observe, replication));
  const schemaIds = await patiently("registry", () => registry.register(ALL_TOPICS));
  const publisher = await patiently("broker", () => createKafkaPublisher(kafka, schemaIds));
  const probe = createLogProbe(kafka);
  const showers = createValueCodec<ListedShower>(IAU_SHOWER);
  const runEvents = createValueCodec<RunEventRecord>(INGESTION_RUN);
  return {
    kafka,
    registry,
    publisher,
    probe,
    journal: {
      async append(event) {
        const value = runEvents.encode(toRecord(event), publisher.schemaId(INGESTION_RUN));
        await publisher.publish(INGESTION_RUN, [{ key: event.runId, value }]);
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
      await Promise.all([publisher.close(), probe.close()]);
    },
  };
}
