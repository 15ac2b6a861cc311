/**
 * A lease that its holder renews, so that a frozen or unreachable holder is replaced.
 *
 *     holder    lock ─▶ beat ─5 s▶ beat ─5 s▶ …        no renewal for 15 s: it gives the lease up by itself
 *     standby   try ─2 s▶ try ─▶ …                     no new beat for 20 s: it ends the holder's session, and has the lock
 *
 * The lock is an advisory lock, as in `advisory_lease.ts`: a killed process releases it by dying. Each beat is written on the connection
 * that has the lock. Both sides measure with their own monotonic clock, the holder from when it sent its last renewal, the standby from
 * when it saw it. So a holder that is only cut off has stopped before a standby begins, whatever the clocks of day say. A frozen holder
 * can't stop: what it still writes when it wakes up is refused by its epoch (`runs/run_leader.ts`).
 */
import { explain, TransientError, wait, withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import type { AdvisoryLease } from "./advisory_lease.ts";
import { withDatabaseErrors } from "./database_errors.ts";
import { holdersOf, LEASE_SPACE, LEASE_VALID_MS, LEASES } from "./leases.ts";
import { openDriver, type Sql } from "./postgresjs/driver.ts";

/** A lease while it is held. */
export interface RenewedLease extends AdvisoryLease {
  /** Whether it may be acted on now. A frozen process learns here that it slept, before any of its timers fires. */
  isHeld(): boolean;
  /** Says from now on, with each renewal, that the holder acts on it. Resolves when that is on record, or could not be written yet. */
  act(): Promise<void>;
}

/** The times of a lease, in milliseconds. Tests shorten them. */
export interface LeaseTimes {
  /** Between two renewals. */
  readonly renew: number;
  /** After a renewal that failed. */
  readonly again: number;
  /** How long a renewal is valid for the holder. */
  readonly valid: number;
  /** How long the heartbeat stands still before a standby replaces the holder; longer than `valid`. */
  readonly silence: number;
  /** How long the database and the log may take for an answer. */
  readonly answer: number;
}

/** A renewal may fail twice before the lease is lost. A replacement takes about 20 s, 45 at most; longer would be felt, shorter hits busy machines. */
const TIMES: LeaseTimes = {
  renew: 5_000,
  again: 1_000,
  valid: LEASE_VALID_MS,
  silence: 20_000,
  answer: 5_000,
};

/** Milliseconds that the holder's session may take to end. */
const END_SESSION_MS = 5_000;
/** Seconds that the connection may take to close. */
const CLOSE_SECONDS = 2;

export interface LeaseCandidateOptions {
  readonly url: string;
  readonly lease: "producer" | "schedule";
  /** This process as it is shown: `host:pid`. */
  readonly holder: string;
  /** Asks everything else that a holder must reach. @throws when it does not answer */
  readonly reach: () => Promise<unknown>;
  readonly observe: Observe;
  readonly times?: LeaseTimes;
}

/** The heartbeat of another holder, and when it was first seen. */
interface Heartbeat {
  readonly pid: number;
  readonly beat: bigint;
  readonly since_ms: number;
}

/** A process that wants a lease, and watches who has it. */
export class LeaseCandidate {
  readonly #options: LeaseCandidateOptions & { readonly times: LeaseTimes };
  #seen: Heartbeat | null = null;

  constructor(options: LeaseCandidateOptions) {
    this.#options = { times: TIMES, ...options };
  }

  /**
   * The lease, or null while another process has it and is alive.
   * @throws TransientError when the database or the log can't be reached
   */
  async take(): Promise<RenewedLease | null> {
    const { url, lease, observe, reach, times } = this.#options;
    await inTime(reach(), times.answer, "the log");
    const lost = new AbortController();
    const { sql } = openDriver({
      url,
      max: 1,
      applicationName: `gmn lease: ${lease}`,
      observe,
      onClose: () => lost.abort(new Error(`the lease ${lease} is lost: its connection has ended`)),
    });
    try {
      const sent_ms = performance.now();
      if (await this.#ask(() => this.#tryLock(sql))) {
        this.#seen = null;
        await this.#ask(() => beat(sql, this.#options, false));
        return new HeldLease(sql, lost, sent_ms, this.#options);
      }
      await sql.end({ timeout: CLOSE_SECONDS });
      return null;
    } catch (error) {
      await sql.end({ timeout: 0 });
      throw error;
    }
  }

  async #tryLock(sql: Sql): Promise<boolean> {
    const { lease, observe, times } = this.#options;
    if (await tryLock(sql, lease)) return true;
    const found = await readHeartbeat(sql, lease);
    const now_ms = performance.now();
    if (found === null) return false;
    const seen = this.#seen;
    if (seen === null || seen.pid !== found.pid || seen.beat !== found.beat) {
      this.#seen = { pid: found.pid, beat: found.beat, since_ms: now_ms };
      return false;
    }
    const silent_ms = now_ms - seen.since_ms;
    if (silent_ms < times.silence) return false;
    await endSession(sql, lease, seen);
    if (!await tryLock(sql, lease)) return false;
    observe("lease.holder_replaced", { lease, from: found.holder, silent_ms });
    return true;
  }

  #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const limit_ms = this.#options.times.answer + END_SESSION_MS;
    return inTime(withDatabaseErrors(question), limit_ms, "the database");
  }
}

