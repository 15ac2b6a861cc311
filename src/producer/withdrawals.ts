/**
 * Withdraws trajectories that the source has withdrawn: writes a tombstone for each that a daily or monthly file once had and, in a
 * later complete generation, no longer has.
 *
 *     run loaded ─▶ files with an older generation on record ─▶ look, in one snapshot ─▶ tombstones ─▶ loaded
 *                                                                 ▲  └─ nothing left to do: generation deleted  │
 *                                                                 └──────────────── a later look ◀──────────────┘
 *
 * The comparison is a query over projections of the log, made after the fact. So it needs no memory and does not slow reading. What it
 * depends on is deleted only by a look that finds it settled in the data store, never because something was published. So a crash
 * anywhere just repeats a look, and a second tombstone changes nothing. Which trajectories are withdrawn, and why the others are not:
 * docs/decisions/0008-withdrawn-trajectories.md.
 */
import { explain, wait } from "@gmn/failures";
import type { NextOffsetByPartition, Publisher } from "../events/publisher.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import { addDays } from "../runs/selection.ts";
import { parseFilePath } from "../trajectory/file_name.ts";
import type { FileLook, GoneTrajectory } from "../store/file_generations.ts";

/** The recorded generations of the files. */
export interface FileGenerations {
  /** Files with an older generation on record than their latest complete one. */
  changed(): Promise<readonly string[]>;
  /** Compares the generations of a file, and deletes those that are no longer needed; null when there is nothing to compare. */
  look(file: string, neighbours: readonly string[]): Promise<FileLook | null>;
  /** How much of the trajectories' topic is loaded, by partition. */
  loaded(): Promise<NextOffsetByPartition>;
}

export interface WithdrawalsOptions {
  readonly generations: FileGenerations;
  readonly publisher: Publisher;
  readonly observe: Observe;
  readonly signal: AbortSignal;
  readonly lookInterval_ms?: number;
}

/** Tombstones per publish. */
const PORTION = 2000;

/**
 * Between two looks of the leader at what is left: at tombstones that are loaded by now, and at files that something was in the way of.
 * While nothing is left, a look is one small query.
 */
const LOOK_INTERVAL_MS = 60_000;

/**
 * A file is not looked at while its tombstones are on their way, for this long at most: a log that takes the place of another one may
 * never get to their offsets.
 */
const ON_THEIR_WAY_MS_MAX = 600_000;

/**
 * A generation that lost more than this many trajectories, and more than this part of them, looks as if it was read while being
 * written and happened to end at a line end. They are withdrawn once another generation lacks them too.
 */
export const MASS_TRAJECTORIES = 50;
export const MASS_PART = 0.5;

/** A window's trajectory can only have moved to a window that begins within this many dates; windows last 25.2 hours at most. */
const NEIGHBOUR_DAYS = 2;

/** Tombstones of a file that were published. */
interface OnTheirWay {
  readonly nextOffsets: NextOffsetByPartition;
  readonly since_ms: number;
}

export class Withdrawals {
  readonly #options: WithdrawalsOptions;
  #work: Promise<void> = Promise.resolve();
  #isWanted = false;
  /** By file. Forgotten with the process: the next one may publish them again. */
  readonly #onTheirWay = new Map<string, OnTheirWay>();
  /** What was reported as held, by file: once, although it is found at every look. */
  readonly #held = new Map<string, string>();

  constructor(options: WithdrawalsOptions) {
    this.#options = options;
  }

