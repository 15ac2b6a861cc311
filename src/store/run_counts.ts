/**
 * What became of the records of each run in the sink (`run_loaded`): counted with each batch (run_tally.ts), and restored from the records
 * that a refill or a repair of the log writes.
 */
import { z } from "zod";
import type { RecordCounts } from "../runs/row_accounts.ts";
import type { Queryable } from "./connection.ts";

const count = z.int().nonnegative();
/** Records of an earlier version say nothing of these. */
const laterCount = count.default(0);

/** The counts of a run and an epoch in a partition, in the words of the table. */
export const runCountsSchema = z.object({
  /** Empty for records of producers that send no run. */
  run_id: z.string(),
  /** 0 for records without one. */
  epoch: laterCount,
  rows_loaded: count,
  rows_unchanged: count,
  rows_dead: count,
  rows_new: laterCount,
  rows_changed: laterCount,
  rows_repeated: laterCount,
  rows_stale: laterCount,
  rows_duplicate: laterCount,
});
export type RunCounts = Readonly<z.infer<typeof runCountsSchema>>;

/** The columns that are counts. */
const COUNTS = Object.keys(runCountsSchema.shape).filter((name) => name.startsWith("rows_"));
const list = (of: (column: string) => string): string => COUNTS.map(of).join(", ");

const ADDED_ROWS = `
INSERT INTO run_loaded AS r (run_id, epoch, topic, partition, ${list((c) => c)})
SELECT run_id, epoch, $2, $3::integer, ${list((c) => c)}
FROM json_to_recordset($1::json) AS t (run_id text, epoch bigint, ${list((c) => `${c} bigint`)})
ON CONFLICT (run_id, topic, partition, epoch) DO UPDATE SET`;

/** Counts records of runs. `$1`: JSON list of `RunCounts`, a run and epoch at most once; `$2`: topic, `$3`: partition. */
export const COUNT_RUNS = `${ADDED_ROWS}
  ${list((c) => `${c} = r.${c} + excluded.${c}`)}, updated_at = now()`;

/**
 * Sets counts, except where they are larger already: the record of a repair may be behind records that its counts do not cover.
 * Parameters as above.
 */
export const RESTORE_RUN_COUNTS = `${ADDED_ROWS}
  ${list((c) => `${c} = greatest(r.${c}, excluded.${c})`)}, updated_at = now()`;

/** The place of counts in the order of `readRunCounts`. */
export type RunCountsPlace = Pick<RunCounts, "run_id" | "epoch">;

/** The counts of a partition after those of `after`, by run and epoch, at most `limit`. */
export async function readRunCounts(
  sql: Queryable,
  topic: string,
  partition: number,
  page: { readonly after: RunCountsPlace | null; readonly limit: number },
): Promise<RunCounts[]> {
  const { after, limit } = page;
  return await sql<RunCounts[]>`
    select run_id, epoch::float8, ${sql.unsafe(list((c) => `${c}::float8`))} from run_loaded
    where topic = ${topic} and partition = ${partition}
      and ${after === null ? sql`true` : sql`(run_id, epoch) > (${after.run_id}, ${after.epoch})`}
    order by run_id, epoch limit ${limit}`;
}

/** The counts of a run in all partitions, by epoch: `RecordCounts` as a JSON list, for a query in which `runId` is a column. */
export const recordCountsOf = (runId: string): string =>
  `(
  select coalesce(json_agg(counts), '[]') from (
    select epoch, sum(rows_loaded) as loaded, sum(rows_dead) as dead, sum(rows_new) as new, sum(rows_changed) as changed,
      sum(rows_repeated) as repeated, sum(rows_stale) as stale, sum(rows_duplicate) as duplicate
    from run_loaded where run_loaded.run_id = ${runId} group by epoch
  ) as counts)`;

/** The records of a run that the sink has processed so far, by epoch. */
export async function readRecordCounts(sql: Queryable, runId: string): Promise<RecordCounts[]> {
  const [row] = await sql<{ counts: RecordCounts[] }[]>`
    select ${sql.unsafe(recordCountsOf("t.id"))} as counts from (values (${runId})) as t (id)`;
  return row?.counts ?? [];
}
