/** The broker and PostgreSQL of a stage: those inside the all-in-one service, or Apache Kafka and a server behind proxies. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { startRegistryServer } from "@gmn/embedded-broker/testing";
import { startEmbeddedPostgres } from "../../src/service/embedded_postgres.ts";
import { freePorts, startApacheKafka } from "../kafka/apache_kafka.ts";
import type { ApacheKafka } from "../kafka/apache_kafka.ts";
import { FaultyProxy } from "./faulty_proxy.ts";
import { PostgresProcesses } from "./postgres_processes.ts";

export interface Engines {
  readonly postgres: PostgresProcesses;
  /** Null where the service has its own, of the all-in-one stage. */
  readonly outside: {
    readonly kafka: ApacheKafka;
    readonly databaseUrl: string;
    readonly proxies: { readonly kafka: FaultyProxy; readonly postgres: FaultyProxy };
  } | null;
  /** What the service's processes are told of them. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Those that the service keeps under its `dataDirectory`. */
export function enginesInside(dataDirectory: string): Engines {
  return {
    postgres: new PostgresProcesses(join(dataDirectory, "postgres")),
    outside: null,
    settings: {
      BROKER: "embedded",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      POSTGRES_PORT: "0",
    },
    stop: () => Promise.resolve(),
  };
}

/** Apache Kafka, a registry and a PostgreSQL. @throws Error when Kafka can't be had */
export async function enginesOutside(folder: string): Promise<Engines> {
  const stack = new AsyncDisposableStack();
  try {
    const [port] = await freePorts(1) as [number];
    const kafkaProxy = await FaultyProxy.start(() => port);
    stack.defer(() => kafkaProxy.stop());
    const kafka = await startApacheKafka({
      port,
      // Clients are sent to the proxy, whatever they connected to first.
      properties: {
        "advertised.listeners": `PLAINTEXT://127.0.0.1:${kafkaProxy.port}`,
        "group.min.session.timeout.ms": "1000",
      },
      heap_MB: 384,
    });
    stack.defer(() => kafka.stop());
    const registry = startRegistryServer();
    stack.defer(() => registry.stop());
    const database = await startEmbeddedPostgres({
      directory: join(folder, "postgres"),
      port: 0,
      // Beside the logs of the processes: how it was started again after a fault.
      observe: (event, detail) => {
        const line = JSON.stringify({ at: new Date(), event, detail });
        appendFileSync(join(folder, "../logs/postgres.log"), `${line}\n`);
      },
    });
    stack.defer(() => database.stop());
    const postgresProxy = await FaultyProxy.start(() => database.port);
    stack.defer(() => postgresProxy.stop());
    const url = new URL(database.url);
    url.port = String(postgresProxy.port);
    const whole = stack.move();
    return {
      postgres: new PostgresProcesses(database.directory),
      outside: {
        kafka,
        databaseUrl: database.url,
        proxies: { kafka: kafkaProxy, postgres: postgresProxy },
      },
      settings: {
        KAFKA_BROKERS: `127.0.0.1:${kafkaProxy.port}`,
        SCHEMA_REGISTRY_URL: registry.url,
        DATABASE_URL: url.href,
        // A killed consumer's partitions wait for this; the default, half a minute, would be most of a cycle.
        KAFKA_SESSION_TIMEOUT_MS: "6000",
      },
      stop: () => whole.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
