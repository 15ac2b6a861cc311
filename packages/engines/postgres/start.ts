/**
 * Creates, starts, watches and stops a real PostgreSQL beside this process, for machines that have none.
 *
 * States of a data directory, and what a start does in each:
 *
 *     empty ───────────────────────▶ initdb, start
 *     cluster, no server ──────────▶ start (after a crash PostgreSQL recovers by itself)
 *     cluster, server of a killed process ──▶ its supervisor stops it: wait, then start. Without one (killed too, or Windows)
 *                                             adopt it; if it listens on another port than wanted, restart it
 *     cluster, server of a living process ──▶ refuse
 *     cluster, our server listens on another port ──▶ use it there; if a port is wanted, start again, and refuse in the end
 *
 * A lock in the server identifies its owner (owner.ts).
 */
import { join, resolve } from "node:path";
import { backoffDelayMs, PermanentError, TransientError, wait } from "@gmn/failures";
import { freePort, portInUse, settledPort } from "../processes/free_port.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import { prepareCluster, SUPERUSER } from "./cluster.ts";
import type { OnPostgresEvent } from "./events.ts";
import { type Connect, own, ServerGone, type Session } from "./owner.ts";
import { findPlace, type Place } from "./place.ts";
import { runningPostmaster, StartFailure, startPostmaster, stopPostmaster } from "./postmaster.ts";
import { othersSupervisorsGone, superviseServer } from "./supervision.ts";

