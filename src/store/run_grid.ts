/**
 * The last runs and the files each looked at: a grid of runs by files, as people look at history.
 */
import type { Queryable } from "./connection.ts";

/** A file of a run, as one cell. */
export interface GridCell {
  readonly run_id: string;
  readonly file: string;
  /** planned, reading, extracted, skipped or failed. */
  readonly state: string;
  readonly published: number;
  readonly rejected: number;
  readonly reason: string | null;
}

/** The cells of the runs from `oldestRunId` on, at most `limit` of them, newest runs first. */
export async function readRunGrid(
  sql: Queryable,
  oldestRunId: string,
  limit: number,
): Promise<GridCell[]> {
  return await sql<GridCell[]>`
    select
      run_id, file, state,
      rows_published::float8 as published, rows_rejected::float8 as rejected, reason
    from ingestion_run_file
    where run_id >= ${oldestRunId}
    order by run_id desc, file
    limit ${limit}`;
}
