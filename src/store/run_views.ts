/**
 * Runs as people look at them: with counts of files and rows, and how many of the rows are in the data store.
 */
import type { FileStatus, RunStatus } from "../runs/run.ts";
import type { RequestedBy, RunKind, Selection } from "../runs/run_event.ts";
import type { Queryable } from "./connection.ts";

/**
 * A run with its counts. `read` = `published` + `rejected`. `loaded` + `dead` = `published` exactly when the sink has passed the
 * run's last record: records that are in the log twice, after a crash, are not counted twice.
 */
export interface RunView {
  readonly id: string;
  readonly kind: RunKind;
  readonly selection: Selection;
  readonly state: RunStatus;
  readonly requestedBy: RequestedBy;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly reason: string | null;
  readonly files: { planned: number; extracted: number; skipped: number; failed: number };
  readonly rows: {
    read: number;
    published: number;
    rejected: number;
    loaded: number;
    dead: number;
  };
}

/** A file of a run. */
export interface RunFileView {
  readonly file: string;
  readonly state: FileStatus;
  readonly sizeBytes: number | null;
  /** Everything before this byte is published; null where nothing is known, and of files that are settled. */
  readonly byteOffset: number | null;
  readonly generatedAt: Date | null;
  readonly rows: { read: number; published: number; rejected: number };
  readonly reason: string | null;
}

interface RunViewRow {
  id: string;
  kind: RunKind;
  selection: Selection;
  state: RunStatus;
  requested_by: RequestedBy;
  requested_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  reason: string | null;
  files_planned: number | null;
  extracted: bigint;
  skipped: bigint;
  failed: bigint;
  rows_read: bigint;
  rows_published: bigint;
  rows_rejected: bigint;
  rows_loaded: bigint;
  rows_dead: bigint;
  is_passed: boolean;
}

/** A page of runs, newest first, beginning after the run `before` (null: at the newest). */
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

/** One run with its files, in the order of their names, or null. */
export async function getRunView(
  sql: Queryable,
  runId: string,
): Promise<{ run: RunView; files: RunFileView[] } | null> {
  const [run] = await viewsOf(sql, sql`select id from ingestion_run where id = ${runId}`);
  if (run === undefined) return null;
  const rows = await sql<
    {
      file: string;
      state: FileStatus;
      size_bytes: bigint | null;
      byte_offset: bigint | null;
      generated_at: Date | null;
      rows_read: bigint;
      rows_published: bigint;
      rows_rejected: bigint;
      reason: string | null;
    }[]
  >`select * from ingestion_run_file where run_id = ${runId} order by file`;
  return {
    run,
    files: rows.map((row) => ({
      file: row.file,
      state: row.state,
      sizeBytes: row.size_bytes === null ? null : Number(row.size_bytes),
      byteOffset: row.byte_offset === null ? null : Number(row.byte_offset),
      generatedAt: row.generated_at,
      rows: {
        read: Number(row.rows_read),
        published: Number(row.rows_published),
        rejected: Number(row.rows_rejected),
      },
      reason: row.reason,
    })),
  };
}

/** Rows of a run that the sink has passed so far: those in the data store, and those it had to give up. */
export async function readRunLoaded(
  sql: Queryable,
  runId: string,
): Promise<{ loaded: number; dead: number }> {
  const [row] = await sql<{ loaded: bigint; dead: bigint }[]>`
    select coalesce(sum(rows_loaded), 0)::bigint as loaded, coalesce(sum(rows_dead), 0)::bigint as dead
    from run_loaded where run_id = ${runId}`;
  return { loaded: Number(row?.loaded ?? 0n), dead: Number(row?.dead ?? 0n) };
}

async function viewsOf(sql: Queryable, ids: ReturnType<Queryable>): Promise<RunView[]> {
  const rows = await sql<RunViewRow[]>`
    select run.*, files.*, loaded.*, not exists (
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
        coalesce(sum(rows_rejected), 0)::bigint as rows_rejected
      from ingestion_run_file where run_id = run.id
    ) files
    cross join lateral (
      select coalesce(sum(rows_loaded), 0)::bigint as rows_loaded, coalesce(sum(rows_dead), 0)::bigint as rows_dead
      from run_loaded where run_id = run.id
    ) loaded
    where run.id in (${ids})
    order by run.id desc`;
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    selection: row.selection,
    state: row.state,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    reason: row.reason,
    files: {
      planned: row.files_planned ?? 0,
      extracted: Number(row.extracted),
      skipped: Number(row.skipped),
      failed: Number(row.failed),
    },
    rows: {
      read: Number(row.rows_read),
      published: Number(row.rows_published),
      rejected: Number(row.rows_rejected),
      ...loadedOf(row),
    },
  }));
}

/**
 * What of the published rows has come through the sink. The log may hold some of them twice; `run_loaded` counts records. Those of a
 * record batch that could not be read it can't count: they are dead when the last record is passed and they have not come.
 */
function loadedOf(row: RunViewRow): { loaded: number; dead: number } {
  const published = Number(row.rows_published);
  const dead = Math.min(Number(row.rows_dead), published);
  const rest = published - dead;
  const loaded = Number(row.rows_loaded);
  if (row.is_passed) {
    return { loaded: Math.min(loaded, rest), dead: Math.max(dead, published - loaded) };
  }
  // Before the last record is passed, at least one row is not there.
  return { loaded: Math.min(loaded, Math.max(0, rest - 1)), dead };
}
