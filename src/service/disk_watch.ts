/**
 * Watches the disks that hold the log and the database, as far as this process starts them, and stops the producer before one is
 * full. An external broker or database has a disk of its own, and an operator of its own.
 *
 *     ok ◀──free ≥ WARN_FACTOR × limit──▶ low (warning) ──free < limit──▶ full: runs wait, new ones are refused
 *                                          ◀──free ≥ limit + RESUME_FACTOR of it── and go on by themselves
 *
 * The limit is DISK_FREE_MIN_MB. What stays free below it is for what must still be written: rows that are on the log already go
 * into the database, runs are cancelled, PostgreSQL writes its WAL. A full disk would stop both engines in the middle of their work.
 */
import { TransientError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { asSize, type DiskSpace, diskSpaceOf } from "./disk_space.ts";

/** Between two looks. The fastest backfill writes about 200 MB in this time, to log and database: a fifth of the default limit. */
export const LOOK_INTERVAL_MS = 5_000;
/** A warning comes at this multiple of the limit: a day or more before the stop at the source's rhythm, minutes in a backfill. */
export const WARN_FACTOR = 3;
/** Work goes on when this much of the limit more is free: a checkpoint that frees some megabytes does not start it for a moment. */
const RESUME_FACTOR = 0.1;
const MIB = 1024 * 1024;

/** A disk to watch. */
export interface WatchedDisk {
  readonly holds: "log" | "database";
  /** Absolute path of a folder on it. */
  readonly path: string;
}

export type DiskState = "ok" | "low" | "full";

/** A disk as last seen. */
export interface SeenDisk extends WatchedDisk, DiskSpace {
  readonly state: DiskState;
  /** Below this nothing is published. */
  readonly limit_bytes: number;
}

/** A disk has less room than the limit. Waiting helps as soon as somebody makes room. */
export class DiskFullError extends TransientError {
  override readonly name = "DiskFullError";
  constructor({ holds, path, free_bytes, limit_bytes }: SeenDisk) {
    super(
      `the disk of the ${holds} (${path}) has ${asSize(free_bytes)} free, less than the ${
        asSize(limit_bytes)
      } of DISK_FREE_MIN_MB: nothing is published until there is space`,
      { hint: "free some space on it or enlarge it; docs/runbook.md#gmndiskfull says how" },
    );
  }
}

export interface DiskWatchOptions {
  readonly disks: readonly WatchedDisk[];
  /** DISK_FREE_MIN_MB; 0 never stops anything. */
  readonly limit_MiB: number;
  readonly observe: Observe;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  readonly #seen = new Map<WatchedDisk, SeenDisk>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Looks now, and again every few seconds until `stop`. */
  async start(): Promise<void> {
    await this.look();
    this.#timer ??= setInterval(() => void this.look(), LOOK_INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Whether there is a disk to watch: whether this process runs an engine that writes to one. */
  get hasDisks(): boolean {
    return this.#options.disks.length > 0;
  }

  /** The disks as last seen. One that could not be looked at is left out. */
  get disks(): SeenDisk[] {
    return [...this.#seen.values()];
  }

  /** @throws DiskFullError while a disk has less room than the limit */
  assertRoom(): void {
    const full = this.disks.find(({ state }) => state === "full");
    if (full !== undefined) throw new DiskFullError(full);
  }

  /** Looks at every disk once, and reports what has changed. Never rejects. */
  async look(): Promise<void> {
    for (const disk of this.#options.disks) {
      const space = await diskSpaceOf(disk.path).catch(() => null);
      if (space === null) this.#seen.delete(disk);
      else this.#take(disk, space);
    }
  }

  #take(disk: WatchedDisk, space: DiskSpace): void {
    const { observe } = this.#options;
    const limit_bytes = this.#options.limit_MiB * MIB;
    const before = this.#seen.get(disk)?.state ?? "ok";
    const state = stateOf(space.free_bytes, limit_bytes, before);
    this.#seen.set(disk, { ...disk, ...space, limit_bytes, state });
    if (state === before) return;
    const detail = {
      holds: disk.holds,
      path: disk.path,
      free_bytes: space.free_bytes,
      limit_bytes,
    };
    if (state === "full") observe("disk.filled", detail);
    else if (state === "low") observe("disk.filling", detail);
    if (before === "full") observe("disk.resumed", detail);
  }
}

function stateOf(free_bytes: number, limit_bytes: number, before: DiskState): DiskState {
  const resume_bytes = before === "full" ? limit_bytes * (1 + RESUME_FACTOR) : limit_bytes;
  if (free_bytes < resume_bytes) return "full";
  return free_bytes < limit_bytes * WARN_FACTOR ? "low" : "ok";
}
