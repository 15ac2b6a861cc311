/**
 * A real PostgreSQL beside this process, for machines that have none: made, started, watched and stopped here.
 *
 * States of a data directory, and what a start does about each:
 *
 *     nothing there ───────────────▶ initdb, start
 *     cluster, no server ──────────▶ start (after a crash PostgreSQL recovers by itself)
 *     cluster, server of a killed process ──▶ its supervisor stops it: wait, then start. Without one (killed too, or Windows)
 *                                             adopt it; if it listens on another port than wanted, restart it
 *     cluster, server of a living process ──▶ refuse
 *
 * The owner of a server holds an advisory lock in its session: the kernel closes the connections of a killed process, so the lock is
 * right where a pid file would be wrong.
 */
import { resolve } from "node:path";
import type postgres from "postgres";
import {
  backoffDelayMs,
  explain,
  PermanentError,
  retry,
  TransientError,
  wait,
} from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { reportWaits } from "../observe/retries.ts";
import { connectStore, type Store } from "./connection.ts";
import { prepareCluster, SUPERUSER } from "./embedded/cluster.ts";
import { findPlace, type Place } from "./embedded/place.ts";
import { freePort, portInUse, settledPort } from "../processes/free_port.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import {
  runningPostmaster,
  StartFailure,
  startPostmaster,
  stopPostmaster,
} from "./embedded/postmaster.ts";
import { othersSupervisorsGone, superviseServer } from "./embedded/supervision.ts";

export interface EmbeddedPostgresOptions {
  /** Where the cluster is to lie; made when missing. */
  readonly directory: string;
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly observe: Observe;
  /** Aborting gives up a start; what was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Aborting hurries a stop: the server ends without a checkpoint, and recovers at the next start. */
  readonly hurry?: AbortSignal;
  /** More server settings, winning over ours; tests turn fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running server that this process owns. */
export interface EmbeddedPostgres {
  /** Whole, with password: `postgres://gmn:…@127.0.0.1:port/gmn_data_store`. */
  readonly url: string;
  readonly version: string;
  readonly port: number;
  /** Where the data really is (see `embedded/place.ts`). */
  readonly directory: string;
  /** Stops the server and waits for its end. Calling it again is harmless. */
  stop(): Promise<void>;
}

const DATABASE = "gmn_data_store";
/** What messages about its port say. */
const PORT_SETTING = ["PostgreSQL", "POSTGRES_PORT"] as const;
/** Key of the owner's advisory lock, in the database `postgres`: "gmn" and "own" in hexadecimal. */
const OWNER_LOCK = [0x676d6e, 0x6f776e] as const;
/** How often a start is tried when another process takes the free port, or starts the same cluster, in between. */
const START_ATTEMPTS = 5;
/** A server that was killed is started again for as long as this process wants one. */
const REVIVE_BACKOFF = { base_ms: 500, cap_ms: 30_000, attempts: Infinity };
/** A server that is starting, stopping or recovering refuses connections for a while (SQLSTATE 57P03). */
const OWNER_BACKOFF = { base_ms: 100, cap_ms: 1_000, attempts: 60 };

/**
 * Starts (or adopts) the PostgreSQL in `directory` and makes the database in it.
 * @throws PermanentError with a hint: the port is in use, no programs or no user to run them, a living process owns it
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { observe, signal } = options;
  const startedAt = performance.now();
  const place = await findPlace(resolve(options.directory), observe);
  observe("database.starting", { directory: place.directory, port: options.port });
  const stopping = new AbortController();
  let reviving: Promise<void> | null = null;
  let started = false;
  const running = await startAndOwn(place, options, options.port, () => onOwnerLost());
  started = true;

  /** The owner's connection ends with the server: if that was no stop of ours, the server is started again. */
  function onOwnerLost(): void {
    // Before the start has ended, the start fails.
    if (!started || stopping.signal.aborted || reviving !== null) return;
    reviving = revive().finally(() => reviving = null);
  }
  async function revive(): Promise<void> {
    await running.owner.close();
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        const again = { ...options, signal: stopping.signal };
        const { owner, supervisor } = await startAndOwn(place, again, running.port, onOwnerLost);
        // The former one has watched until now: in between this process may be killed, too.
        const former = running.supervisor;
        Object.assign(running, { owner, supervisor });
        observe("database.restarted", { directory: place.directory, port: running.port });
        // Not waited for: a loss of the new server must be noticed meanwhile.
        void former.dismiss();
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        const delay_ms = backoffDelayMs(REVIVE_BACKOFF, attempt);
        reportWaits(observe, "database", "its restart")(error, attempt, delay_ms);
        await wait(delay_ms, stopping.signal).catch(() => {});
      }
    }
  }
  async function stop(): Promise<void> {
    stopping.abort();
    await reviving;
    await running.owner.close();
    await stopPostmaster(place, options.hurry);
    await running.supervisor.dismiss();
    observe("database.stopped", { directory: place.directory });
  }

  let stopped: Promise<void> | null = null;
  const server: EmbeddedPostgres = {
    url: urlOf(running.password, running.port, DATABASE),
    version: place.version,
    port: running.port,
    directory: place.directory,
    stop: () => stopped ??= stop(),
  };
  try {
    signal?.throwIfAborted();
    await createDatabase(running.owner.sql);
  } catch (error) {
    await server.stop();
    throw error;
  }
  observe("database.ready", {
    url: urlOf("***", server.port, DATABASE),
    version: server.version,
    took_ms: performance.now() - startedAt,
  });
  return server;
}

