/**
 * How many records of each run came through the sink (`run_loaded`): counted with each batch, and restored from the records that a refill
 * or a repair of the log writes.
 */
import { z } from "zod";
import type { Queryable } from "./connection.ts";

const count = z.int().nonnegative();

/** The counts of a run in a partition, in the words of the table. */
export const runCountsSchema = z.object({
  /** Empty for records of producers that send no run. */
  run_id: z.string(),
  rows_loaded: count,
  rows_unchanged: count,
  rows_dead: count,
});
export type RunCounts = Readonly<z.infer<typeof runCountsSchema>>;

/** The counts of a partition after the run `after`, by run, at most `limit`. */
export async function readRunCounts(
  sql: Queryable,
  topic: string,
  partition: number,
  page: { readonly after: string | null; readonly limit: number },
): Promise<RunCounts[]> {
  return await sql<RunCounts[]>`
    select run_id, rows_loaded::float8, rows_unchanged::float8, rows_dead::float8 from run_loaded
    where topic = ${topic} and partition = ${partition}
      and ${page.after === null ? sql`true` : sql`run_id > ${page.after}`}
    order by run_id limit ${page.limit}`;
}

/**
 * Sets counts, except where they are larger already: the record of a repair may be behind records that its counts do not cover. `$1`: JSON
 * list of `RunCounts`, a run at most once; `$2`: topic, `$3`: partition.
 */
export const RESTORE_RUN_COUNTS = `
INSERT INTO run_loaded AS r (run_id, topic, partition, rows_loaded, rows_unchanged, rows_dead)
SELECT run_id, $2, $3::integer, rows_loaded, rows_unchanged, rows_dead
FROM json_to_recordset($1::json) AS t (run_id text, rows_loaded bigint, rows_unchanged bigint, rows_dead bigint)
ON CONFLICT (run_id, topic, partition) DO UPDATE SET
  rows_loaded = greatest(r.rows_loaded, excluded.rows_loaded),
  rows_unchanged = greatest(r.rows_unchanged, excluded.rows_unchanged),
  rows_dead = greatest(r.rows_dead, excluded.rows_dead),
  updated_at = now()`;
