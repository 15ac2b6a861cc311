/**
 * Assembles the embedded broker: database, log, groups, Kafka listener, schema registry. It runs in the Worker
 * (`worker.ts`), in one thread: the code of one request between two awaits can't be interrupted by another request, so
 * nothing here has locks.
 *
 * Started in this order, stopped in the reverse one: database → log and groups → registry → Kafka listener.
 */
import type { DatabaseSync } from "node:sqlite";
import { apisOf } from "./api/apis.ts";
import { Groups } from "./groups/groups.ts";
import { ProducerIds } from "./log/producer_ids.ts";
import { BatchStore } from "./log/batch_store.ts";
import { Checker } from "./log/checker.ts";
import { Sweeper } from "./log/sweeper.ts";
import { Topics } from "./log/topics.ts";
import { dispatchTo, type Intercept } from "./network/dispatch.ts";
import { ClientMemory } from "./network/memory.ts";
import { serveRegistry } from "./network/registry_server.ts";
import { listen } from "./network/server.ts";
import type { Broker } from "./protocol/broker.ts";
import { createRegistry } from "./registry/registry.ts";
import type { BrokerEvent, BrokerSettings } from "./settings.ts";
import { Commits } from "./storage/commits.ts";
import { closeDatabase, openDatabase } from "./storage/database.ts";

/** Statistics for tests and benches. */
export interface BrokerStats {
  readonly connections: number;
  readonly transactions: number;
  readonly writes: number;
  readonly request_bytes: number;
  readonly unsent_bytes: number;
}

/** A listening broker. */
export interface ListeningBroker {
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
  disconnectAll(): void;
  stats(): BrokerStats;
  /** Stops accepting requests, answers pending ones, checkpoints everything into the database file and closes it. */
  stop(): Promise<void>;
}

/**
 * Starts the broker in this thread.
 * @param onEvent is called with each event while the broker runs, and must not throw
 * @param intercept is called between a request and its work; for tests
 * @throws BrokerRefusal when the directory is in use or a port is taken
 */
export async function startBroker(
  settings: BrokerSettings,
  onEvent: (event: BrokerEvent) => void,
  intercept?: Intercept,
): Promise<ListeningBroker> {
  const fault = (what: string, error: unknown) =>
    onEvent({ kind: "fault", reason: `${what}${withPlace(error)}` });
  // If a later part does not start, the parts already started are stopped again.
  await using started = new AsyncDisposableStack();
  const db = openDatabase(settings.directory);
  started.defer(() => closeDatabase(db, settings.directory));
  const memory = new ClientMemory();
  const commits = new Commits(
    db,
    (reason) => onEvent({ kind: "fault", reason: `could not commit: ${reason}` }),
  );
  started.defer(() => commits.drained());
  const broker = stateOf(db, commits, settings, memory);
  const checker = new Checker(new BatchStore(db), broker.topics, onEvent);
  const registry = createRegistry({ db, onFault: (error) => fault("", error) });
  const registryServer = serveRegistry(registry, settings.host, settings.schemaRegistryPort);
  started.defer(() => registryServer.stop());
  const listener = await listen({
    host: settings.host,
    port: settings.kafkaPort,
    dispatch: dispatchTo(apisOf(broker), {
      intercept,
      onRequestFailure: (api, client, error) => fault(`${api} of ${client} failed: `, error),
    }),
    memory,
    stallTimeout_ms: settings.stallTimeout_ms,
    onRefused: (client, reason) => onEvent({ kind: "client refused", client, reason }),
    onFault: (error) => fault("", error),
  });
  broker.port = listener.port;
  started.defer(async () => {
    broker.sweeper.stop();
    checker.stop();
    const stopped = listener.stop();
    broker.groups.close();
    await stopped;
  });
  broker.sweeper.wake();
  checker.start();
  const running = started.move();
  return {
    kafkaPort: listener.port,
    schemaRegistryPort: registryServer.port,
    disconnectAll: () => listener.disconnectAll(),
    stats: () => ({
      connections: listener.connections(),
      ...commits.counts,
      request_bytes: memory.request_bytes,
      unsent_bytes: memory.unsent_bytes,
    }),
    stop: () => running.disposeAsync(),
  };
}

/** The state that the APIs work on. */
function stateOf(
  db: DatabaseSync,
  commits: Commits,
  settings: BrokerSettings,
  memory: ClientMemory,
): Broker {
  const { host, kafkaPort, autoCreateTopics, defaultPartitions } = settings;
  return {
    clusterId: clusterIdOf(db),
    host,
    port: kafkaPort,
    commits,
    topics: new Topics(db, commits),
    groups: new Groups(db, commits, settings.minSessionTimeout_ms),
    producerIds: new ProducerIds(db, commits),
    sweeper: new Sweeper(db, commits),
    autoCreateTopics,
    defaultPartitions,
    isCongested: () => memory.isCongested,
  };
}

/** The id of the cluster: created once and kept in the database. Clients use it to distinguish clusters. */
function clusterIdOf(db: DatabaseSync): string {
  const made = crypto.randomUUID().replaceAll("-", "").slice(0, 22);
  db.prepare("INSERT OR IGNORE INTO meta (name, value) VALUES ('cluster_id', ?)").run(made);
  return db.prepare("SELECT value FROM meta WHERE name = 'cluster_id'").get()?.value as string;
}

/** The text of an unexpected error, with the place where it was thrown. */
function withPlace(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
