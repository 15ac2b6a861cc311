/**
 * The service: wires the rooms together, starts them in order, stops them in reverse. The only place that knows them all.
 *
 *     http (answers 503 at first) ─▶ database ┐
 *                                  ─▶ broker  ┴▶ migrate, topics, schemas ─▶ consumer ─▶ producer, schedule ─▶ ready
 *
 * HTTP comes first, so that a port in use is told before anything is started, and so that `/readyz` can say what is being
 * waited for. An external broker or database that is away is waited for; a setting that can't work ends the boot.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type Backoff, explain, retry } from "@gmn/failures";
import { type ChosenBroker, startBroker } from "../broker/start_broker.ts";
import type { Config } from "../config.ts";
import type { Observe, Observer } from "../observe/observe.ts";
import { reportWaits } from "../observe/retries.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import { connectStore } from "../store/connection.ts";
import { startEmbeddedPostgres } from "../store/embedded_postgres.ts";
import { migrate } from "../store/migrate.ts";
import { Reader } from "../store/reader.ts";
import { type ServiceAddresses, writeAddresses } from "./address_file.ts";
import { serveApi } from "./api.ts";
import { readLogAccess } from "./log_access.ts";
import { openLog, proveLog } from "./open_log.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { type ServiceParts, VERSION, type Wiring } from "./parts.ts";
import { ENGINE_RESERVE_MS, RELEASE_LIMITS, Releasers } from "./releasers.ts";
import { openRuns, startConsumer, startProducer } from "./roles.ts";

/** A running service. */
export interface Service {
  readonly addresses: ServiceAddresses;
  /** What the parts are, for the banner. */
  readonly describe: { readonly broker: string; readonly database: string };
  /** For commands in the same process. */
  readonly parts: ServiceParts;
  /** Resolves with the reason when a part is gone for good, which only a new start can repair. Never rejects. */
  readonly failed: Promise<Error>;
  /**
   * Stops everything in reverse order, within `RELEASE_LIMITS`; a part that does not stop in time is told and left behind.
   * Calling it again waits for the first call.
   */
  stop(reason: string): Promise<void>;
}

export interface StartOptions {
  readonly config: Config;
  readonly observer: Observer;
  /** Aborting ends the boot; what was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Aborting hurries a stop, also the one after a boot that was given up: `HURRIED_LIMITS`. */
  readonly hurry?: AbortSignal;
  /** For a command that needs the engines for its own runs: no schedule, no runs of earlier processes are taken up. */
  readonly isForOneCommand?: boolean;
}

/** What is not there yet is asked for again at these times. */
const BOOT_BACKOFF: Backoff = { base_ms: 500, cap_ms: 10_000, attempts: Infinity };
/** Projections, the history of runs and what is written for the API; loaders have connections of their own. */
const POOL_CONNECTIONS = 6;

/** For what people ask through the API. Whoever comes when all are busy waits. Quick: readiness, status, runs. */
const QUICK_READER_CONNECTIONS = 2;
/** Exports, pages, statistics. */
const SLOW_READER_CONNECTIONS = 8;

/**
 * Starts the service.
 * @throws PermanentError with a hint when a setting can't work (a port in use, a database too old, …); everything that was
 *   started is stopped by then
 */
