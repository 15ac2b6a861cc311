/** The opened log: topics created, schemas registered, a publisher connected, a probe to query its state. */
import type { RunningBroker } from "../broker/broker.ts";
import { ensureTopics } from "../events/ensure_topics.ts";
import { createKafka, type Kafka } from "../events/kafka_client.ts";
import { createKafkaPublisher } from "../events/kafka_publisher.ts";
import { OwnRecords } from "../events/own_records.ts";
import { createLogProbe, type LogProbe } from "../events/log_probe.ts";
import { proveRoundTrip } from "../events/log_round_trip.ts";
import type { Publisher } from "../events/publisher.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../events/schema_registry.ts";
import { IAU_SHOWER, INGESTION_RUN, TOPICS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
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
  /** Which trajectories this process has published lately. */
  readonly own: OwnRecords;
  readonly journal: RunJournal;
  /** Appends showers of the IAU's list and waits for the acknowledgement. */
  publishShowers(showers: readonly ListedShower[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenLogOptions {
  readonly observe: Observe;
  /** Credentials and certificates, if an external broker requires them. */
  readonly access: LogAccess;
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

const CLIENT_ID = "gmn-data-store-ingestion";

/**
 * Opens the log behind `broker`.
 * @throws PermanentError when a topic is unsuitable, or the registry holds an incompatible schema
 */
export async function openLog(
  broker: RunningBroker,
  { observe, access, patiently }: OpenLogOptions,
): Promise<Log> {
  const kafka = createKafka(
    { brokers: broker.brokers, clientId: CLIENT_ID, ...access.kafka },
    observe,
  );
  const registry = createSchemaRegistry(
    { url: broker.schemaRegistryUrl, clientId: CLIENT_ID, ...access.registry },
    observe,
  );
  await patiently("broker", () => ensureTopics(kafka, TOPICS, observe));
  const schemaIds = await patiently("registry", () => registry.register(TOPICS));
  const own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);
  const publisher = await patiently("broker", () => createKafkaPublisher(kafka, schemaIds, own));
  const probe = createLogProbe(kafka);
  const showers = createValueCodec<ListedShower>(IAU_SHOWER);
  const runEvents = createValueCodec<RunEventRecord>(INGESTION_RUN);
  return {
    kafka,
    registry,
    publisher,
    probe,
    own,
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
