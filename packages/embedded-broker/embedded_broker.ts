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
import { Commits } from "./storage/commits.ts";
import { closeDatabase, openDatabase } from "./storage/database.ts";

/** How the broker is started. Everything here can be sent to a Worker. */
export interface EmbeddedBrokerSettings {
  /** Where its one file lies; made when it is not there. */
  readonly directory: string;
  /** The address that both listeners bind and clients are told. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly kafkaPort: number;
  /** 0 takes a free one. */
  readonly schemaRegistryPort: number;
  readonly autoCreateTopics: boolean;
  readonly defaultPartitions: number;
  readonly minSessionTimeout_ms: number;
  readonly stallTimeout_ms: number;
}

/** What the broker says while it runs. Must not throw. */
export interface BrokerEvents {
  onRefused(client: string, reason: string): void;
  /** Something is wrong with the broker itself or its disk; it goes on. */
  onFault(reason: string): void;
}

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
 * @param intercept stands between requests and their work; for tests
 * @throws BrokerRefusal when the directory is in use or a port is taken
 */
export async function startBroker(
  settings: EmbeddedBrokerSettings,
  events: BrokerEvents,
  intercept?: Intercept,
): Promise<ListeningBroker> {
  const releasers: (() => void | Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    for (const releaser of releasers.reverse().splice(0)) await releaser();
  };
  try {
    return await start(settings, events, { intercept, releasers, release });
  } catch (error) {
    await release();
    throw error;
  }
}

async function start(
  settings: EmbeddedBrokerSettings,
  events: BrokerEvents,
  { intercept, releasers, release }: {
    intercept: Intercept | undefined;
    releasers: (() => void | Promise<void>)[];
    release: () => Promise<void>;
  },
): Promise<ListeningBroker> {
  const db = openDatabase(settings.directory);
  releasers.push(() => closeDatabase(db, settings.directory));
  const memory = new ClientMemory();
  const { broker, commits } = assemble(db, settings, events, memory);

  releasers.push(() => commits.drained());

  const registry = createRegistry({ db, onFault: (error) => events.onFault(tell(error)) });
  const registryServer = serveRegistry(registry, settings.host, settings.schemaRegistryPort);
  releasers.push(() => registryServer.stop());

  const listener = await listen({
    host: settings.host,
    port: settings.kafkaPort,
    dispatch: dispatchTo(apisOf(broker), {
      intercept,
      onRequestFailure: (api, client, error) =>
        events.onFault(`${api} of ${client} failed: ${tell(error)}`),
    }),
    memory,
    stallTimeout_ms: settings.stallTimeout_ms,
    onRefused: events.onRefused,
    onFault: (error) => events.onFault(tell(error)),
  });
  broker.port = listener.port;
  releasers.push(async () => {
    broker.sweeper.stop();
    const stopped = listener.stop();
    broker.groups.close();
    await stopped;
  });
  broker.sweeper.wake();
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
    stop: release,
  };
}

/** The state that the APIs work on. */
function assemble(
  db: DatabaseSync,
  settings: EmbeddedBrokerSettings,
  events: BrokerEvents,
  memory: ClientMemory,
): { broker: Broker; commits: Commits } {
  const commits = new Commits(db, (reason) => events.onFault(`could not commit: ${reason}`));
  const broker: Broker = {
    clusterId: clusterIdOf(db),
    host: settings.host,
    port: settings.kafkaPort,
    commits,
    topics: new Topics(db, commits),
    groups: new Groups(db, commits, settings.minSessionTimeout_ms),
    producerIds: new ProducerIds(db, commits),
    sweeper: new Sweeper(db, commits),
    autoCreateTopics: settings.autoCreateTopics,
    defaultPartitions: settings.defaultPartitions,
    isCongested: () => memory.isCongested,
  };
  return { broker, commits };
}

/** The id of the cluster: made once, kept for the life of the database. Clients use it to tell clusters apart. */
function clusterIdOf(db: DatabaseSync): string {
  const made = crypto.randomUUID().replaceAll("-", "").slice(0, 22);
  db.prepare("INSERT OR IGNORE INTO meta (name, value) VALUES ('cluster_id', ?)").run(made);
  return db.prepare("SELECT value FROM meta WHERE name = 'cluster_id'").get()?.value as string;
}

/** An error that nobody foresaw, with its place. */
function tell(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
