/**
 * Opens what a rebuild needs: the broker and the database of the service that runs on the data directory or, when none runs, engines
 * of its own; and the lease that makes it the only rebuild of this database.
 */
import { PermanentError } from "@gmn/failures";
import { readLogHome } from "../broker/log_home.ts";
import { type Config, DEMO_DATA_DIRECTORY } from "../config.ts";
import { readLogIdentity } from "../events/log_identity.ts";
import type { Observe, Observer } from "../observe/observe.ts";
import type { OpenBuilder } from "../recovery/build_tables.ts";
import { rebuild, type RebuildProgress } from "../recovery/rebuild.ts";
import type { Rebuilt } from "../recovery/rebuild_report.ts";
import { readPositions } from "../store/consumer_offsets.ts";
import { takeLease } from "../store/advisory_lease.ts";
import { connectStore, type Sql } from "../store/connection.ts";
import { readAddresses, type ServiceAddresses } from "./address_file.ts";
import { readLogAccess } from "./log_access.ts";
import { type Log, openLog } from "./open_log.ts";
import { startService } from "./service.ts";
import { createSinks } from "./sinks.ts";

export interface RebuildRequest {
  /** All by default. */
  readonly topics?: readonly string[] | undefined;
  /** Replace the tables whatever is lost. */
  readonly isLossAccepted: boolean;
  /** Only compare the tables with the log; nothing is changed. */
  readonly isOnlyVerified: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RebuildProgress) => void;
}

/** Connections of the build beside its loaders: the projections of three topics, and questions. */
const BUILD_CONNECTIONS = 4;
/** Connections to the live tables: the transaction that replaces them, and questions. */
const LIVE_CONNECTIONS = 3;

/** Without this check an empty log would be created, and the wrong tables compared. */
async function assertLogIsThere({ dataDirectory, kafkaBrokers }: Config): Promise<void> {
  if (kafkaBrokers !== null || await readLogHome(dataDirectory) !== null) return;
  throw new PermanentError(`there is no log in ${dataDirectory}`, {
    hint: `set DATA_DIR to the folder of the service (the demo's is ${DEMO_DATA_DIRECTORY})`,
  });
}

/**
 * Rebuilds the projections of the database that the settings name, or of the running service.
 * @throws PermanentError when there is no log, another rebuild runs, or the log would lose something; the tables are as they were
 */
export async function rebuildDatabase(
  config: Config,
  { observe, ...observer }: Observer,
  request: RebuildRequest,
): Promise<Rebuilt> {
  const { log, sql, databaseUrl, close } = await openEngines(
    config,
    { observe, ...observer },
    request.signal,
  );
  try {
    const lease = await takeLease({ url: databaseUrl, lease: "rebuild", observe });
    if (lease === null) {
      throw new PermanentError("another rebuild of this database is in progress", {
        hint: "wait until it is over",
      });
    }
    try {
      const identity = await readLogIdentity(log.kafka, log.registry);
      return await rebuild({
        ...request,
        coveredRanges: [
          ...identity?.repairs.map(({ firstOffset, lastOffset, ...repaired }) => ({
            ...repaired,
            first: firstOffset,
            last: lastOffset,
          })) ?? [],
          // A beginning that somebody has accepted. What it held and the log has nowhere else is still counted as missing.
          ...(await readPositions(sql)).filter(({ logStart }) => logStart > 0n)
            .map(({ topic, partition, logStart }) => ({
              topic,
              partition,
              first: 0n,
              last: logStart - 1n,
            })),
        ],
        signal: AbortSignal.any([request.signal, lease.lost]),
        kafka: log.kafka,
        registry: log.registry,
        publisher: log.publisher,
        sql,
        openBuilder: builderOf({ log, databaseUrl, observe }),
        observe,
      });
    } finally {
      await lease.release();
    }
  } finally {
    await close();
  }
}

/** The log and the database, opened. */
interface RebuildEngines {
  readonly log: Log;
  readonly sql: Sql;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

async function openEngines(
  config: Config,
  observer: Observer,
  signal: AbortSignal,
): Promise<RebuildEngines> {
  const addresses = await readAddresses(config.dataDirectory);
  if (addresses !== null) return await joinEngines(config, addresses, observer.observe);
  await assertLogIsThere(config);
  // No roles: only the engines.
  const service = await startService({
    config: { ...config, roles: new Set() },
    observer,
    signal,
    isForOneCommand: true,
  });
  const { store, log } = service.parts.running!;
  return {
    log,
    sql: store.sql,
    databaseUrl: service.addresses.databaseUrl,
    close: () => service.stop("the rebuild is over"),
  };
}

async function joinEngines(
  config: Config,
  { brokers, schemaRegistryUrl, databaseUrl }: ServiceAddresses,
  observe: Observe,
): Promise<RebuildEngines> {
  const store = connectStore({
    url: databaseUrl,
    max: LIVE_CONNECTIONS,
    applicationName: "gmn rebuild",
    observe,
  });
  const log = await openLog({
    kind: "of the running service",
    brokers: [...brokers],
    schemaRegistryUrl,
    stop: () => Promise.resolve(),
  }, {
    observe,
    access: await readLogAccess(config),
    replication: null,
    sql: store.sql,
    // A command reports an unavailable part at once instead of waiting for it.
    patiently: (_part, work) => work(),
  });
  // An undecided log may be compared too; nothing is published to it.
  await log.guard!.look();
  return {
    log,
    sql: store.sql,
    databaseUrl,
    async close() {
      await Promise.all([log.close(), store.close()]);
    },
  };
}

function builderOf(
  { log, databaseUrl, observe }: {
    readonly log: Log;
    readonly databaseUrl: string;
    readonly observe: Observe;
  },
): OpenBuilder {
  return ({ searchPath, giveUp }) => {
    const store = connectStore({
      url: databaseUrl,
      max: BUILD_CONNECTIONS,
      applicationName: "gmn rebuild: tables",
      searchPath,
      observe,
    });
    const sinks = createSinks({ observe, sql: store.sql, databaseUrl, searchPath, log, giveUp });
    return {
      sql: store.sql,
      sinks: sinks.sinks,
      async close() {
        await sinks.close();
        await store.close();
      },
    };
  };
}