function inTime<Answer>(answer: Promise<Answer>, ms: number, who: string): Promise<Answer> {
  return withTimeout(
    answer,
    ms,
    () => new TransientError(`${who} did not answer within ${ms / 1000} s`),
  );
}

async function tryLock(sql: Sql, lease: keyof typeof LEASES): Promise<boolean> {
  const [row] = await sql<{ taken: boolean }[]>`
    select pg_try_advisory_lock(${LEASE_SPACE}, ${LEASES[lease]}) as taken`;
  return row?.taken === true;
}

/** The heartbeat of the session that has the lock; null when none has it. A holder that has never written one has beat 0. */
async function readHeartbeat(
  sql: Sql,
  lease: keyof typeof LEASES,
): Promise<{ readonly pid: number; readonly beat: bigint; readonly holder: string } | null> {
  const [row] = await sql<{ pid: number | null; beat: bigint; holder: string }[]>`
    select ${
    holdersOf(sql, lease)
  } as pid, coalesce(beat, 0) as beat, coalesce(holder, 'unknown') as holder
    from (values (1)) as one left join lease on name = ${lease}`;
  return row === undefined || row.pid === null ? null : { ...row, pid: row.pid };
}

/** Ends the session that has the lock, if it is still the one that was seen with this beat. */
async function endSession(
  sql: Sql,
  lease: keyof typeof LEASES,
  { pid, beat }: Heartbeat,
): Promise<void> {
  await sql`
    select pg_terminate_backend(${pid}, ${END_SESSION_MS})
    where ${holdersOf(sql, lease)} = ${pid}
      and coalesce((select beat from lease where name = ${lease}), 0) = ${beat}`;
}

async function beat(
  sql: Sql,
  { lease, holder }: Pick<LeaseCandidateOptions, "lease" | "holder">,
  isActing: boolean,
): Promise<void> {
  await sql`
    insert into lease (name, holder, acting_at)
    values (${lease}, ${holder}, case when ${isActing} then clock_timestamp() end)
    on conflict (name) do update set
      holder = excluded.holder, beat = lease.beat + 1, renewed_at = clock_timestamp(),
      acting_at = coalesce(excluded.acting_at, lease.acting_at)`;
}

class HeldLease implements RenewedLease {
  readonly #sql: Sql;
  readonly #lost: AbortController;
  readonly #options: LeaseCandidateOptions & { readonly times: LeaseTimes };
  readonly #releasing = new AbortController();
  /** When the last renewal that succeeded was sent. */
  #renewed_ms: number;
  #failure: unknown = null;
  #isActing = false;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    sql: Sql,
    lost: AbortController,
    renewed_ms: number,
    options: LeaseCandidateOptions & { readonly times: LeaseTimes },
  ) {
    this.#sql = sql;
    this.#lost = lost;
    this.#renewed_ms = renewed_ms;
    this.#options = options;
    lost.signal.addEventListener("abort", () => clearTimeout(this.#expiry), { once: true });
    this.#expire();
    void this.#renewForEver();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    return !this.#lost.signal.aborted && this.#silent_ms < this.#options.times.valid;
  }

  async act(): Promise<void> {
    this.#isActing = true;
    // The next renewal says it, too.
    await inTime(beat(this.#sql, this.#options, true), this.#options.times.answer, "the database")
      .catch(() => {});
  }

  async release(): Promise<void> {
    this.#releasing.abort(new Error("the lease is released"));
    clearTimeout(this.#expiry);
    await this.#sql.end({ timeout: CLOSE_SECONDS });
  }

  get #silent_ms(): number {
    return performance.now() - this.#renewed_ms;
  }

  /** Gives the lease up once it is no longer valid, and looks again until then. */
  #expire(): void {
    const { lease, times } = this.#options;
    if (this.#lost.signal.aborted || this.#releasing.signal.aborted) return;
    const left_ms = times.valid - this.#silent_ms;
    if (left_ms > 0) {
      clearTimeout(this.#expiry);
      this.#expiry = setTimeout(() => this.#expire(), left_ms);
      return;
    }
    const why = this.#failure === null ? "the process stood still" : explain(this.#failure);
    const seconds = Math.round(this.#silent_ms / 1000);
    this.#lost.abort(
      new Error(`the lease ${lease} was not renewed for ${seconds} s (${why})`),
    );
    void this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  /** Never rejects. */
  async #renewForEver(): Promise<void> {
    const { renew, again, answer } = this.#options.times;
    const ending = AbortSignal.any([this.#lost.signal, this.#releasing.signal]);
    let pause_ms = renew;
    for (;;) {
      await wait(pause_ms, ending).catch(() => {});
      // A process that was frozen does not renew what it has lost.
      if (ending.aborted || !this.isHeld()) return this.#expire();
      const sent_ms = performance.now();
      try {
        await inTime(this.#options.reach(), answer, "the log");
        await inTime(
          withDatabaseErrors(() => beat(this.#sql, this.#options, this.#isActing)),
          answer,
          "the database",
        );
        if (!this.isHeld()) return this.#expire();
        this.#renewed_ms = sent_ms;
        this.#failure = null;
        pause_ms = renew;
        this.#expire();
      } catch (error) {
        this.#failure = error;
        pause_ms = again;
      }
    }
  }
}
