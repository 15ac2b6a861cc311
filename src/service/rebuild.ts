/**
 * Sets up a rebuild: engines that no service uses meanwhile, sinks, and the lease that prevents producers from taking up runs while
 * the runs' projection is empty.
 */
import { PermanentError } from "@gmn/failures";
import { rebuild, type RebuildProgress } from "../consumer/rebuild.ts";
import { readLogHome } from "../broker/log_home.ts";
import { type Config, DEMO_DATA_DIRECTORY } from "../config.ts";
import { INGESTION_RUN, TOPICS } from "../events/topics.ts";
import type { Observer } from "../observe/observe.ts";
import { takeLease } from "../store/advisory_lease.ts";
import { checksumProjections, differences } from "../store/projections.ts";
import { readAddresses } from "./address_file.ts";
import { startService } from "./service.ts";
import { createSinks } from "./sinks.ts";

export interface RebuildRequest {
  /** All by default. */
  readonly topics?: readonly string[];
  readonly isLossAllowed: boolean;
  /** Compare the tables before and after; costs reading them twice. */
  readonly isVerified: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RebuildProgress) => void;
}

export interface Rebuilt {
  readonly records: number;
  /** The differences found, one line for each table; null if the tables were not compared. */
  readonly differences: readonly string[] | null;
}

/** Without this check an empty log would be created, and the wrong tables compared. */
async function assertLogIsThere({ dataDirectory, kafkaBrokers }: Config): Promise<void> {
  if (kafkaBrokers !== null || await readLogHome(dataDirectory) !== null) return;
  throw new PermanentError(`there is no log in ${dataDirectory}`, {
    hint:
      `set DATA_DIR to the folder of the service (the demo's is ${DEMO_DATA_DIRECTORY}; stop it first)`,
  });
}

type Checksums = Awaited<ReturnType<typeof checksumProjections>>;

/**
 * Rebuilds the projections of the database that the settings name.
 * @throws PermanentError when there is no log, a service runs on the data directory, another process consumes or leads the runs, or
 *   the log is no longer complete
 */
export async function rebuildDatabase(
  config: Config,
  observer: Observer,
  request: RebuildRequest,
): Promise<Rebuilt> {
  const addresses = await readAddresses(config.dataDirectory);
  if (addresses !== null) {
    throw new PermanentError(
      `a service runs on ${config.dataDirectory} (process ${addresses.pid})`,
      { hint: "stop it first: a rebuild empties the tables that the service uses" },
    );
  }
  await assertLogIsThere(config);
  const { observe } = observer;
  const { topics = TOPICS.map(({ name }) => name), isVerified } = request;
  // No roles: only the engines.
  const service = await startService({
    config: { ...config, roles: new Set() },
    observer,
    signal: request.signal,
    isForOneCommand: true,
  });
  const { store, log } = service.parts.running!;
  const { databaseUrl } = service.addresses;
  const sinks = createSinks({ observe, sql: store.sql, databaseUrl, log });
  const lease = topics.includes(INGESTION_RUN.name)
    ? await takeLease({ url: databaseUrl, lease: "producer", observe })
    : undefined;
  try {
    if (lease === null) {
      throw new PermanentError("another process works on the runs of this database", {
        hint: "stop every process with the role producer first",
      });
    }
    let before: Checksums = [];
    const lookBefore = async () => {
      before = await checksumProjections(store.sql, topics);
    };
    const records = await rebuild({
      ...request,
      topics,
      kafka: log.kafka,
      sql: store.sql,
      sinks: sinks.sinks,
      observe,
      ...(isVerified ? { lookBefore } : {}),
    });
    return {
      records,
      differences: isVerified
        ? differences(before, await checksumProjections(store.sql, topics))
        : null,
    };
  } finally {
    await lease?.release();
    await sinks.close();
    await service.stop("the rebuild is over");
  }
}
