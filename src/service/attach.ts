/**
 * For commands that publish records themselves: they join the service that runs on this data directory or, when none runs, start
 * the same engines for the duration of the command.
 */
import type { RunningBroker } from "../broker/broker.ts";
import type { Config } from "../config.ts";
import type { Observe, Observer } from "../observe/observe.ts";
import { RunEngine } from "../producer/run_engine.ts";
import { openDataDirectory } from "../producer/source/open_data_directory.ts";
import { connectStore, type Store } from "../store/connection.ts";
import { readAddresses, type ServiceAddresses } from "./address_file.ts";
import { readLogAccess } from "./log_access.ts";
import { type Log, openLog } from "./open_log.ts";
import { createRunHistory, OWNER } from "./run_access.ts";
import { startService } from "./service.ts";

/** What a command works with. */
export interface Workbench {
  /** An engine of this process, for this process's runs only. */
  readonly engine: RunEngine;
  readonly store: Store;
  readonly log: Log;
  readonly observe: Observe;
  /** Describes the service whose consumer loads the rows. */
  readonly describe: string;
  close(): Promise<void>;
}

/** Connections that a command needs: it runs one query at a time. */
const COMMAND_CONNECTIONS = 2;

/**
 * Joins the running service, or starts its engines.
 * @throws PermanentError, TransientError when neither works
 */
export async function openWorkbench(
  config: Config,
  observer: Observer,
  signal: AbortSignal,
): Promise<Workbench> {
  const addresses = await readAddresses(config.dataDirectory);
  return addresses === null
    ? await startWorkbench(config, observer, signal)
    : await joinService(config, addresses, observer, signal);
}

async function joinService(
  config: Config,
  addresses: ServiceAddresses,
  { observe }: Observer,
  signal: AbortSignal,
): Promise<Workbench> {
  const broker: RunningBroker = {
    kind: "of the running service",
    brokers: [...addresses.brokers],
    schemaRegistryUrl: addresses.schemaRegistryUrl,
    stop: () => Promise.resolve(),
  };
  const store = connectStore({
    url: addresses.databaseUrl,
    max: COMMAND_CONNECTIONS,
    applicationName: "gmn command",
    observe,
  });
  // A command reports an unavailable part at once instead of waiting for it.
  const log = await openLog(broker, {
    observe,
    access: await readLogAccess(config),
    // The service has created the topics, and has warned of too few copies.
    replication: null,
    sql: store.sql,
    patiently: (_what, work) => work(),
  });
  await log.guard!.look();
  const engine = new RunEngine({
    directory: openDataDirectory(config.gmnDataUrl),
    journal: log.journal,
    history: createRunHistory(store.sql, log.probe, signal),
    publisher: log.publisher,
    owner: OWNER,
    observe,
  });
  return {
    engine,
    store,
    log,
    observe,
    describe: `the service that runs on ${config.dataDirectory} (process ${addresses.pid})`,
    async close() {
      await engine.stop();
      await Promise.all([log.close(), store.close()]);
    },
  };
}

async function startWorkbench(
  config: Config,
  observer: Observer,
  signal: AbortSignal,
): Promise<Workbench> {
  const service = await startService({
    // Nobody watches a command, and its port may be that of a service elsewhere.
    config: { ...config, roles: new Set(["producer", "consumer"]), metricsPort: null },
    observer,
    signal,
    isForOneCommand: true,
  });
  const running = service.parts.running!;
  return {
    engine: running.runs!.engine,
    store: running.store,
    log: running.log,
    observe: observer.observe,
    describe: `engines of its own on ${config.dataDirectory}`,
    close: () => service.stop("the command is done"),
  };
}
