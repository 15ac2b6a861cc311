/**
 * What must be released when the service stops, in reverse order of creation.
 *
 * Every part adds its release as soon as it exists, so a boot that fails half-way releases exactly the parts it created.
 */
import { explain, withTimeout } from "@gmn/failures";

/** How long a stop waits, in milliseconds. */
export interface ReleaseLimits {
  /** For one part; a part that takes longer is abandoned. */
  readonly each_ms: number;
  /** For all parts together. */
  readonly all_ms: number;
}

export const RELEASE_LIMITS: ReleaseLimits = {
  // A consumer that finishes its batch takes longest, seconds on a slow disk. Time reserved for later parts limits a hanging one.
  each_ms: 30_000,
  // A stop must end before a container platform kills the process (90 s in fly.toml), and the process itself must still exit.
  all_ms: 80_000,
};

/**
 * How much of `all_ms` is reserved for each engine. Engines are released last, when other parts may have used up the time, and an
 * unclean end means recovery: Redpanda has 25 s to stop (packages/engines/redpanda/start.ts), PostgreSQL writes a checkpoint.
 */
export const ENGINE_RESERVE_MS = 25_000;

/** The limits after a second request to stop, counted from that request. */
export const HURRIED_LIMITS: ReleaseLimits = {
  // Enough to roll back a transaction and to leave a consumer group.
  each_ms: 2_000,
  // Systems that kill after ten seconds (`docker stop`) have often used up some of that time by then.
  all_ms: 12_000,
};

/** How much of that is reserved for each engine: Redpanda is killed after 2 s, PostgreSQL ends without a checkpoint. */
export const HURRIED_RESERVE_MS = 4_000;

interface Releaser {
  readonly name: string;
  readonly release: () => Promise<void> | void;
  readonly reserve_ms: number;
}

export class Releasers {
  readonly #stack: Releaser[] = [];
  readonly #onProblem: (name: string, reason: string) => void;

  /** `onProblem` is called for releases that fail or take too long; the others go on. */
  constructor(onProblem: (name: string, reason: string) => void) {
    this.#onProblem = onProblem;
  }

  /** `reserve_ms`: time that the parts released earlier may not use up. */
  add(name: string, release: () => Promise<void> | void, { reserve_ms = 0 } = {}): void {
    this.#stack.push({ name, release, reserve_ms });
  }

  /**
   * Releases everything, in reverse order of creation, within `all_ms`; once `hurry` aborts, within `HURRIED_LIMITS`. Never
   * rejects; a second call has nothing left to do.
   */
  async release(
    { each_ms, all_ms }: ReleaseLimits = RELEASE_LIMITS,
    hurry?: AbortSignal,
  ): Promise<void> {
    let deadline = performance.now() + all_ms;
    const hurried = () => deadline = Math.min(deadline, performance.now() + HURRIED_LIMITS.all_ms);
    const limitOf = ({ reserve_ms }: Releaser): number => {
      const isHurried = hurry?.aborted === true;
      const reserved_ms = this.#stack.reduce(
        (sum, { reserve_ms }) =>
          sum + (isHurried ? Math.min(reserve_ms, HURRIED_RESERVE_MS) : reserve_ms),
        0,
      );
      const left_ms = Math.max(0, deadline - performance.now() - reserved_ms);
      const hurried_ms = reserve_ms > 0 ? HURRIED_RESERVE_MS : HURRIED_LIMITS.each_ms;
      return Math.round(Math.min(each_ms, left_ms, isHurried ? hurried_ms : Infinity));
    };
    if (hurry?.aborted) hurried();
    hurry?.addEventListener("abort", hurried, { once: true });
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      await this.#releaseOne(next, limitOf, hurry);
    }
    hurry?.removeEventListener("abort", hurried);
  }

  async #releaseOne(
    releaser: Releaser,
    limitOf: (releaser: Releaser) => number,
    hurry: AbortSignal | undefined,
  ): Promise<void> {
    let limit_ms = 0;
    try {
      await withTimeout(
        Promise.resolve(releaser.release()),
        () => limit_ms = limitOf(releaser),
        () => new Error(`not done after ${limit_ms} ms`),
        hurry,
      );
    } catch (error) {
      this.#onProblem(releaser.name, explain(error));
    }
  }
}
