/** For commands that look at the log, decide about it, or rebuild from it: they join the running service or start its engines, but no role. */
import type { Config } from "../config.ts";
import type { Observer } from "../observe/observe.ts";
import { connectStore, type Sql } from "../store/connection.ts";
import { readAddresses } from "./address_file.ts";
import { readLogAccess } from "./log_access.ts";
import { type Log, openLog } from "./open_log.ts";
import { startService } from "./service.ts";

export interface LogBench {
  readonly log: Log;
  readonly sql: Sql;
  /** For parts with connections of their own. */
  readonly databaseUrl: string;
  /** Whether a service runs here, whose consumer loads what is in the log. */
  readonly isJoined: boolean;
  close(): Promise<void>;
}

/** Connections of a command: a rebuild's transaction or a comparison holds one while it reads the log; the others are for questions. */
const COMMAND_CONNECTIONS = 3;

/**
 * Opens the log and the data store of the settings.
 * @param applicationName of the connections to the running service's database, as pg_stat_activity shows it
 * @throws PermanentError, TransientError when they can't be reached or started
 */
export async function openLogBench(
  config: Config,
  observer: Observer,
  signal: AbortSignal,
  applicationName = "gmn command",
): Promise<LogBench> {
  const { observe } = observer;
  const addresses = await readAddresses(config.dataDirectory);
  if (addresses === null) {
    const service = await startService({
      config: { ...config, roles: new Set(), metricsPort: null },
      observer,
      signal,
      isForOneCommand: true,
    });
    const { log, store } = service.parts.running!;
    const { databaseUrl } = service.addresses;
    const close = () => service.stop("the command is done");
    return { log, sql: store.sql, databaseUrl, isJoined: false, close };
  }
  const { databaseUrl: url } = addresses;
  const store = connectStore({ url, max: COMMAND_CONNECTIONS, applicationName, observe });
  try {
    const log = await openLog({
      kind: "of the running service",
      brokers: [...addresses.brokers],
      schemaRegistryUrl: addresses.schemaRegistryUrl,
      stop: () => Promise.resolve(),
    }, {
      observe,
      access: await readLogAccess(config),
      // The service has created the topics.
      replication: null,
      sql: store.sql,
      // A command reports an unavailable part at once instead of waiting for it.
      patiently: (_what, work) => work(),
    });
    return {
      log,
      sql: store.sql,
      databaseUrl: url,
      isJoined: true,
      async close() {
        await Promise.all([log.close(), store.close()]);
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
