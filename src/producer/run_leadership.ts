/**
 * Decides which process works on the runs: the one that holds the lease.
 *
 *     FOLLOWING ──lease taken──▶ LEADING ──lease lost──▶ FOLLOWING
 *
 * The lease ends with the connection that holds it. So a killed process releases it by dying, and a process that loses the database
 * pauses its runs before another may take them up. A running run therefore always has an owner, or gets one soon.
 */
import { explain, TransientError, wait } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";

/** A right that one process has while it holds the lease. */
export interface Lease {
  /** Aborts when the lease is lost (the connection to the database broke). */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** The part of the engine that is used here. */
export interface Led {
  lead(until: AbortSignal): Promise<void>;
  follow(): Promise<void>;
  reconcile(): Promise<void>;
}

export interface LeadershipOptions {
  readonly engine: Led;
  /** The lease, or null when another process holds it. */
  readonly tryBecomeLeader: () => Promise<Lease | null>;
  readonly observe: Observe;
  /** Aborts when the whole service ends, which is before `stop`: work that it aborts has not failed. */
  readonly signal?: AbortSignal;
  readonly followInterval_ms?: number;
  readonly reconcileInterval_ms?: number;
}

/** Between two attempts to take the lease: how long the runs of a killed leader stand still. Each attempt is a connection. */
const FOLLOW_INTERVAL_MS = 2000;
/** Between two checks for requests of other processes: how long their requests and cancellations wait. Two small queries. */
const RECONCILE_INTERVAL_MS = 1000;

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Starts following, and leads whenever it can. */
  start(): void {
    this.#work = this.#loop();
  }

  /** Stops: the runs pause, then the lease is released. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the process stops"));
    await this.#work;
  }

  /** Never rejects. */
  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const lease = await this.#takeLease();
        if (lease === null) {
          await wait(this.#options.followInterval_ms ?? FOLLOW_INTERVAL_MS, signal);
        } else await this.#lead(lease);
      } catch (error) {
        if (signal.aborted || this.#options.signal?.aborted) return;
        const delay_ms = this.#options.followInterval_ms ?? FOLLOW_INTERVAL_MS;
        this.#options.observe("producer.retry", { reason: explain(error), delay_ms });
        await wait(delay_ms, signal).catch(() => {});
      }
    }
  }

  #takeLease(): Promise<Lease | null> {
    return retryWhileAway({
      observe: this.#options.observe,
      part: "database",
      what: "the lease of the runs",
      signal: this.#stopping.signal,
    }, this.#options.tryBecomeLeader);
  }

  async #lead(lease: Lease): Promise<void> {
    const { engine, reconcileInterval_ms = RECONCILE_INTERVAL_MS } = this.#options;
    const until = AbortSignal.any([this.#stopping.signal, lease.lost]);
    try {
      this.#options.observe("producer.leads", {});
      await engine.lead(until);
      while (!until.aborted) {
        await wait(reconcileInterval_ms, until);
        await engine.reconcile().catch(tolerate);
      }
    } catch (error) {
      if (!until.aborted) throw error;
    } finally {
      await engine.follow();
      if (lease.lost.aborted) {
        this.#options.observe("producer.follows", { reason: explain(lease.lost.reason) });
      }
      await lease.release().catch(() => {});
    }
  }
}

/** A check that failed transiently is repeated at the next turn; a lost database also ends the lease. */
function tolerate(error: unknown): void {
  if (!(error instanceof TransientError)) throw error;
}
