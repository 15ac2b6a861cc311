/**
 * The service: wires the modules together, starts them in order, stops them in reverse.
 *
 *     http, metrics (answer 503 at first) ─▶ database ┐
 *                                  ─▶ broker  ┴▶ migrate, topics, schemas ─▶ which log? ─▶ consumer ─▶ producer, schedule ─▶ ready
 *
 * HTTP comes first, so that a port in use is reported before anything starts, and `/readyz` can say what the boot waits for.
 * The boot waits for an external broker or database that is unavailable; a setting that can't work ends it.
 */
import { mkdir } from "node:fs/promises";
import process from "node:process";
import { explain } from "@gmn/failures";
import type { Config } from "../config.ts";
import type { Observer } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import { connectStore, type Store } from "../store/connection.ts";
import { migrate } from "../store/migrate.ts";
import { Reader } from "../store/reader.ts";
import { type ServiceAddresses, writeAddresses } from "./address_file.ts";
import { DiskWatch } from "./disk_watch.ts";
import { serveEndpoints } from "./endpoints.ts";
import { type Boot, disksOf, type Engines, startEngines } from "./engines.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { LogDamages } from "./log_damage.ts";
import { type LogAccess, readLogAccess } from "./log_access.ts";
import { openLog } from "./open_log.ts";
import { type RunningParts, type ServiceParts, VERSION, type Wiring } from "./parts.ts";
import { RELEASE_LIMITS, Releasers } from "./releasers.ts";
import { applyPending } from "./restored_state.ts";
import { openRuns, startConsumer, startProducer } from "./roles.ts";

/** A running service. */
export interface Service {
  readonly addresses: ServiceAddresses;
  /** What the parts are, for the banner. */
  readonly describe: { readonly broker: string; readonly database: string };
  /** For commands in the same process. */
  readonly parts: ServiceParts;
  /** Resolves with the reason when a part has failed permanently and only a restart can help. Never rejects. */
  readonly failed: Promise<Error>;
  /**
   * Stops everything in reverse order, within `RELEASE_LIMITS`; a part that does not stop in time is reported and abandoned.
   * Calling it again waits for the first call.
   */
  stop(reason: string): Promise<void>;
}

export interface StartOptions {
  readonly config: Config;
  readonly observer: Observer;
  /** Aborting it ends the boot; parts already started are stopped again. */
  readonly signal?: AbortSignal;
  /** Aborting it hurries a stop, also the stop after an aborted boot: `HURRIED_LIMITS`. */
  readonly hurry?: AbortSignal;
  /**
   * For a command that needs the engines for its own runs: no schedule, runs of earlier processes are not taken up, and an engine that is
   * unavailable is not waited for without end.
   */
  readonly isForOneCommand?: boolean;
  /** Pause before a file that can't be read yet is tried again; by default that of the runs (producer/run_work.ts). */
  readonly retryPause_ms?: number;
}

/**
 * Tries of a command to reach an engine that it has not started itself: they end after 2 to 16 seconds of waiting, and what the tries
 * themselves take. Then it fails: a script would wait for ever for an address that is wrong.
 */
const COMMAND_ATTEMPTS = 6;
/** For projections, the history of runs and writes of the API; loaders have their own connections. */
const POOL_CONNECTIONS = 6;
/** For readiness, status and runs: as many as one `GET /status` uses. Further queries wait while all are busy. */
const QUICK_READER_CONNECTIONS = 4;
/** For exports, pages and statistics. */
const SLOW_READER_CONNECTIONS = 8;

/**
 * Starts the service.
 * @throws PermanentError with a hint when a setting can't work (a port in use, a database too old, …); everything that was started
 *   has been stopped by then
 */
