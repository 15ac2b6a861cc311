/**
 * Decides which lines of a file the log already has, so that they need not be published again (decision 21).
 *
 *     lines ──ask──▶ tentative: what the database says ──settle──▶ certain: nothing of the log is between that and its end
 *                                                         │  └─ the consumer is behind: wait for it, and ask again
 *                                                         └─ still not certain: publish them, which is always right
 *
 * A line is unchanged when the data store's row was made from the same line, or from the same value, and no later record of its
 * trajectory can be in the log. The database says up to which offset it has read, in the same snapshot. From there to the end of
 * the log there must be records of this process only, which it remembers (events/own_records.ts), and none of the trajectory.
 *
 * What remains is another process that publishes between the look at the end of the log and this publish, a few milliseconds. Its
 * record is overwritten by nobody then, until the next generation of the file.
 *
 * A backfill into an empty data store must not wait for the consumer, which is slower. It does not: only lines that the database
 * has are waited for.
 */
import { TransientError, wait } from "@gmn/failures";
import type { OwnRecords } from "../events/own_records.ts";
import type { KnownLines, LineMark } from "../store/known_lines.ts";

/** Offsets by partition. */
type Offsets = ReadonlyMap<number, bigint>;

export interface UnchangedRowsOptions {
  /** What the database says of lines. @throws TransientError when it is unavailable */
  readonly find: (marks: readonly LineMark[]) => Promise<KnownLines>;
  /** The offsets that the database is at. @throws TransientError when it is unavailable */
  readonly loaded: () => Promise<Offsets>;
  /** The ends of the log. @throws TransientError when it is unavailable */
  readonly ends: () => Promise<Offsets>;
  readonly own: OwnRecords;
  readonly patience?: Partial<Patience>;
}

/** How long the consumer is waited for; then the lines are published. */
export interface Patience {
  /** Between two looks at its offsets. */
  readonly look_ms: number;
  /** Without any progress: it does not run, or its database is away. */
  readonly stall_ms: number;
  /** In all. It loads some 10,000 records a second. */
  readonly wait_ms: number;
  /** After the database was unavailable, lines are published without asking it for this long. */
  readonly away_ms: number;
}

const PATIENCE: Patience = { look_ms: 50, stall_ms: 5_000, wait_ms: 60_000, away_ms: 10_000 };

/** Times that lines are looked up again because the log went on. With two processes that publish all the time, it always does. */
const ROUNDS = 3;

/** What the database said of some lines, and when. */
export interface Answer {
  /** As of `OwnRecords.sequence`. */
  readonly sequence: number;
  readonly offsets: Offsets;
  readonly lines: KnownLines["lines"];
}

/** A line that is unchanged according to an answer. */
export interface TentativeLine extends LineMark {
  readonly partition: number;
  /** Digest of the value, for a line that was recognised by it. */
  readonly value: bigint | null;
  /** Replaced when the line is looked up again. */
  answer: Pick<Answer, "sequence" | "offsets">;
}

export class UnchangedRows {
  readonly #options: UnchangedRowsOptions;
  readonly #patience: Patience;
  /** Until then the database is not asked. */
  #awayUntil_ms = 0;
  /** Where the consumer was when it was waited for in vain; while it is there, nobody waits. */
  #stalledAt: Offsets | null = null;

  constructor(options: UnchangedRowsOptions) {
    this.#options = options;
    this.#patience = { ...PATIENCE, ...options.patience };
  }

  /** What the database says of these lines; null when it does not answer. */
  async ask(marks: readonly LineMark[]): Promise<Answer | null> {
    const { find, own } = this.#options;
    if (performance.now() < this.#awayUntil_ms) return null;
    const { sequence } = own;
    try {
      const { offsets, lines } = await find(marks);
      return { sequence, offsets, lines };
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      this.#awayUntil_ms = performance.now() + this.#patience.away_ms;
      return null;
    }
  }

  /**
   * Which of these lines are not certainly unchanged and must be published. Of the others, `isOverwritten` must be false at the
   * moment of the publish.
   * @throws the signal's reason when it aborts
   */
  async settle<Line extends TentativeLine>(
    lines: readonly Line[],
    signal?: AbortSignal,
  ): Promise<ReadonlySet<Line>> {
    const changed = new Set<Line>();
    for (let round = 1;; round++) {
      // All of them in every round: while some are waited for, the log goes on in their partitions too.
      const open = lines.filter((line) => !changed.has(line));
      const ends = open.length === 0 ? null : await this.#ends();
      const uncertain = open.filter((line) => !this.#isCertain(line, ends));
      if (uncertain.length === 0) return changed;
      const isLast = round > ROUNDS || ends === null;
      const isLoaded = !isLast && await this.#waitFor(ends, uncertain, signal);
      const answer = isLoaded ? await this.ask(uncertain) : null;
      for (const [at, line] of uncertain.entries()) {
        const found = answer?.lines[at] ?? null;
        if (answer !== null && found !== null && (found === "same" || found === line.value)) {
          line.answer = answer;
        } else changed.add(line);
      }
      if (isLast) return changed;
    }
  }

  /** Whether this process has published a record of the trajectory since the line was found unchanged. */
  isOverwritten({ partition, id, answer }: TentativeLine): boolean {
    const loaded = answer.offsets.get(partition) ?? -1n;
    return this.#options.own.isNewer(partition, id, answer.sequence, loaded);
  }

  async #ends(): Promise<Offsets | null> {
    try {
      return await this.#options.ends();
    } catch (error) {
      if (error instanceof TransientError) return null;
      throw error;
    }
  }

  #isCertain({ partition, answer }: TentativeLine, ends: Offsets | null): boolean {
    const [loaded, end] = [answer.offsets.get(partition), ends?.get(partition)];
    // A database that is ahead of the log is not that of this log.
    return loaded !== undefined && end !== undefined && loaded <= end &&
      this.#options.own.covers(partition, loaded, end);
  }

  /** Waits until the database has what is in the log up to `ends`; false when that takes too long. */
  async #waitFor(
    ends: Offsets,
    lines: readonly TentativeLine[],
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { look_ms, stall_ms, wait_ms } = this.#patience;
    const partitions = [...new Set(lines.map(({ partition }) => partition))];
    const began_ms = performance.now();
    let moved_ms = began_ms;
    let before = "";
    for (;;) {
      signal?.throwIfAborted();
      let offsets: Offsets;
      try {
        offsets = await this.#options.loaded();
      } catch (error) {
        if (error instanceof TransientError) return false;
        throw error;
      }
      const behind = partitions.filter((at) => (offsets.get(at) ?? -1n) < (ends.get(at) ?? 0n));
      if (behind.length === 0) return true;
      if (behind.every((at) => this.#stalledAt?.get(at) === (offsets.get(at) ?? -1n))) return false;
      const now_ms = performance.now();
      const position = behind.map((at) => `${at}:${offsets.get(at)}`).join(" ");
      if (position !== before) [before, moved_ms] = [position, now_ms];
      if (now_ms - moved_ms >= stall_ms) {
        this.#stalledAt = new Map(behind.map((at) => [at, offsets.get(at) ?? -1n]));
        return false;
      }
      if (now_ms - began_ms >= wait_ms) return false;
      await wait(look_ms, signal);
    }
  }
}
