/**
 * Withdraws trajectories that the source has withdrawn: writes a tombstone for each that a daily or monthly file once had and, in a
 * later complete generation, no longer has.
 *
 *     run loaded ─▶ files with two generations on record ─▶ compare ─▶ tombstones ─▶ older generation deleted
 *
 * The comparison is a query over projections of the log, made after the fact. So it needs no memory, does not slow reading, and a
 * crash just repeats it: a second tombstone changes nothing. Which trajectories are withdrawn, and why the others are not:
 * docs/decisions/0008-withdrawn-trajectories.md.
 */
import { explain } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { Dependency } from "../observe/vocabulary.ts";
import { addDays } from "../runs/selection.ts";
import { parseFilePath } from "../trajectory/file_name.ts";
import type { ChangedFile, Comparison, GoneTrajectory } from "../store/source_file_members.ts";

/** The recorded generations of the files. */
export interface FileGenerations {
  changed(): Promise<readonly ChangedFile[]>;
  compare(file: ChangedFile, neighbours: readonly string[]): Promise<Comparison>;
  unsettled(prefixes: readonly string[], runId: string): Promise<readonly string[]>;
  forgetOlder(file: ChangedFile): Promise<void>;
}

export interface WithdrawalsOptions {
  readonly generations: FileGenerations;
  readonly publisher: Publisher;
  readonly observe: Observe;
  readonly signal: AbortSignal;
}

/** Tombstones per publish. */
const PORTION = 2000;

/**
 * A file that lost more than this many trajectories, and more than this part of them, looks as if it was read while being written
 * and happened to end at a line end. They are withdrawn once another generation lacks them too.
 */
export const MASS_TRAJECTORIES = 50;
export const MASS_PART = 0.5;

/** A window's trajectory can only have moved to a window that begins within this many dates; windows last 25.2 hours at most. */
const NEIGHBOUR_DAYS = 2;

export class Withdrawals {
  readonly #options: WithdrawalsOptions;
  #work: Promise<void> = Promise.resolve();
  #isWanted = false;

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

  async #settleAll(): Promise<void> {
    const { generations } = this.#options;
    for (const file of await this.#patiently("database", () => generations.changed())) {
      await this.#settleFile(file);
    }
  }

  async #settleFile(file: ChangedFile): Promise<void> {
    const { generations } = this.#options;
    const neighbours = neighbourPrefixes(file.file);
    // A neighbour that was not read may have the missing trajectories; when its run or a retry loads it, `settle` is called again.
    const unsettled = await this.#patiently(
      "database",
      () => generations.unsettled(neighbours, file.runId),
    );
    if (unsettled.length > 0) return;
    const found = await this.#patiently("database", () => generations.compare(file, neighbours));
    const withdrawn = withdrawable(found);
    for (let at = 0; at < withdrawn.length; at += PORTION) {
      await this.#publish(file.file, withdrawn.slice(at, at + PORTION));
    }
    if (withdrawn.length > 0) {
      this.#options.observe("file.withdrew", {
        runId: file.runId,
        file: file.file,
        rows: withdrawn.length,
      });
    }
    const held = found.gone.length - withdrawn.length;
    if (held > 0) {
      this.#options.observe("file.withdrawal_held", {
        file: file.file,
        rows: held,
        before: found.before,
      });
    } else await this.#patiently("database", () => generations.forgetOlder(file));
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
    await this.#patiently("broker", () => publisher.publish(TRAJECTORY_SUMMARY_RAW, records));
  }

  #patiently<Result>(part: Dependency, work: () => Promise<Result>): Promise<Result> {
    const { observe, signal } = this.#options;
    const what = "withdrawing trajectories";
    return retryWhileAway({ observe, part, what, signal }, work);
  }
}

/** Which missing trajectories to withdraw now. A mass disappearance must be confirmed by a second generation first. */
export function withdrawable({ gone, before }: Comparison): readonly GoneTrajectory[] {
  const isMass = gone.length > MASS_TRAJECTORIES && gone.length > before * MASS_PART;
  return isMass ? gone.filter(({ witnesses }) => witnesses > 1) : gone;
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
