/**
 * Counts what becomes of a batch's records, for the runs and epochs that published them.
 *
 * Replays are not counted, because their run counted them when they failed; nor are tombstones, which no run reads from a file; nor
 * records that were published again from the data store, which has counted them before. So the loaded rows of a run add up to what it
 * published. A confirm record counts as the unchanged rows for which it stands, and not as a loaded one; without a source file it
 * counts as nothing, since no run found anything in it.
 *
 * A batch may have records that restore counts. Such counts cover the records before them, which must not be added to them: so records
 * before and after the last of them are counted apart.
 */
import type { Outcome } from "../runs/row_accounts.ts";
import type { SessionSql } from "./loader_session.ts";
import type { Merged, Verdict } from "./merge.ts";
import { COUNT_RUNS, RESTORE_RUN_COUNTS, type RunCounts } from "./run_counts.ts";
import { storable } from "./storable.ts";
import {
  confirmedBy,
  isRepeat,
  isUpsert,
  type Lineage,
  type TrajectoryBatch,
  type TrajectoryUpsert,
} from "./trajectory_batch.ts";

type Counts = { -readonly [Name in keyof RunCounts]: RunCounts[Name] };
type Origin = Pick<Lineage, "epoch" | "offset"> & { readonly runId: string | null };

const OUTCOME_OF: Readonly<Record<Verdict, Outcome>> = {
  new: "new",
  changed: "changed",
  unchanged: "repeated",
  stale: "stale",
  duplicate: "duplicate",
};

export class RunTally {
  readonly #batch: TrajectoryBatch;
  /** Offset of the last record that restores counts. */
  readonly #restoredAt: bigint;
  readonly #counts: Counts[] = [];
  readonly #places = new Map<string, number>();
  /** Most batches are of one run. */
  #last: { runId: string | null; epoch: number; isAfter: boolean; place: number } | null = null;

  constructor(batch: TrajectoryBatch) {
    this.#batch = batch;
    const restoring = batch.changes.findLast(({ lineage }) => lineage.runCounts !== undefined);
    this.#restoredAt = restoring?.lineage.offset ?? -1n;
    for (const change of batch.changes) {
      if (!isUpsert(change) && !isRepeat(change)) continue;
      const { lineage } = change;
      if (!isCounted(lineage)) continue;
      const confirmed = confirmedBy(change);
      if (confirmed !== undefined) {
        if (lineage.sourceFile !== null) this.#of(lineage).rows_unchanged += confirmed.length;
        continue;
      }
      const counts = this.#of(lineage);
      counts.rows_loaded++;
      if (isRepeat(change)) counts.rows_repeated++;
    }
    for (const dead of batch.dead) this.#of(dead).rows_dead++;
  }

  /** Which counts a row that is written is for; null for one that counts for no run. */
  countedFor(row: TrajectoryUpsert): number | null {
    if (!isCounted(row.lineage) || confirmedBy(row) !== undefined) return null;
    return this.#placeOf(row.lineage);
  }

  /** Adds what became of written rows. */
  add(outcomes: Merged["outcomes"]): void {
    for (const [place, verdict, rows] of outcomes) {
      this.#counts[place]![`rows_${OUTCOME_OF[verdict]}`] += rows;
    }
  }

  /** Counts and restores, in the order of the log. All at once, and in this order on the server. */
  async write(sql: SessionSql): Promise<void> {
    const { changes, topic, partition } = this.#batch;
    const write = async (rows: readonly RunCounts[]) => {
      if (rows.length > 0) await sql.run(COUNT_RUNS, [rows, topic, partition]);
    };
    await Promise.all([
      write(this.#rows(false)),
      ...changes.flatMap(({ lineage: { runCounts } }) =>
        runCounts === undefined ? [] : [sql.run(RESTORE_RUN_COUNTS, [runCounts, topic, partition])]
      ),
      write(this.#rows(true)),
    ]);
  }

  /** In the order in which every batch locks them. */
  #rows(isAfter: boolean): RunCounts[] {
    return [...this.#places].flatMap(([key, place]) =>
      key.startsWith(sideOf(isAfter)) ? [this.#counts[place]!] : []
    ).sort((a, b) => a.run_id === b.run_id ? a.epoch - b.epoch : a.run_id < b.run_id ? -1 : 1);
  }

  #of(origin: Origin): Counts {
    return this.#counts[this.#placeOf(origin)]!;
  }

  #placeOf({ runId, epoch = 0, offset }: Origin): number {
    const isAfter = offset > this.#restoredAt;
    const last = this.#last;
    if (last?.runId === runId && last.epoch === epoch && last.isAfter === isAfter) {
      return last.place;
    }
    const run_id = storable(runId ?? "");
    const key = `${sideOf(isAfter)} ${epoch} ${run_id}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      this.#places.set(key, place = this.#counts.length);
      this.#counts.push({ run_id, epoch, ...NOTHING });
    }
    this.#last = { runId, epoch, isAfter, place };
    return place;
  }
}

const NOTHING = {
  rows_loaded: 0,
  rows_unchanged: 0,
  rows_dead: 0,
  rows_new: 0,
  rows_changed: 0,
  rows_repeated: 0,
  rows_stale: 0,
  rows_duplicate: 0,
};

const sideOf = (isAfter: boolean): string => isAfter ? "after" : "before";

function isCounted({ replays, isRepublished }: Lineage): boolean {
  return replays === undefined && isRepublished !== true;
}