const urlOf = (password: string, port: number, database: string): string =>
  `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;

interface Running {
  owner: Store;
  supervisor: Supervisor;
  readonly password: string;
  readonly port: number;
}

/** The server that was to be owned has ended: it was just going down when it was found. */
class ServerGone extends Error {
  override readonly name = "ServerGone";
}

/** One server on the cluster, owned by this process. Tries again where another process came in between. */
async function startAndOwn(
  place: Place,
  options: EmbeddedPostgresOptions,
  wantedPort: number,
  onLost: () => void,
): Promise<Running> {
  const { signal, settings = {}, hurry } = options;
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    const found = await runningPostmaster(place);
    const port = wantedPort !== 0 ? wantedPort : found?.port ?? await freePort();
    const password = await prepareCluster(place, { port, settings, signal });
    let isOurs = false;
    let supervisor: Supervisor | null = null;
    try {
      if (found === null) {
        if (wantedPort !== 0) await settledPort(port, ...PORT_SETTING);
        const isOver = async () => signal?.aborted || await runningPostmaster(place) !== null;
        await othersSupervisorsGone(place, isOver);
        supervisor = await superviseServer(place);
        await startPostmaster(place, port, signal, hurry);
        isOurs = true;
      }
      const at = found?.port ?? port;
      const url = urlOf(password, at, "postgres");
      const owner = await own(place, url, { ...options, onLost, signal });
      if (at === port && (isOurs || !await isBeingStopped(place, signal))) {
        supervisor ??= await superviseServer(place);
        return { owner, supervisor, password, port };
      }
      await owner.close();
      await stopPostmaster(place, hurry);
      await supervisor?.dismiss();
    } catch (error) {
      // Given up before anybody owned it.
      if (isOurs && signal?.aborted && error === signal.reason) await stopPostmaster(place, hurry);
      await supervisor?.dismiss();
      const portTaken = error instanceof StartFailure && error.portInUse;
      if (portTaken && wantedPort !== 0) throw portInUse(port, ...PORT_SETTING, error);
      // Another process started this very cluster in between, or the server found was just going down.
      const other = await runningPostmaster(place) !== null;
      const raced = error instanceof StartFailure
        ? portTaken || other
        : error instanceof ServerGone || (error instanceof TransientError && !other);
      if (!raced || attempt >= START_ATTEMPTS) throw error;
    }
  }
}

/**
 * Whether the server that was found, and is ours now, is about to be stopped by the supervisor of the process that it belonged to.
 * It has been by the time this resolves.
 */
function isBeingStopped(place: Place, signal: AbortSignal | undefined): Promise<boolean> {
  return othersSupervisorsGone(place, () => Promise.resolve(signal?.aborted === true));
}

interface Owning {
  readonly observe: Observe;
  /** The session ended, and not by `close`. */
  readonly onLost: () => void;
  /** Aborting ends the waiting for a server that does not let anybody in yet. */
  readonly signal: AbortSignal | undefined;
}

/** A session that holds the owner's lock for as long as this process lives. */
async function own(
  place: Place,
  url: string,
  { observe, onLost, signal }: Owning,
): Promise<Store> {
  let owned = false;
  const { sql, close } = connectStore({
    url,
    max: 1,
    applicationName: "gmn-data-store owner",
    observe,
    onClose: () => owned && onLost(),
  });
  const [a, b] = OWNER_LOCK;
  try {
    const lock = async () => {
      try {
        return await sql<{ mine: boolean }[]>`select pg_try_advisory_lock(${a}, ${b}) as mine`;
      } catch (error) {
        // Asking on would take all the tries before anybody starts another one.
        if (await runningPostmaster(place) === null) throw new ServerGone(explain(error));
        throw error;
      }
    };
    const [row] = await retry(lock, { backoff: OWNER_BACKOFF, signal });
    owned = row?.mine === true;
  } catch (error) {
    await close();
    throw error;
  }
  if (owned) {
    return {
      sql,
      close() {
        owned = false;
        return close();
      },
    };
  }
  await close();
  throw new PermanentError(`the PostgreSQL in ${place.directory} is in use by another process`, {
    hint: "stop that process, or set DATA_DIR to another directory, " +
      "or set DATABASE_URL to share one PostgreSQL",
  });
}

async function createDatabase(sql: postgres.Sql<{ bigint: bigint }>): Promise<void> {
  const [found] = await sql`select from pg_database where datname = ${DATABASE}`;
  if (found === undefined) await sql`create database ${sql(DATABASE)}`;
}
