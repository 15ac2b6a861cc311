/**
 * Decides which process works on the runs: the one that holds the lease and has the highest epoch on the log.
 *
 *     FOLLOWING ──lease taken, epoch on the log──▶ LEADING ──lease lost, or a higher epoch on the log──▶ FOLLOWING
 *
 * The lease ends with the connection that holds it, and must be renewed (`store/renewed_lease.ts`). So a killed process releases it by
 * dying, one that loses the database or the log pauses its runs before another may take them up, and a frozen one is replaced. A running
 * run therefore always has an owner, or gets one soon. What a frozen process still writes is refused by its epoch (`runs/run_leader.ts`).
 */
import { explain, TransientError, wait } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";

/** A right that one process has while it holds the lease. */
export interface Lease {
  /** Aborts when the lease is lost (the connection to the database broke). */
  readonly lost: AbortSignal;
  /** Whether it may be acted on now: false before `lost` aborts when this process was frozen. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** The lease of the runs: it says whether its holder leads, or only waits to. */
export interface LeaseOfRuns extends Lease {
  /** Says that this process leads from now on. Never rejects. */
  act(): Promise<void>;
}

/** The time in which a process leads without interruption. */
export interface Term {
  /** Written with every event and row; null without a log to decide it (an engine for one command's runs). */
  readonly epoch: number | null;
  /** Whether this process may still write as the leader. */
  isHeld(): boolean;
}

/** The epochs that this process has on the log. */
export interface RunEpochs {
  /** Takes the next epoch. @throws the reason of `until` */
  take(until: AbortSignal): Promise<number>;
  /** Whether no other process has taken a later one, as far as the projection has got. */
  isCurrent(epoch: number): Promise<boolean>;
}

/** The part of the engine that is used here. */
export interface Led {
  lead(until: AbortSignal, term: Term): Promise<void>;
  follow(): Promise<void>;
  reconcile(): Promise<void>;
}

export interface LeadershipOptions {
  readonly engine: Led;
  /** The lease, or null when another process holds it. */
  readonly tryBecomeLeader: () => Promise<LeaseOfRuns | null>;
  readonly epochs: RunEpochs;
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

  #takeLease(): Promise<LeaseOfRuns | null> {
    return retryWhileAway({
      observe: this.#options.observe,
      part: "database",
      what: "the lease of the runs",
      signal: this.#stopping.signal,
    }, this.#options.tryBecomeLeader);
  }

  async #lead(lease: LeaseOfRuns): Promise<void> {
    const { engine, epochs, observe, reconcileInterval_ms = RECONCILE_INTERVAL_MS } = this.#options;
    const until = AbortSignal.any([this.#stopping.signal, lease.lost]);
    // At once: what is in progress may hang as long as the database or the log does not answer.
    const reportLoss = () => {
      if (!this.#stopping.signal.aborted) {
        observe("producer.follows", { reason: explain(lease.lost.reason) });
      }
    };
    lease.lost.addEventListener("abort", reportLoss, { once: true });
    try {
      const epoch = await unlessAborted(epochs.take(until), until);
      await lease.act();
      observe("producer.leads", { epoch });
      const term = { epoch, isHeld: () => !until.aborted && lease.isHeld() };
      await unlessAborted(engine.lead(until, term), until);
      while (!until.aborted) {
        await wait(reconcileInterval_ms, until);
        if (!await unlessAborted(epochs.isCurrent(epoch).catch(tolerate), until)) {
          const reason = `another process has an epoch after ${epoch} on the log`;
          return observe("producer.follows", { reason });
        }
        await unlessAborted(engine.reconcile().catch(tolerate), until);
      }
    } catch (error) {
      if (!until.aborted) throw error;
    } finally {
      await engine.follow();
      // A release ends the connection, too.
      lease.lost.removeEventListener("abort", reportLoss);
      await lease.release().catch(() => {});
    }
  }
}

/** The result of the work, or the signal's reason as soon as it aborts: the work may hang. */
async function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  work.catch(() => {});
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A check that failed transiently is repeated at the next turn; a lost database also ends the lease. */
function tolerate(error: unknown): true {
  if (!(error instanceof TransientError)) throw error;
  return true;
}
