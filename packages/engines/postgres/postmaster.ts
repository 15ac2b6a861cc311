/**
 * The server process of a cluster: finds, starts and stops it.
 *
 * `pg_ctl` does the work, because it reliably waits for readiness and detaches the server from our terminal.
 */
import { readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError, untilAborted, wait } from "@gmn/failures";
import { isAlive } from "../processes/look.ts";
import { program } from "./binaries.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./run_command.ts";

/** What `postmaster.pid` says about a server (PostgreSQL's `pidfile.h`: pid, directory, start, port, …). */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** Recovery after a crash replays at most `max_wal_size` of WAL; ten minutes allow for a slow disk. */
const START_SECONDS_MAX = 600;
/** Limit of a fast stop, which writes one checkpoint. After that an immediate stop follows, and the next start recovers. */
const STOP_SECONDS_MAX = 60;
/** The server's log is rotated at a start when it has grown beyond this; one old log is kept. */
const LOG_BYTES_MAX = 1_000_000;
/** Interval between checks for a server that is starting. */
const LOOK_INTERVAL_MS = 50;
/** Process id, directory, time and port, each with its line end: PostgreSQL writes these at once (`CreateLockFile`). */
const PID_FILE_LINES_MIN = 5;
/** How long a pid file may be there without its lines; PostgreSQL writes it right after it has created it. */
const PID_FILE_WRITTEN_MS = 1_000;
/** How many lines of the server's log a failed start reports. */
const LOG_LINES_REPORTED = 8;

/**
 * The server that runs on this cluster, or null. A pid file whose pid certainly belongs to another process now (a restarted
 * container, a crash long ago) is removed: PostgreSQL would refuse to start. In doubt it stays: a server that finds its
 * pid file missing shuts down at once, without a checkpoint.
 */
export async function runningPostmaster(place: Place): Promise<Postmaster | null> {
  const pidFile = join(place.cluster, "postmaster.pid");
  const text = await readPidFile(pidFile);
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

/**
 * The text of a pid file, or null. PostgreSQL creates the file and then writes it: one without its lines is a server that is just
 * starting, or, when it stays so, what a full disk or a crash has left.
 */
async function readPidFile(pidFile: string): Promise<string | null> {
  const deadline = performance.now() + PID_FILE_WRITTEN_MS;
  for (;;) {
    const text = await readFile(pidFile, "utf8").catch(() => null);
    const isWritten = text === null || text.split("\n").length >= PID_FILE_LINES_MIN;
    if (isWritten || performance.now() > deadline) return text;
    await wait(LOOK_INTERVAL_MS);
  }
}

/** Which process has this pid: this cluster's server, another process, none, or unknown. */
async function whoIs(
  pid: number,
  cluster: string,
): Promise<"postmaster" | "another" | "nobody" | "unknown"> {
  if (!Number.isInteger(pid) || pid <= 0) return "another";
  if (!isAlive(pid)) return "nobody";
  if (process.platform === "win32") return "unknown";
  if (process.platform === "linux") {
    // A postmaster's working directory is its cluster. Deno allows reading /proc only with all permissions.
    const at = await readlink(`/proc/${pid}/cwd`).catch(() => null);
    if (at !== null) {
      return at === await realpath(cluster).catch(() => cluster) ? "postmaster" : "another";
    }
  }
  // Servers are started with `-D <cluster>`, which ps shows. Without ps the answer stays unknown.
  const shown = await runCommand("ps", ["-ww", "-o", "args=", "-p", String(pid)], { runAs: null });
  if (shown.code !== 0 || shown.output.trim() === "") return "unknown";
  return shown.output.includes(cluster) ? "postmaster" : "another";
}

/** A failed start of the server. */
export class StartFailure extends PermanentError {
  /** Another program listens on the port. */
  readonly portInUse: boolean;
  /** Somebody ended the server while it was starting: nothing in its log says that it could not start. */
  readonly wasEnded: boolean;
  constructor(place: Place, port: number, log: string) {
    const portInUse = /could not bind|Address already in use|address already in use/i.test(log);
    super(`PostgreSQL did not start on port ${port}: ${log}`, {
      hint: `its log is ${place.logFile}`,
    });
    this.portInUse = portInUse;
    this.wasEnded = /received \w+ shutdown request/.test(log) || !/FATAL|PANIC/.test(log);
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
 * Stops a server that is starting. `pg_ctl start` is not killed: the server it launched may not have written its pid file yet,
 * and could then not be found and stopped. `pg_ctl` exits by itself when the server ends or is up.
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
 * Stops the server if one runs: first fast (connections are cut, a checkpoint is written), then immediately. When `hurry` aborts,
 * the immediate stop follows at once.
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