  /**
   * Withdraws what is due; a call during a pass triggers one more pass. Never rejects: a failure is reported, and the next call
   * tries again.
   */
  settle(): Promise<void> {
    if (this.#isWanted) return this.#work;
    this.#isWanted = true;
    this.#work = this.#work.then(async () => {
      this.#isWanted = false;
      try {
        await this.#settleAll();
      } catch (error) {
        if (!this.#options.signal.aborted) {
          this.#options.observe("withdrawal.deferred", { reason: explain(error) });
        }
      }
    });
    return this.#work;
  }

  /** Settles now and then, until `until` aborts. Never rejects. */
  async keep(until: AbortSignal): Promise<void> {
    const { signal, lookInterval_ms = LOOK_INTERVAL_MS } = this.#options;
    const ending = AbortSignal.any([signal, until]);
    while (!ending.aborted) {
      await this.settle();
      await wait(lookInterval_ms, ending).catch(() => {});
    }
  }

  async #settleAll(): Promise<void> {
    const { generations } = this.#options;
    await this.#forgetLoaded();
    for (const file of await this.#patiently("database", () => generations.changed())) {
      if (!this.#onTheirWay.has(file)) await this.#settleFile(file);
    }
  }

  /** Looks again at files whose tombstones are loaded. */
  async #forgetLoaded(): Promise<void> {
    if (this.#onTheirWay.size === 0) return;
    const loaded = await this.#patiently("database", () => this.#options.generations.loaded());
    for (const [file, { nextOffsets, since_ms }] of this.#onTheirWay) {
      const isLoaded = [...nextOffsets].every(([partition, next]) =>
        (loaded.get(partition) ?? 0n) >= next
      );
      if (isLoaded || performance.now() - since_ms > ON_THEIR_WAY_MS_MAX) {
        this.#onTheirWay.delete(file);
      }
    }
  }

  async #settleFile(file: string): Promise<void> {
    const { generations, observe } = this.#options;
    const neighbours = neighbourPrefixes(file);
    const found = await this.#patiently("database", () => generations.look(file, neighbours));
    // A neighbour that was not read may have the missing trajectories; when its run or a retry loads it, `settle` is called again.
    if (found === null || found.unsettled.length > 0) return;
    const withdrawn = withdrawable(found.gone);
    const isWithdrawn = new Set(withdrawn);
    for (let at = 0; at < withdrawn.length; at += PORTION) {
      await this.#publish(file, withdrawn.slice(at, at + PORTION));
    }
    const rows = withdrawn.filter(({ isStanding }) => isStanding).length;
    if (rows > 0) observe("file.withdrew", { runId: found.runId, file, rows });
    this.#reportHeld(file, found.gone.filter((one) => !isWithdrawn.has(one)));
  }

  #reportHeld(file: string, held: readonly GoneTrajectory[]): void {
    const [first] = held;
    const what = { file, rows: held.length, before: first?.before ?? 0 };
    const text = `${what.rows} of ${what.before}`;
    if (first !== undefined && this.#held.get(file) !== text) {
      this.#options.observe("file.withdrawal_held", what);
    }
    if (first === undefined) this.#held.delete(file);
    else this.#held.set(file, text);
  }

  async #publish(file: string, gone: readonly GoneTrajectory[]): Promise<void> {
    const { publisher } = this.#options;
    const records = gone.map(({ id, generatedAt, runId }) => ({
      key: id,
      value: null,
      headers: {
        [HEADERS.runId]: runId,
        [HEADERS.sourceFile]: file,
        [HEADERS.sourceGeneratedAt]: generatedAt.toISOString(),
      },
    }));
    const next = await this.#patiently(
      "broker",
      () => publisher.publish(TRAJECTORY_SUMMARY_RAW, records),
    );
    const nextOffsets = new Map([...this.#onTheirWay.get(file)?.nextOffsets ?? [], ...next]);
    this.#onTheirWay.set(file, { nextOffsets, since_ms: performance.now() });
  }

  #patiently<Result>(part: Dependency, work: () => Promise<Result>): Promise<Result> {
    const { observe, signal } = this.#options;
    const what = "withdrawing trajectories";
    return retryWhileAway({ observe, part, what, signal }, work);
  }
}

/** Which missing trajectories to withdraw now. What disappeared in a mass must be confirmed by a second generation first. */
export function withdrawable(gone: readonly GoneTrajectory[]): readonly GoneTrajectory[] {
  return gone.filter(({ lost, before, witnesses }) =>
    witnesses > 1 || lost <= MASS_TRAJECTORIES || lost <= before * MASS_PART
  );
}

/** The path prefixes of the files that a trajectory of this file can move to: files of its kind adjacent in time. */
export function neighbourPrefixes(path: string): string[] {
  const is = parseFilePath(path);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  if (is?.kind === "daily") {
    const days = Array.from({ length: 2 * NEIGHBOUR_DAYS + 1 }, (_, at) => at - NEIGHBOUR_DAYS);
    return days.map((n) => `${folder}traj_summary_${addDays(is.date, n).replaceAll("-", "")}_`);
  }
  if (is?.kind === "monthly") {
    const [before, after] = [addDays(`${is.month}-01`, -1), addDays(`${is.month}-28`, 7)];
    return [before, after].map((date) =>
      `${folder}traj_summary_monthly_${date.slice(0, 7).replace("-", "")}.txt`
    );
  }
  return [];
}
