/** Runs as they are stored, for whoever tells a log about them again (recovery/retell_runs.ts). */
import type { Queryable, Sql } from "./connection.ts";
import { streamRows } from "./row_stream.ts";
import type { StoredRunEvent } from "./run_history.ts";

/** The history of all runs, in the order of the log. */
export function streamRunHistory(sql: Sql): ReadableStream<readonly StoredRunEvent[]> {
  return streamRows(sql, (transaction) => [
    transaction`
      select run_id as "runId", event_offset as "offset", at, name, file, detail
      from ingestion_run_event order by event_offset`,
  ]);
}

/** Runs from before there was a history, in the order in which they ended. */
export async function readRunsWithoutHistory(sql: Queryable): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from ingestion_run r
    where not exists (select from ingestion_run_event e where e.run_id = r.id)
    order by ended_at nulls last, id`;
  return rows.map(({ id }) => id);
}

/** A file whose latest extraction was not loaded to its end, and the run that extracted it. */
export interface LostFile {
  readonly runId: string;
  readonly file: string;
}

/** Files that count as read, although the database does not have all records of that reading. */
export async function readLostFiles(sql: Queryable): Promise<LostFile[]> {
  return await sql<LostFile[]>`
    select f.run_id as "runId", f.file from ingestion_file f
    where exists (
      select from jsonb_each_text(f.next_offsets) n
      left join consumer_offset o on o.topic = 'trajectory_summary_raw' and o.partition = n.key::integer
      where o.next_offset is null or o.next_offset < n.value::bigint)
    order by f.run_id, f.file`;
}
