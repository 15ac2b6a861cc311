/**
 * Splits a batch into passes. An id that occurs twice in a batch goes into two passes, so a batch ends as if its records had been
 * written one by one. Nearly every batch is one pass.
 */
import { DataRefusedError } from "./database_errors.ts";
import { storable } from "./storable.ts";
import {
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
}

/**
 * The n-th record of an id goes into the n-th pass. Repeats are in no pass. Upserts are sorted by id: see `byId`.
 * @throws DataRefusedError for a record without an identifier
 */
export function splitIntoPasses(batch: TrajectoryBatch): MergePass[] {
  const passes: MergePass[] = [];
  // The pass to try first: an id that occurred n times is in the first n passes.
  for (const change of batch.changes) {
    if (isRepeat(change)) continue;
    const id = idOf(change);
    let pass = passes.find(({ ids }) => !ids.has(id));
    if (pass === undefined) passes.push(pass = { ids: new Set(), upserts: [], withdrawals: [] });
    pass.ids.add(id);
    if (isUpsert(change)) pass.upserts.push(change);
    else pass.withdrawals.push(change);
  }
  for (const pass of passes) pass.upserts.sort(byId);
  return passes;
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
