/**
 * The server process of a cluster: whether one runs, starting it, stopping it.
 *
 * `pg_ctl` does the work, because it waits for readiness properly and detaches the server from our terminal.
 */
import { readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError, untilAborted, wait } from "@gmn/failures";
import { isAlive } from "../processes/look.ts";
import { program } from "./binaries.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./run_command.ts";

/** What `postmaster.pid` says of a server (PostgreSQL's `pidfile.h`: pid, directory, start, port, …). */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** Recovery after a crash replays at most `max_wal_size` of WAL; ten minutes is a slow disk's time for it. */
const START_SECONDS_MAX = 600;
/** A fast stop writes one checkpoint. After that, an immediate stop: the next start recovers. */
const STOP_SECONDS_MAX = 60;
/** The server's log is put aside at a start when it has grown beyond this; one old one is kept. */
const LOG_BYTES_MAX = 1_000_000;
/** Between two looks for a server whose start is under way. */
const LOOK_INTERVAL_MS = 50;
/** Lines of the server's log that a failed start reports. */
const LOG_LINES_REPORTED = 8;

/**
 * The server that runs on this cluster, or null. A pid file whose pid certainly is another process's now (a restarted
 * container, a crash long ago) is removed: PostgreSQL would refuse to start beside it. In doubt it stays: a server that misses
 * its pid file shuts down at once, without a checkpoint.
 */
export async function runningPostmaster(place: Place): Promise<Postmaster | null> {
  const pidFile = join(place.cluster, "postmaster.pid");
  const text = await readFile(pidFile, "utf8").catch(() => null);
  if (text === null) return null;
  const lines = text.split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  switch (await whoIs(pid, place.cluster)) {
    case "postmaster":
    case "unknown":
      return { pid, port };
    case "nobody":
      return null;
    case "another":
      await rm(pidFile, { force: true });
      return null;
  }
}

/** Whose pid it is: this cluster's server's, another process's, nobody's; or unknown. */
async function whoIs(
  pid: number,
  cluster: string,
): Promise<"postmaster" | "another" | "nobody" | "unknown"> {
  if (!Number.isInteger(pid) || pid <= 0) return "another";
  if (!isAlive(pid)) return "nobody";
  if (process.platform === "win32") return "unknown";
  if (process.platform === "linux") {
    // A postmaster's working directory is its cluster. Deno lets nobody read /proc who was not given all permissions.
    const at = await readlink(`/proc/${pid}/cwd`).catch(() => null);
    if (at !== null) {
      return at === await realpath(cluster).catch(() => cluster) ? "postmaster" : "another";
    }
  }
  // Servers are started with `-D <cluster>`, which ps shows. A machine without ps leaves it open.
  const shown = await runCommand("ps", ["-ww", "-o", "args=", "-p", String(pid)], { runAs: null });
  if (shown.code !== 0 || shown.output.trim() === "") return "unknown";
  return shown.output.includes(cluster) ? "postmaster" : "another";
}

/** How starting the server ended when it did not succeed. */
export class StartFailure extends PermanentError {
  /** Somebody else listens on the port. */
  readonly portInUse: boolean;
  constructor(place: Place, port: number, log: string) {
    const portInUse = /could not bind|Address already in use|address already in use/i.test(log);
    super(`PostgreSQL did not start on port ${port}: ${log}`, {
      hint: `its log is ${place.logFile}`,
    });
    this.portInUse = portInUse;
  }
}

/**
 * Starts the server and waits until it accepts connections, crash recovery included.
 * @throws StartFailure with the end of the server's log
 */
export async function startPostmaster(
  place: Place,
  port: number,
  signal?: AbortSignal,
  hurry?: AbortSignal,
): Promise<void> {
  const log = await stat(place.logFile).catch(() => null);
  if (log !== null && log.size > LOG_BYTES_MAX) {
    await rename(place.logFile, `${place.logFile}.1`);
  }
  const from = log === null || log.size > LOG_BYTES_MAX ? 0 : log.size;
  const starting = pgCtl(
    place,
    ["start", "-l", place.logFile, "-w", "-t", String(START_SECONDS_MAX)],
  );
  const started = await Promise.race([starting, untilAborted(signal)]);
  if (started === "aborted") {
    await stopWhileStarting(place, starting, hurry);
    throw signal?.reason;
  }
  if (started.code === 0) return;
  const lines = (await readFile(place.logFile).catch(() => new Uint8Array()))
    .subarray(from).toString().trim().split("\n").slice(-LOG_LINES_REPORTED);
  throw new StartFailure(
    place,
    port,
    lines.join(" | ") || started.output || `${started.startError}`,
  );
}

/**
 * Stops a server whose start is under way. `pg_ctl start` is not ended for it: the server it has begun may not have written its pid
 * file yet, and nobody would find it to stop it. It ends by itself when the server does, or is up.
 */
async function stopWhileStarting(
  place: Place,
  starting: Promise<unknown>,
  hurry?: AbortSignal,
): Promise<void> {
  let isOver = false;
  const over = starting.then(() => isOver = true);
  while (!isOver) {
    await stopPostmaster(place, hurry);
    await Promise.race([over, wait(LOOK_INTERVAL_MS)]);
  }
  await stopPostmaster(place, hurry);
}

/**
 * Stops the server if one runs: fast (connections are cut, a checkpoint written), and at last immediately, which is at once when
 * `hurry` aborts.
 */
export async function stopPostmaster(place: Place, hurry?: AbortSignal): Promise<void> {
  const stop = (mode: string, signal?: AbortSignal) =>
    pgCtl(place, ["stop", "-m", mode, "-w", "-t", String(STOP_SECONDS_MAX)], signal);
  if (hurry?.aborted !== true) {
    if (await runningPostmaster(place) === null) return;
    await stop("fast", hurry);
  }
  if (await runningPostmaster(place) !== null) await stop("immediate");
}

function pgCtl(place: Place, args: readonly string[], signal?: AbortSignal) {
  return runCommand(program(place.binaries, "pg_ctl"), [...args, "-D", place.cluster], {
    runAs: place.runAs,
    signal,
  });
}