export interface PostgresOptions {
  /** Directory of the cluster; created when missing. */
  readonly directory: string;
  /** TCP port on 127.0.0.1; 0 selects a free one. */
  readonly port: number;
  /** The driver: opens the session in which this process owns the server. */
  readonly connect: Connect;
  readonly onEvent: OnPostgresEvent;
  /** Aborting cancels a start; a server that was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Aborting hurries a stop: the server ends without a checkpoint, and recovers at the next start. */
  readonly hurry?: AbortSignal;
  /** Additional server settings, which override ours; tests turn fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running server that this process owns. */
export interface RunningPostgres {
  /** Complete, with password: `postgres://gmn:…@127.0.0.1:port/gmn_data_store`. */
  readonly url: string;
  readonly version: string;
  readonly port: number;
  /** The actual location of the data (see `place.ts`). */
  readonly directory: string;
  /** Stops the server and waits for its end. Calling it again is harmless. */
  stop(): Promise<void>;
}

/** As in `createDatabase`. */
const DATABASE = "gmn_data_store";
/** The names that messages about its port use. */
const PORT_SETTING = ["PostgreSQL", "POSTGRES_PORT"] as const;
/** How often a start is tried when another process takes the free port, or starts the same cluster, in the meantime. */
const START_ATTEMPTS = 5;
/** A server that was killed is restarted for as long as this process needs it. */
const REVIVE_BACKOFF = { base_ms: 500, cap_ms: 30_000, attempts: Infinity };

/**
 * Starts (or adopts) the PostgreSQL in `directory` and creates the database in it.
 * @throws PermanentError with a hint: the port is in use, no programs or no user to run them, a living process owns it
 */
export async function startPostgres(
  options: PostgresOptions,
): Promise<RunningPostgres> {
  const { onEvent, signal } = options;
  const startedAt = performance.now();
  const place = await findPlace(resolve(options.directory), onEvent);
  onEvent({ kind: "starting", directory: place.directory, port: options.port });
  const stopping = new AbortController();
  let reviving: Promise<void> | null = null;
  let isLostAgain = false;
  let started = false;
  const running = await startAndOwn(place, options, options.port, () => onOwnerLost());
  started = true;

  /** The owner's connection ends with the server. Unless we stopped the server, it is started again. */
  function onOwnerLost(): void {
    // While the start is still running, it fails by itself.
    if (!started || stopping.signal.aborted) return;
    // While the start after an earlier loss is being completed.
    if (reviving !== null) return void (isLostAgain = true);
    reviving = revive().finally(() => reviving = null);
  }
  async function revive(): Promise<void> {
    await running.owner.close();
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        isLostAgain = false;
        const again = { ...options, signal: stopping.signal };
        const { owner, supervisor } = await startAndOwn(place, again, running.port, onOwnerLost);
        // The former supervisor has watched until now, because this process may be killed at any time.
        const former = running.supervisor;
        Object.assign(running, { owner, supervisor });
        onEvent({ kind: "restarted", directory: place.directory, port: running.port });
        // Not awaited: the loss of the new server must be noticed in the meantime.
        void former.dismiss();
        if (!isLostAgain) return;
        await owner.close();
      } catch (error) {
        if (stopping.signal.aborted) return;
        const delay_ms = backoffDelayMs(REVIVE_BACKOFF, attempt);
        onEvent({ kind: "restart failed", error, attempt, delay_ms });
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
    onEvent({ kind: "stopped", directory: place.directory });
  }

  let stopped: Promise<void> | null = null;
  const server: RunningPostgres = {
    url: urlOf(running.password, running.port, DATABASE),
    version: place.version,
    port: running.port,
    directory: place.directory,
    stop: () => stopped ??= stop(),
  };
  try {
    signal?.throwIfAborted();
    await createDatabase(running.owner);
  } catch (error) {
    await server.stop();
    throw error;
  }
  onEvent({
    kind: "ready",
    url: urlOf("***", server.port, DATABASE),
    version: server.version,
    took_ms: performance.now() - startedAt,
  });
  return server;
}

const urlOf = (password: string, port: number, database: string): string =>
  `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;

interface Running {
  owner: Session;
  supervisor: Supervisor;
  readonly password: string;
  readonly port: number;
}

/** Starts one server on the cluster, owned by this process. Tries again when another process interfered. */
async function startAndOwn(
  place: Place,
  options: PostgresOptions,
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
      // Not always ours: another start of the same cluster may have written its settings before our server read them.
      const at = (found ?? await runningPostmaster(place))?.port ?? port;
      const url = urlOf(password, at, "postgres");
      const owner = await own(place, url, { ...options, onLost, signal });
      const isWanted = wantedPort === 0 || at === wantedPort;
      if (isWanted && (isOurs || !await isBeingStopped(place, signal))) {
        supervisor ??= await superviseServer(place);
        return { owner, supervisor, password, port: at };
      }
      await owner.close();
      await stopPostmaster(place, hurry);
      if (isOurs && attempt >= START_ATTEMPTS) throw listensElsewhere(place, port, at);
      await supervisor?.dismiss();
    } catch (error) {
      // The start was cancelled before anybody owned the server.
      if (isOurs && signal?.aborted && error === signal.reason) await stopPostmaster(place, hurry);
      await supervisor?.dismiss();
      const portTaken = error instanceof StartFailure && error.portInUse;
      if (portTaken && wantedPort !== 0) throw portInUse(port, ...PORT_SETTING, error);
      // Another process started the same cluster in the meantime, or the server found was shutting down, or somebody ended ours.
      const other = await runningPostmaster(place) !== null;
      const raced = error instanceof StartFailure
        ? portTaken || error.wasEnded || other
        : error instanceof ServerGone || (error instanceof TransientError && !other);
      if (!raced || attempt >= START_ATTEMPTS) throw error;
    }
  }
}

/** The server was started for one port and listens on another, every time. */
const listensElsewhere = (place: Place, wanted: number, actual: number): PermanentError =>
  new PermanentError(
    `PostgreSQL was started for port ${wanted} (POSTGRES_PORT) and listens on ${actual}`,
    { hint: `remove the line \`port = …\` from ${join(place.cluster, "postgresql.conf")}` },
  );

/**
 * Whether the supervisor of the previous owner is stopping the server that we found and now own. When this resolves to true, the
 * server has been stopped.
 */
function isBeingStopped(place: Place, signal: AbortSignal | undefined): Promise<boolean> {
  return othersSupervisorsGone(place, () => Promise.resolve(signal?.aborted === true));
}

/** The name is part of the statement's text, because `create database` takes no parameters. */
async function createDatabase(owner: Session): Promise<void> {
  const found = await owner.sql`select from pg_database where datname = 'gmn_data_store'`;
  if (found.length === 0) await owner.sql`create database gmn_data_store`;
}
