/**
 * Runs for users: with counts of files and rows, and how many of the rows are in the data store. PostgreSQL builds the shapes,
 * which are those of `run_schemas.ts`.
 */
import { ATTEMPTS_MAX } from "../runs/run.ts";
import { accountRows, type RecordCounts } from "../runs/row_accounts.ts";
import type { RunDetail, RunFileView, RunView } from "../runs/run_schemas.ts";
import type { Queryable } from "./connection.ts";
import { isInForce, readLease } from "./leases.ts";
import { isoMillis } from "./iso_times.ts";
import { recordCountsOf } from "./run_counts.ts";

/** A run with the counts of its records, before `accountRows` has evaluated them. */
type Found = Omit<RunView, "rows"> & {
  readonly rows: RunFileView["rows"];
  readonly records: readonly RecordCounts[];
  readonly published_by: Readonly<Record<number, number>>;
  readonly is_passed: boolean;
};

/** The fields of a file that waits. */
const DEFERRAL =
  `'attempt', attempts, 'attempts', ${ATTEMPTS_MAX}, 'reason', coalesce(waiting_reason, ''),
  'retry_at', ${isoMillis("retry_at")}`;

/** The run before a requested one in its lane, as the engine takes them (run_lane.ts). The lanes of uploads are only known to their processes. */
const RUN_BEFORE = `
  select json_build_object('for', 'run', 'run_id', other.id) from ingestion_run other
  where other.kind = run.kind and run.kind <> 'upload' and other.id <> run.id
    and (other.state = 'running' or other.state = 'requested' and other.id < run.id)
  order by other.state = 'requested' desc, other.id desc limit 1`;

const RUN_COLUMNS = `
  run.id, run.kind, run.selection, run.state, run.requested_by,
  ${isoMillis("run.requested_at")} as requested_at, ${isoMillis("run.started_at")} as started_at,
  ${isoMillis("run.ended_at")} as ended_at, run.reason,
  case run.state
    when 'running' then files.waiting
    when 'requested' then (${RUN_BEFORE})
  end as waiting,
  json_build_object('planned', coalesce(run.files_planned, 0), 'extracted', files.extracted,
    'skipped', files.skipped, 'failed', files.failed) as files,
  json_build_object('read', files.rows_read, 'published', files.rows_published,
    'unchanged', files.rows_unchanged, 'rejected', files.rows_rejected) as rows,
  ${recordCountsOf("run.id")} as records,
  (select coalesce(jsonb_object_agg(epoch, rows), '{}') from (
    select by.key as epoch, sum(by.value::bigint) as rows
    from ingestion_run_file f, jsonb_each_text(f.rows_published_by) as by where f.run_id = run.id group by by.key
  ) as by_epoch) as published_by`;

const FILE_COLUMNS = `
  file, state, size_bytes::float8, byte_offset::float8, ${
  isoMillis("generated_at")
} as generated_at, ${isoMillis("stamp_ahead")} as stamp_ahead,
  json_build_object('read', rows_read, 'published', rows_published, 'unchanged', rows_unchanged, 'rejected', rows_rejected) as rows,
  reason, case when retry_at is not null and state in ('planned', 'reading') then json_build_object(${DEFERRAL}) end as waiting`;

/** A page of runs, newest first, starting after the run `before` (null: at the newest). */
export async function listRunViews(
  sql: Queryable,
  page: { readonly limit: number; readonly before: string | null },
): Promise<RunView[]> {
  const before = page.before === null ? sql`` : sql`where id < ${page.before}`;
  return await viewsOf(
    sql,
    sql`select id from ingestion_run ${before} order by id desc limit ${page.limit}`,
  );
}

/** The runs that have not ended, oldest first, at most `limit`. */
export async function listUnfinishedRunViews(sql: Queryable, limit: number): Promise<RunView[]> {
  const unfinished: ReturnType<Queryable> = sql`
    select id from ingestion_run where state in ('requested', 'running') order by id limit ${limit}`;
  return (await viewsOf(sql, unfinished)).reverse();
}

/** One run with its files, ordered by name, or null. */
export async function getRunView(sql: Queryable, runId: string): Promise<RunDetail | null> {
  const [run] = await viewsOf(sql, sql`select id from ingestion_run where id = ${runId}`);
  if (run === undefined) return null;
  const file_list = await sql<RunFileView[]>`
    select ${
    sql.unsafe(FILE_COLUMNS)
  } from ingestion_run_file where run_id = ${runId} order by file`;
  const isUnfinished = run.state === "running";
  return {
    ...run,
    file_list: file_list.map((file) => isUnfinished ? file : { ...file, waiting: null }),
  };
}

/** The state of a run, or null. */
export async function readRunStatus(
  sql: Queryable,
  runId: string,
): Promise<RunView["state"] | null> {
  const [run] = await sql<Pick<RunView, "state">[]>`
    select state from ingestion_run where id = ${runId}`;
  return run?.state ?? null;
}

async function viewsOf(sql: Queryable, ids: ReturnType<Queryable>): Promise<RunView[]> {
  const rows = await sql<Found[]>`
    select ${sql.unsafe(RUN_COLUMNS)}, not exists (
      select from jsonb_each_text(run.next_offsets) as n
      left join consumer_offset o on o.topic = 'trajectory_summary_raw' and o.partition = n.key::integer
      where o.next_offset is null or o.next_offset < n.value::bigint
    ) as is_passed
    from ingestion_run run
    cross join lateral (
      select
        count(*) filter (where state = 'extracted') as extracted,
        count(*) filter (where state = 'skipped') as skipped,
        count(*) filter (where state = 'failed') as failed,
        coalesce(sum(rows_read), 0)::bigint as rows_read,
        coalesce(sum(rows_published), 0)::bigint as rows_published,
        coalesce(sum(rows_unchanged), 0)::bigint as rows_unchanged,
        coalesce(sum(rows_rejected), 0)::bigint as rows_rejected,
        case when bool_and(retry_at is not null) filter (where state in ('planned', 'reading')) then (
          select json_build_object('for', 'file', 'file', file, ${sql.unsafe(DEFERRAL)})
          from ingestion_run_file
          where run_id = run.id and state in ('planned', 'reading')
          order by retry_at, file limit 1
        ) end as waiting
      from ingestion_run_file where run_id = run.id
    ) files
    where run.id in (${ids})
    order by run.id desc`;
  const views = rows.map(({ is_passed, rows, records, published_by, ...run }) => {
    const published = { published: rows.published, publishedBy: published_by };
    return { ...run, rows: { ...rows, ...accountRows(published, records, is_passed) } };
  });
  const isUnowned = views.some(needsOwner) && !isInForce(await readLease(sql, "producer"));
  return isUnowned
    ? views.map((run) => needsOwner(run) ? { ...run, waiting: { for: "owner" } } : run)
    : views;
}

/** Whether only a process that leads can go on with the run now: it waits for no other run, and no time that is to come. */
function needsOwner({ kind, state, waiting }: RunView): boolean {
  if (kind === "upload" || (state !== "requested" && state !== "running")) return false;
  return waiting === null ||
    (waiting.for === "file" && Date.parse(waiting.retry_at) < Date.now());
}
