/** The latest runs and the files that each one looked at: a grid of runs by files, for the view of the history. */
import type { RunFileView, RunView } from "../runs/run_schemas.ts";
import type { Queryable } from "./connection.ts";
import { listRunViews } from "./run_views.ts";

/** A file of a run, as one cell. */
export interface GridCell extends Pick<RunFileView, "file" | "state" | "reason"> {
  readonly run_id: string;
  readonly published: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** It waits for its next attempt. */
  readonly is_waiting: boolean;
}

/** The newest runs, at most `runs`, and their files: at most `cells`, those of the newest runs first. */
export async function readRunGrid(
  sql: Queryable,
  most: { readonly runs: number; readonly cells: number },
): Promise<{ runs: RunView[]; cells: GridCell[] }> {
  const runs = await listRunViews(sql, { limit: most.runs, before: null });
  const oldest = runs.at(-1);
  if (oldest === undefined) return { runs, cells: [] };
  const cells = await sql<GridCell[]>`
    select
      run_id, file, state,
      rows_published::float8 as published, rows_unchanged::float8 as unchanged, rows_rejected::float8 as rejected, reason,
      retry_at is not null and (select state from ingestion_run where id = run_id) = 'running' as is_waiting
    from ingestion_run_file
    where run_id >= ${oldest.id}
    order by run_id desc, file
    limit ${most.cells}`;
  return { runs, cells: [...cells] };
}
