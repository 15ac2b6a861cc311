/**
 * The embedded broker, put together: database, log, groups, Kafka listener, schema registry. Runs in the Worker
 * (`worker.ts`), in one thread: whatever one request does between two awaits, no other can come in between, which is
 * why nothing here has locks.
 *
 * Started in this order, stopped in the reverse one: database → log and groups → registry → Kafka listener.
 */
import type { DatabaseSync } from "node:sqlite";
import { apisOf } from "./api/apis.ts";
import { Groups } from "./groups/groups.ts";
import { ProducerIds } from "./log/producer_ids.ts";
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

/** Numbers for tests and benches. */
export interface BrokerStats {
  readonly connections: number;
  readonly transactions: number;
  readonly writes: number;
  readonly request_bytes: number;
  readonly unsent_bytes: number;
}

/** The broker, listening. */
export interface ListeningBroker {
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
  disconnectAll(): void;
  stats(): BrokerStats;
  /** Stops taking requests, answers those there are, brings everything into the database file and closes it. */
  stop(): Promise<void>;
}

/**
 * Starts the broker in this thread.
 * @param tell is called with what happens while it runs, and must not throw
 * @param intercept stands between requests and their work; for tests
 * @throws BrokerRefusal when the directory is in use or a port is taken
 */
export async function startBroker(
  settings: BrokerSettings,
  tell: (event: BrokerEvent) => void,
  intercept?: Intercept,
): Promise<ListeningBroker> {
  const fault = (what: string, error: unknown) =>
    tell({ kind: "fault", reason: `${what}${withPlace(error)}` });
  // What was started is stopped again where the rest does not start.
  await using started = new AsyncDisposableStack();
  const db = openDatabase(settings.directory);
  started.defer(() => closeDatabase(db, settings.directory));
  const memory = new ClientMemory();
  const commits = new Commits(
    db,
    (reason) => tell({ kind: "fault", reason: `could not commit: ${reason}` }),
  );
  started.defer(() => commits.drained());
  const broker = stateOf(db, commits, settings, memory);
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
    onRefused: (client, reason) => tell({ kind: "client refused", client, reason }),
    onFault: (error) => fault("", error),
  });
  broker.port = listener.port;
  started.defer(async () => {
    broker.sweeper.stop();
    const stopped = listener.stop();
    broker.groups.close();
    await stopped;
  });
  broker.sweeper.wake();
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

/** The id of the cluster: made once, kept for the life of the database. Clients use it to tell clusters apart. */
function clusterIdOf(db: DatabaseSync): string {
  const made = crypto.randomUUID().replaceAll("-", "").slice(0, 22);
  db.prepare("INSERT OR IGNORE INTO meta (name, value) VALUES ('cluster_id', ?)").run(made);
  return db.prepare("SELECT value FROM meta WHERE name = 'cluster_id'").get()?.value as string;
}

/** An error that nobody foresaw, with its place. */
function withPlace(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
