/** The two programs that the service depends on, PostgreSQL and a broker: started here, or found where the settings say. */
import { join } from "node:path";
import { type ChosenBroker, startBroker } from "../broker/start_broker.ts";
import type { Config } from "../config.ts";
import type { Observe } from "../observe/observe.ts";
import type { WatchedDisk } from "./disk_watch.ts";
import { startEmbeddedPostgres } from "./embedded_postgres.ts";
import { proveLog } from "./open_log.ts";
import { ENGINE_RESERVE_MS, type Releasers } from "./releasers.ts";

/** What a boot needs. */
export interface Boot {
  readonly config: Config;
  readonly observe: Observe;
  readonly releasers: Releasers;
  /** Aborting it ends the boot. */
  readonly signal: AbortSignal;
  /** Aborting it hurries the stop. */
  readonly hurry: AbortSignal | undefined;
}

export interface Engines {
  readonly database: {
    readonly url: string;
    readonly describe: string;
    /** Where the embedded one keeps its data; null for another. */
    readonly directory: string | null;
  };
  readonly broker: ChosenBroker;
  /** Names the broker, and why it was chosen. */
  readonly describeBroker: string;
}

/** Starts both in parallel. When one fails, the other is stopped with everything else. */
export async function startEngines(boot: Boot): Promise<Engines> {
  const { config, observe, releasers, signal, hurry } = boot;
  const proving = (brokers: readonly string[], until: AbortSignal) =>
    proveLog(brokers, until, observe);
  const [database, broker] = await Promise.allSettled([
    startDatabase(boot),
    startBroker(config, { observe, signal, hurry, proveLog: proving }).then((broker) => {
      releasers.add("broker", () => broker.stop(), { reserve_ms: ENGINE_RESERVE_MS });
      return broker;
    }),
  ]);
  if (database.status === "rejected") throw database.reason;
  if (broker.status === "rejected") throw broker.reason;
  signal.throwIfAborted();
  const { kind, reason } = broker.value;
  return {
    database: database.value,
    broker: broker.value,
    describeBroker: `${kind} (${reason})`,
  };
}

/**
 * The folders that the engines of this process write to. An external engine has disks of its own, and the volume of a Redpanda in
 * Docker is the Docker engine's.
 */
export function disksOf({ broker, database }: Engines, dataDirectory: string): WatchedDisk[] {
  const folder = { embedded: "broker", redpanda: "redpanda" }[broker.kind];
  return [
    ...folder === undefined ? [] : [{ holds: "log", path: join(dataDirectory, folder) } as const],
    ...database.directory === null
      ? []
      : [{ holds: "database", path: database.directory } as const],
  ];
}

async function startDatabase(
  { config, observe, releasers, signal, hurry }: Boot,
): Promise<Engines["database"]> {
  if (config.databaseUrl !== null) {
    return { url: config.databaseUrl, describe: "PostgreSQL of DATABASE_URL", directory: null };
  }
  const directory = join(config.dataDirectory, "postgres");
  const server = await startEmbeddedPostgres({
    directory,
    port: config.postgresPort,
    observe,
    signal,
    hurry,
  });
  releasers.add("PostgreSQL", () => server.stop(), { reserve_ms: ENGINE_RESERVE_MS });
  const { url, version } = server;
  return {
    url,
    describe: `embedded PostgreSQL ${version} in ${server.directory}`,
    directory: server.directory,
  };
}
