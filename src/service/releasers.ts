/**
 * What must be released when the service stops, in the reverse order of its making.
 *
 * Every part adds its release the moment it exists, so a boot that fails half-way releases exactly what it made.
 */
import { explain } from "../failures/failures.ts";

/** How long a stop waits, in milliseconds. */
export interface ReleaseLimits {
  /** For one part; what takes longer is left behind. */
  readonly each_ms: number;
  /** For all parts together. */
  readonly all_ms: number;
}

export const RELEASE_LIMITS: ReleaseLimits = {
  // A consumer that finishes its batch takes longest, seconds on a slow disk. What hangs is cut off by the parts after it.
  each_ms: 30_000,
  // A stop must end before a container platform's patience (90 s in fly.toml), and the process has to end, too.
  all_ms: 80_000,
};

/**
 * What of that is kept for each engine. They come last, when others may have used up the time, and an unclean end costs them a
 * recovery: Redpanda has 25 s to stop (broker/redpanda/start.ts), PostgreSQL writes a checkpoint.
 */
export const ENGINE_RESERVE_MS = 25_000;

interface Releaser {
  readonly name: string;
  readonly release: () => Promise<void> | void;
  readonly reserve_ms: number;
}

export class Releasers {
  readonly #stack: Releaser[] = [];
  readonly #onProblem: (name: string, reason: string) => void;

  /** `onProblem` is told of releases that fail or take too long; the others go on. */
  constructor(onProblem: (name: string, reason: string) => void) {
    this.#onProblem = onProblem;
  }

  /** `reserve_ms`: time that the parts released before may not use up. */
  add(name: string, release: () => Promise<void> | void, { reserve_ms = 0 } = {}): void {
    this.#stack.push({ name, release, reserve_ms });
  }

  /** Releases everything, last made first, within `all_ms`. Never rejects; a second call has nothing left to do. */
  async release({ each_ms, all_ms }: ReleaseLimits = RELEASE_LIMITS): Promise<void> {
    const deadline = performance.now() + all_ms;
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      const reserved_ms = this.#stack.reduce((sum, { reserve_ms }) => sum + reserve_ms, 0);
      const left_ms = Math.max(0, deadline - performance.now() - reserved_ms);
      await this.#releaseOne(next, Math.round(Math.min(each_ms, left_ms)));
    }
  }

  async #releaseOne({ name, release }: Releaser, timeout_ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await Promise.race([
        Promise.resolve(release()),
        new Promise<never>((_, reject) => {
          timer = setTimeout(
            () => reject(new Error(`not done after ${timeout_ms} ms`)),
            timeout_ms,
          );
        }),
      ]);
    } catch (error) {
      this.#onProblem(name, explain(error));
    } finally {
      clearTimeout(timer);
    }
  }
}