export async function startService(options: StartOptions): Promise<Service> {
  const { config, observer, hurry } = options;
  const { observe } = observer;
  const began = performance.now();
  const releasers = new Releasers((name, reason) =>
    observe("service.release_failed", { name, reason })
  );
  const aborting = new AbortController();
  const signal = AbortSignal.any([aborting.signal, ...options.signal ? [options.signal] : []]);
  const stopAll = async (reason: string) => {
    const stopBegan = performance.now();
    observe("service.stopping", { reason });
    aborting.abort(new Error(reason));
    await releasers.release(RELEASE_LIMITS, hurry);
    observe("service.stopped", { took_ms: performance.now() - stopBegan });
  };
  observe("service.starting", { version: VERSION, dataDirectory: config.dataDirectory });
  try {
    signal.throwIfAborted();
    await mkdir(config.dataDirectory, { recursive: true });
    const roles = [...config.roles];
    const damages = new LogDamages();
    releasers.add("damage of the log", observer.listen(damages.listener));
    const parts: ServiceParts = { startedAt: new Date(), roles, damages, running: null };
    if (config.heartbeatUrl !== null) {
      const stop = sendHeartbeats({ url: config.heartbeatUrl, observer, signal });
      releasers.add("heartbeats", stop);
    }
    const endpoints = serveEndpoints(config, parts, observer, releasers);
    // Checked before anything is started: a missing file is a setting that can't work.
    const access = await readLogAccess(config);
    const boot: Boot = { config, observe, releasers, signal, hurry };
    const engines = await startEngines(boot);
    parts.running = await startParts(boot, engines, { ...options, access });

    const { broker, database, describeBroker } = engines;
    const addresses: ServiceAddresses = {
      pid: process.pid,
      ...endpoints,
      brokers: broker.brokers,
      schemaRegistryUrl: broker.schemaRegistryUrl,
      databaseUrl: database.url,
    };
    releasers.add("address file", await writeAddresses(config.dataDirectory, addresses));
    observe("service.ready", { took_ms: performance.now() - began });

    let stopping: Promise<void> | null = null;
    return {
      addresses,
      describe: { broker: describeBroker, database: database.describe },
      parts,
      failed: broker.failed ?? new Promise<Error>(() => {}),
      stop: (reason) => stopping ??= stopAll(reason),
    };
  } catch (error) {
    if (options.signal?.aborted) {
      await stopAll(explain(options.signal.reason));
    } else {
      aborting.abort(error);
      await releasers.release(RELEASE_LIMITS, hurry);
    }
    throw error;
  }
}

/** Connects to the engines and starts the roles, waiting while an engine is unavailable. */
async function startParts(
  { config, observe, releasers, signal }: Boot,
  engines: Engines,
  { access, isForOneCommand = false, retryPause_ms }: StartOptions & { readonly access: LogAccess },
): Promise<RunningParts> {
  const { database, broker, describeBroker } = engines;
  const attempts = isForOneCommand ? COMMAND_ATTEMPTS : undefined;
  const patiently = <Result>(part: Dependency, work: () => Promise<Result>): Promise<Result> =>
    retryWhileAway({ observe, part, what: "the start", signal, attempts }, work);
  const connect = (name: string, max: number): Store => {
    const applicationName = `gmn data store ${name}`;
    const pool = connectStore({ url: database.url, max, applicationName, observe });
    releasers.add(`database connections (${name})`, () => pool.close());
    return pool;
  };
  const disks = new DiskWatch({
    disks: disksOf(engines, config.dataDirectory),
    limit_MiB: config.diskFreeMin_MiB,
    observe,
  });
  // Before anything is published.
  await disks.start();
  releasers.add("disk watch", () => disks.stop());
  const store = connect("ingestion", POOL_CONNECTIONS);
  const reader = new Reader({
    quick: connect("api", QUICK_READER_CONNECTIONS).sql,
    slow: connect("api", SLOW_READER_CONNECTIONS).sql,
  });
  await patiently("database", () => migrate(store.sql, observe));
  await patiently("database", () => applyPending(config.dataDirectory, store.sql));
  const replication = broker.kind === "external" ? config.kafkaReplication : null;
  const log = await openLog(broker, { observe, access, sql: store.sql, replication, patiently });
  releasers.add("log", () => log.close());
  // An undecided log ends no boot: reads of the data store are answered, everything else waits for the decision.
  await patiently("broker", () => log.guard!.look());
  log.guard!.watch();

  const { roles, iauShowerUrl } = config;
  const databaseUrl = database.url;
  const wiring: Wiring = { config, observe, store, databaseUrl, log, disks, releasers, signal };
  const subscription = roles.has("consumer") ? startConsumer(wiring) : null;
  const hasRuns = roles.has("producer") || roles.has("http");
  const runs = hasRuns ? openRuns(wiring, { isForOneCommand, retryPause_ms }) : null;
  const producer = runs !== null && roles.has("producer") && !isForOneCommand
    ? startProducer(wiring, runs)
    : null;
  const describe = {
    broker: describeBroker,
    registry: broker.schemaRegistryUrl,
    database: database.describe,
  };
  return {
    store,
    reader,
    log,
    checksLog: broker.kind === "embedded",
    disks,
    subscription,
    runs,
    producer,
    iauShowerUrl,
    describe,
  };
}
