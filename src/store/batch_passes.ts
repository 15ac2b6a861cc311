/**
 * Splits a batch into passes. An id that occurs twice in a batch goes into two passes, so a batch ends as if its records had been
 * written one by one. Nearly every batch is one pass.
 */
import type { Confirmation } from "./confirmations.ts";
import { DataRefusedError } from "./database_errors.ts";
import { storable } from "./storable.ts";
import {
  confirmedBy,
  isRepeat,
  isUpsert,
  type TrajectoryBatch,
  type TrajectoryChange,
  type TrajectoryRepeat,
  type TrajectoryUpsert,
  type TrajectoryWithdrawal,
  upsertId,
} from "./trajectory_batch.ts";

/** Changes, at most one per trajectory. */
export interface MergePass {
  readonly ids: Set<string>;
  readonly upserts: TrajectoryUpsert[];
  readonly withdrawals: TrajectoryWithdrawal[];
  /** Confirmed trajectories that the batch also changes: their order matters. */
  readonly confirmations: Confirmation[];
}

export interface BatchPasses {
  readonly passes: readonly MergePass[];
  /** Confirmed trajectories that nothing else in the batch changes, in offset order. */
  readonly confirmations: readonly Confirmation[];
}

/**
 * The n-th record of an id goes into the n-th pass. Repeats are in no pass. Upserts are sorted by id: see `byId`.
 * @throws DataRefusedError for a record without an identifier
 */
export function splitIntoPasses(batch: TrajectoryBatch): BatchPasses {
  const passes: MergePass[] = [];
  const confirmations: Confirmation[] = [];
  // The pass to try first: an id that occurred n times is in the first n passes.
  const passOf = (id: string): MergePass => {
    let pass = passes.find(({ ids }) => !ids.has(id));
    if (pass === undefined) passes.push(pass = emptyPass());
    pass.ids.add(id);
    return pass;
  };
  const changed = changedIds(batch);
  for (const change of batch.changes) {
    if (!isRepeat(change)) {
      const pass = passOf(idOf(change));
      if (isUpsert(change)) pass.upserts.push(change);
      else pass.withdrawals.push(change);
    }
    const { lineage } = change;
    const ids: string[] = [];
    for (const id of othersOf(change)) {
      if (!changed.has(id)) ids.push(id);
      else addTo(passOf(id).confirmations, id, lineage);
    }
    if (ids.length > 0) confirmations.push({ ids, lineage });
  }
  for (const pass of passes) pass.upserts.sort(byId);
  return { passes, confirmations };
}

function emptyPass(): MergePass {
  return { ids: new Set(), upserts: [], withdrawals: [], confirmations: [] };
}

/** The trajectories that records of the batch may change. Empty when no record stands for others: nobody asks then. */
function changedIds({ changes }: TrajectoryBatch): ReadonlySet<string> {
  if (!changes.some((change) => confirmedBy(change) !== undefined)) return new Set();
  return new Set(changes.flatMap((change) => isRepeat(change) ? [] : [idOf(change)]));
}

/** The confirmed trajectories except that of the record itself, which the record's own change covers; each once. */
function othersOf(change: TrajectoryChange): Set<string> {
  const others = new Set(confirmedBy(change)?.map(storable));
  if (others.size > 0) others.delete(isRepeat(change) ? change.id : idOf(change));
  return others;
}

/** Adds a trajectory to the confirmation of its record, which is the last one if there is one. */
function addTo(confirmations: Confirmation[], id: string, lineage: Confirmation["lineage"]): void {
  const last = confirmations.at(-1);
  if (last?.lineage === lineage) last.ids.push(id);
  else confirmations.push({ ids: [id], lineage });
}

function idOf(change: Exclude<TrajectoryChange, TrajectoryRepeat>): string {
  if (!isUpsert(change)) return storable(change.id);
  const id = upsertId(change);
  if (id !== null && id !== "") return id;
  const { offset } = change.lineage;
  throw new DataRefusedError(`the record at offset ${offset} has no unique_trajectory_identifier`, {
    offset,
    field: "unique_trajectory_identifier",
  });
}

/** Two loaders with the same ids take their locks in the same order, and neighbours in the index are written together. */
function byId(a: TrajectoryUpsert, b: TrajectoryUpsert): number {
  const [x, y] = [upsertId(a) ?? "", upsertId(b) ?? ""];
  return x < y ? -1 : x > y ? 1 : 0;
}