export async function startService(options: StartOptions): Promise<Service> {
  const { config, observer, hurry } = options;
  const { observe } = observer;
  const began = performance.now();
  const releasers = new Releasers((name, reason) =>
    observe("service.release_failed", { name, reason })
  );
  const aborting = new AbortController();
  const signal = options.signal === undefined
    ? aborting.signal
    : AbortSignal.any([options.signal, aborting.signal]);
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
    const parts: ServiceParts = {
      version: VERSION,
      startedAt: new Date(),
      roles: [...config.roles],
      running: null,
    };
    if (config.heartbeatUrl !== null) {
      const stop = sendHeartbeats({ url: config.heartbeatUrl, observer, signal });
      releasers.add("heartbeats", stop);
    }
    const http = config.roles.has("http") ? serveApi(config, parts, observer, releasers) : null;
    // Before anything is started: a file that is not there is a setting that can't work.
    const access = await readLogAccess(config);
    const { database, broker } = await startEngines(config, observe, releasers, {
      signal,
      hurry,
    });

    const store = connectStore({
      url: database.url,
      max: POOL_CONNECTIONS,
      applicationName: "gmn data store ingestion",
      observe,
    });
    releasers.add("database connections", () => store.close());
    const readers = (max: number) => {
      const pool = connectStore({
        url: database.url,
        max,
        applicationName: "gmn data store api",
        observe,
      });
      releasers.add("database connections of the API", () => pool.close());
      return pool.sql;
    };
    const reader = new Reader({
      quick: readers(QUICK_READER_CONNECTIONS),
      slow: readers(SLOW_READER_CONNECTIONS),
    });
    await patiently("database", () => migrate(store.sql, observe), observe, signal);
    const log = await openLog(broker, {
      observe,
      access,
      patiently: (part, work) => patiently(part, work, observe, signal),
    });
    releasers.add("log", () => log.close());

    const wiring: Wiring = {
      config,
      observe,
      store,
      databaseUrl: database.url,
      log,
      releasers,
      signal,
    };
    const subscription = config.roles.has("consumer") ? startConsumer(wiring) : null;
    const { isForOneCommand = false } = options;
    const hasRuns = config.roles.has("producer") || config.roles.has("http");
    const runs = hasRuns ? openRuns(wiring, { isForOneCommand }) : null;
    const producer = runs !== null && config.roles.has("producer") && !isForOneCommand
      ? startProducer(wiring, runs)
      : null;
    parts.running = {
      store,
      reader,
      log,
      subscription,
      runs,
      producer,
      iauShowerUrl: config.iauShowerUrl,
      describe: {
        broker: describeBroker(broker),
        registry: broker.schemaRegistryUrl,
        database: database.describe,
      },
    };

    const addresses: ServiceAddresses = {
      pid: process.pid,
      http,
      brokers: broker.brokers,
      schemaRegistryUrl: broker.schemaRegistryUrl,
      databaseUrl: database.url,
    };
    const addressFile = await writeAddresses(config.dataDirectory, addresses);
    releasers.add("address file", () => addressFile.remove());
    observe("service.ready", { took_ms: performance.now() - began });

    let stopping: Promise<void> | null = null;
    return {
      addresses,
      describe: { broker: describeBroker(broker), database: database.describe },
      parts,
      failed: broker.failed ?? new Promise<Error>(() => {}),
      stop(reason) {
        return stopping ??= stopAll(reason);
      },
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

interface Database {
  readonly url: string;
  readonly describe: string;
}

/** What ends the engines' start, and what hurries their stop. */
interface EngineSignals {
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal | undefined;
}

/** Which broker it is and why, for `/status` and the banner. */
const describeBroker = ({ kind, reason }: ChosenBroker): string => `${kind} (${reason})`;

/** Starts the database and the broker side by side. When one fails the other is stopped with everything else. */
async function startEngines(
  config: Config,
  observe: Observe,
  releasers: Releasers,
  { signal, hurry }: EngineSignals,
): Promise<{ database: Database; broker: ChosenBroker }> {
  const [database, broker] = await Promise.allSettled([
    startDatabase(config, observe, releasers, { signal, hurry }),
    startBroker(config, {
      observe,
      signal,
      ...(hurry === undefined ? {} : { hurry }),
      proveLog: (brokers, until) => proveLog(brokers, until, observe),
    }).then((broker) => {
      releasers.add("broker", () => broker.stop(), { reserve_ms: ENGINE_RESERVE_MS });
      return broker;
    }),
  ]);
  if (database.status === "rejected") throw database.reason;
  if (broker.status === "rejected") throw broker.reason;
  signal.throwIfAborted();
  return { database: database.value, broker: broker.value };
}

async function startDatabase(
  config: Config,
  observe: Observe,
  releasers: Releasers,
  { signal, hurry }: EngineSignals,
): Promise<Database> {
  if (config.databaseUrl !== null) {
    return { url: config.databaseUrl, describe: "PostgreSQL of DATABASE_URL" };
  }
  const server = await startEmbeddedPostgres({
    directory: join(config.dataDirectory, "postgres"),
    port: config.postgresPort,
    observe,
    signal,
    ...(hurry === undefined ? {} : { hurry }),
  });
  releasers.add("PostgreSQL", () => server.stop(), { reserve_ms: ENGINE_RESERVE_MS });
  return {
    url: server.url,
    describe: `embedded PostgreSQL ${server.version} in ${server.directory}`,
  };
}

/** Does `work`, again and again while what it needs is away. */
function patiently<Result>(
  part: Dependency,
  work: () => Promise<Result>,
  observe: Observe,
  signal: AbortSignal,
): Promise<Result> {
  return retry(work, {
    backoff: BOOT_BACKOFF,
    signal,
    onRetry: reportWaits(observe, part, "the start"),
  });
}
