/**
 * The schedule: requests a daily run at the times of a cron pattern, in UTC, using Croner.
 *
 *     FOLLOWING ──lease taken──▶ LEADING ──lease lost──▶ FOLLOWING
 *
 * Several processes may have the same schedule; the one that holds the lease (`store/renewed_lease.ts`) fires it. A follower tries to take
 * the lease at the start and at each time of the pattern, and until the run that is due then is requested. A new leader checks whether a run was requested since the
 * last time of the pattern; if not, that time was missed (no process was up, or the leader died before it fired), and it makes up
 * for it at once. The same check prevents two processes whose clocks differ from firing twice for one time.
 *
 * A pause is stored outside the process (`ScheduleSwitch`), where other processes and the next start find it. While paused, each
 * process checks regularly, so that a resume in any process is noticed by all.
 */
import { Cron } from "croner";
import { explain, retry, TransientError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import type { Lease } from "./run_leadership.ts";

/** Whether the schedule is paused, stored for all processes and for their next starts. */
export interface ScheduleSwitch {
  /** Since when it is paused; null when it is not. */
  pausedSince(): Promise<Date | null>;
  set(isPaused: boolean): Promise<void>;
}

export interface ScheduleOptions {
  /** Five fields of cron, or six with seconds first; UTC. `config.ts` refuses one that is invalid or never matches. */
  readonly pattern: string;
  /** Requests a daily run and returns its id. `planned` is the time of the pattern that it stands for. */
  readonly requestDaily: (planned: Date) => Promise<string>;
  /** When a daily run was last requested, by anyone; null when none ever was. */
  readonly lastDailyRun: () => Promise<Date | null>;
  /** The lease, or null when another process holds it. */
  readonly tryBecomeLeader: () => Promise<Lease | null>;
  readonly pause: ScheduleSwitch;
  readonly observe: Observe;
  readonly now?: () => Date;
  readonly followLook_ms?: number;
}

/** How late a firing may be and still count as on time: timers of a busy process are late. */
const ON_TIME_MS = 5000;
/** While paused: between two checks whether another process has resumed the schedule. */
const PAUSED_LOOK_MS = 5000;
/** Another process leads, but the run that is due is not requested: between two looks whether that process is alive. */
const FOLLOW_LOOK_MS = 10_000;
/** An unavailable log or database is waited for: the next time of the pattern may be a day away. */
const FIRE_BACKOFF = { base_ms: 1000, cap_ms: 60_000, attempts: Infinity };

export class Schedule {
  readonly pattern: string;
  readonly #options: ScheduleOptions;
  readonly #now: () => Date;
  readonly #cron: Cron;
  #lease: Lease | null = null;
  readonly #stopping = new AbortController();
  /** Timer of the next check, while paused. */
  #look: ReturnType<typeof setTimeout> | undefined;
  /** The last time of the pattern that was fired for. */
  #fired: Date | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.pattern = options.pattern;
    this.#cron = new Cron(options.pattern, { timezone: "UTC", protect: true });
  }

  /** Starts following the pattern, and makes up for a missed run; resolves when that is done (start-up need not wait for it). */
  start(): Promise<void> {
    this.#cron.schedule(() => this.fire());
    this.#options.observe("schedule.set", { pattern: this.pattern, next: this.next() });
    return this.fire();
  }

  /** The next time of the pattern, paused or not; null when the schedule has ended. */
  next(): Date | null {
    return this.#stopping.signal.aborted ? null : this.#cron.nextRun();
  }

  /** Whether this process is the one that fires. */
  get isLeader(): boolean {
    return this.#lease?.isHeld() ?? false;
  }

  /** Requests no runs until `resume`, in any process and after any restart; pausing twice changes nothing. */
  async pause(): Promise<void> {
    await this.#options.pause.set(true);
    this.#options.observe("schedule.paused", {});
  }

  /** Resumes, and makes up for a time of the pattern that passed during the pause. */
  async resume(): Promise<void> {
    await this.#options.pause.set(false);
    this.#options.observe("schedule.resumed", { next: this.next() });
    // Not awaited: the caller of resume need not wait for the run.
    void this.fire();
  }

  /** Ends the schedule, after a firing in progress, and releases the lease. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the schedule ends"));
    this.#cron.stop();
    clearTimeout(this.#look);
    await this.#work;
    clearTimeout(this.#look);
    const lease = this.#lease;
    this.#lease = null;
    await lease?.release();
  }

  /**
   * Requests the run that is due: the latest time of the pattern, unless a run was requested since. Called at the pattern's times;
   * calls do not overlap. Never rejects: a failure is reported, and the next time of the pattern is a new chance.
   */
  fire(): Promise<void> {
    const signal = this.#stopping.signal;
    const onRetry = (error: unknown, attempt: number, delay_ms: number) => {
      if (signal.aborted) return;
      this.#options.observe("schedule.retry", { reason: explain(error), attempt, delay_ms });
    };
    this.#work = this.#work
      .then(() => retry(() => this.#fireOnce(), { backoff: FIRE_BACKOFF, signal, onRetry }))
      .catch((error) => {
        if (!signal.aborted) this.#options.observe("schedule.deferred", { reason: explain(error) });
      });
    return this.#work;
  }

  async #fireOnce(): Promise<void> {
    clearTimeout(this.#look);
    if (await this.#options.pause.pausedSince() !== null) {
      this.#look = setTimeout(() => void this.fire(), PAUSED_LOOK_MS);
      return;
    }
    if (this.#stopping.signal.aborted) return;
    const isLeader = await this.#lead();
    const now = this.#now();
    // Croner counts whole seconds and looks strictly before its reference.
    const planned = this.#cron.previousRuns(2, new Date(now.getTime() + 1000))
      .find((time) => time <= now) ?? now;
    if (this.#fired !== null && this.#fired >= planned) return;
    const last = await this.#options.lastDailyRun();
    if (last !== null && last >= planned) return;
    if (!isLeader) {
      // Its leader may be frozen: the lease finds out by looking again.
      this.#lookSoon();
      return;
    }
    if (!this.isLeader) throw new TransientError("the lease of the schedule was lost");
    if (now.getTime() - planned.getTime() > ON_TIME_MS) {
      this.#options.observe("schedule.missed", { last });
    }
    const runId = await this.#options.requestDaily(planned);
    this.#fired = planned;
    this.#options.observe("schedule.fired", { runId, planned });
  }

  async #lead(): Promise<boolean> {
    if (this.isLeader) return true;
    await this.#lease?.release().catch(() => {});
    const lease = await this.#options.tryBecomeLeader();
    this.#lease = lease;
    // Not only at the next time of the pattern: until then nobody would have it.
    lease?.lost.addEventListener("abort", () => this.#lookSoon(), { once: true });
    return lease !== null;
  }

  #lookSoon(): void {
    if (this.#stopping.signal.aborted) return;
    clearTimeout(this.#look);
    this.#look = setTimeout(
      () => void this.fire(),
      this.#options.followLook_ms ?? FOLLOW_LOOK_MS,
    );
  }
}
