/**
 * Runs and their files as rows: the projection of the topic `ingestion_run`, read and written as `RunState`s.
 *
 * The fold is `evolve` in `src/runs/`, which also makes the decisions. This file only converts a state into rows and back. So the
 * projection can't drift from the domain, and a rebuild gives the same rows.
 */
import { isInForce, type LeaseView, readLease } from "./leases.ts";
import { pipelined } from "./pipelined.ts";
import { storable } from "./storable.ts";
import type { FileState, RunState } from "../runs/run.ts";
import type { FileIdentity, RowCounts } from "../runs/run_event.ts";
import type { Queryable, TransactionSql } from "./connection.ts";

/** A run without its files. A run that is not planned has no number of files. */
type RunRow = Omit<RunState, "files"> & { readonly files_planned: number | null };

const RUN_COLUMNS = `
  id as "runId", kind, selection, requested_by as "requestedBy", idempotency_key as "idempotencyKey",
  state as status, owner, requested_at as "requestedAt", started_at as "startedAt",
  ended_at as "finishedAt", files_planned, coalesce(next_offsets, '{}') as "nextOffsets", reason`;

/** A file of a run, with its identity, checkpoint and counts as separate columns. */
interface FileRow
  extends
    Pick<FileState, "file" | "status" | "generatedAt" | "stampAhead" | "publishedBy" | "reason">,
    FileIdentity,
    RowCounts {
  readonly run_id: string;
  readonly byte_offset: number | null;
  readonly line_number: number | null;
  readonly attempts: number;
  readonly waiting_reason: string | null;
  readonly retry_at: Date | null;
}

const FILE_COLUMNS = `
  run_id, file, state as status, size_bytes::float8, etag, last_modified as "lastModified", listed,
  generated_at as "generatedAt", stamp_ahead as "stampAhead", rows_published_by as "publishedBy", byte_offset::float8, line_number::float8, rows_read::float8 as read,
  rows_published::float8 as published, rows_unchanged::float8 as unchanged, rows_rejected::float8 as rejected, reason,
  attempts, waiting_reason, retry_at`;

/** The run, or null. */
export async function readRunState(sql: Queryable, runId: string): Promise<RunState | null> {
  return (await readStates(sql, sql`where id = ${runId}`))[0] ?? null;
}

/** Requested and running runs, oldest first. */
export function readUnfinishedRunStates(sql: Queryable): Promise<RunState[]> {
  return readStates(sql, sql`where state in ('requested', 'running') order by id`);
}

/** Runs that wait, requested or running, while no process leads. */
export interface UnownedRuns {
  readonly count: number;
  /** The one that was requested first; null when there is none. */
  readonly oldest: string | null;
  /** Since when it waits for a process, and for how many seconds by the clock of the database; null when there is none. */
  readonly since: Date | null;
  readonly waited_s: number | null;
}

/**
 * The runs that wait for a process to lead. Uploads are left out: they belong to the process that received them. `found`: the lease of the
 * runs, where the caller has read it.
 */
export async function readUnownedRuns(
  sql: Queryable,
  found?: LeaseView | null,
): Promise<UnownedRuns> {
  const none = { count: 0, oldest: null, since: null, waited_s: null };
  const lease = found === undefined ? await readLease(sql, "producer") : found;
  if (isInForce(lease)) return none;
  const [row] = await sql<UnownedRuns[]>`
    select count, oldest, since, extract(epoch from clock_timestamp() - since)::float8 as waited_s from (
      select count(*)::int as count, min(id) as oldest,
        greatest(min(requested_at), (select acting_at from lease where name = 'producer')) as since
      from ingestion_run where state in ('requested', 'running') and kind <> 'upload') as waiting`;
  return row === undefined || row.count === 0 ? none : row;
}

/** Runs that nobody has begun, oldest first, at most `limit`. Uploads are left out: only their own process can begin them. */
export function readRequestedRunStates(sql: Queryable, limit: number): Promise<RunState[]> {
  return readStates(
    sql,
    sql`where state = 'requested' and kind <> 'upload' order by id limit ${limit}`,
  );
}

/** Those of these runs that have ended. */
export function readEndedRunStates(sql: Queryable, runIds: readonly string[]): Promise<RunState[]> {
  return readStates(
    sql,
    sql`where id = any(${[...runIds]}) and state not in ('requested', 'running') order by id`,
  );
}

/** The run that was requested with this key, or null. */
export async function readRunStateByKey(sql: Queryable, key: string): Promise<RunState | null> {
  return (await readStates(sql, sql`where idempotency_key = ${key}`))[0] ?? null;
}

/** When the last daily run was requested, or null. A retry of a daily run takes only some files and does not count. */
export async function readLastDailyRequest(sql: Queryable): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`
    select max(requested_at) as at from ingestion_run
    where kind = 'daily' and jsonb_exists(selection, 'days')`;
  return row?.at ?? null;
}

/**
 * Writes what an event changed: `before` is the stored state (null: there is none), `after` the new state.
 * Only files that changed are written.
 */
export async function writeRunState(
  sql: TransactionSql,
  before: RunState | null,
  after: RunState,
  event: { readonly at: Date; readonly offset: bigint },
): Promise<void> {
  // A key that another run already has (two processes, one key, at the same time) is dropped, so that the run is not lost.
  const isKeyFree = before !== null || after.idempotencyKey === null ||
    (await sql`select from ingestion_run where idempotency_key = ${after.idempotencyKey}`)
        .length === 0;
  const row = {
    id: after.runId,
    kind: after.kind,
    selection: sql.json(after.selection),
    state: after.status,
    requested_by: after.requestedBy,
    idempotency_key: isKeyFree ? after.idempotencyKey : null,
    owner: after.owner,
    requested_at: after.requestedAt,
    started_at: after.startedAt,
    ended_at: after.finishedAt,
    reason: storable(after.reason),
    files_planned: after.files === null ? null : after.files.size,
    next_offsets: sql.json({ ...after.nextOffsets }),
    last_event_offset: event.offset,
  };
  const run = sql`
    insert into ingestion_run ${sql(row)}
    on conflict (id) do update set
      state = excluded.state, owner = excluded.owner, started_at = excluded.started_at, ended_at = excluded.ended_at,
      reason = excluded.reason, files_planned = excluded.files_planned, next_offsets = excluded.next_offsets,
      last_event_offset = excluded.last_event_offset`;
  const changed = [...after.files?.values() ?? []].filter((file) =>
    before?.files?.get(file.file) !== file
  );
  const pages = Array.from(
    { length: Math.ceil(changed.length / FILES_PER_STATEMENT) },
    (_, at) => changed.slice(at * FILES_PER_STATEMENT, (at + 1) * FILES_PER_STATEMENT),
  );
  // The run first: its files refer to it.
  await pipelined([
    run.execute(),
    ...pages.map((files) => writeFiles(sql, after.runId, files, event.at)),
  ]);
}

/** PostgreSQL takes 65,535 parameters per statement; a file has 21. */
const FILES_PER_STATEMENT = 1_000;

async function writeFiles(
  sql: TransactionSql,
  runId: string,
  files: readonly FileState[],
  at: Date,
): Promise<void> {
  const rows = files.map((file) => ({
    run_id: runId,
    file: file.file,
    state: file.status,
    size_bytes: file.identity?.size_bytes ?? null,
    etag: file.identity?.etag ?? null,
    last_modified: file.identity?.lastModified ?? null,
    listed: file.identity?.listed ?? null,
    generated_at: file.generatedAt,
    stamp_ahead: file.stampAhead,
    byte_offset: file.checkpoint?.byteOffset ?? null,
    line_number: file.checkpoint?.lineNumber ?? null,
    rows_read: file.rows.read,
    rows_published: file.rows.published,
    rows_unchanged: file.rows.unchanged,
    rows_rejected: file.rows.rejected,
    rows_published_by: sql.json({ ...file.publishedBy }),
    reason: storable(file.reason),
    attempts: file.attempts,
    waiting_reason: storable(file.waiting?.reason ?? null),
    retry_at: file.waiting?.retryAt ?? null,
    updated_at: at,
  }));
  await sql`
    insert into ingestion_run_file ${sql(rows)}
    on conflict (run_id, file) do update set
      state = excluded.state, size_bytes = excluded.size_bytes, etag = excluded.etag,
      last_modified = excluded.last_modified, listed = excluded.listed, generated_at = excluded.generated_at,
      stamp_ahead = excluded.stamp_ahead, rows_published_by = excluded.rows_published_by, byte_offset = excluded.byte_offset, line_number = excluded.line_number, rows_read = excluded.rows_read,
      rows_published = excluded.rows_published, rows_unchanged = excluded.rows_unchanged, rows_rejected = excluded.rows_rejected, reason = excluded.reason, 
      attempts = excluded.attempts, waiting_reason = excluded.waiting_reason, retry_at = excluded.retry_at, updated_at = excluded.updated_at`;
}

async function readStates(sql: Queryable, which: ReturnType<Queryable>): Promise<RunState[]> {
  const runs = await sql<RunRow[]>`select ${sql.unsafe(RUN_COLUMNS)} from ingestion_run ${which}`;
  if (runs.length === 0) return [];
  const rows = await sql<FileRow[]>`
    select ${sql.unsafe(FILE_COLUMNS)} from ingestion_run_file
    where run_id = any(${runs.map(({ runId }) => runId)}) order by run_id, file`;
  const filesOf = Map.groupBy(rows, (row) => row.run_id);
  return runs.map(({ files_planned, ...run }) => ({
    ...run,
    files: files_planned === null
      ? null
      : new Map((filesOf.get(run.runId) ?? []).map((row) => [row.file, toFileState(row)])),
  }));
}

function toFileState(row: FileRow): FileState {
  const { file, status, generatedAt, read, published, unchanged, rejected, reason } = row;
  const { size_bytes, etag, lastModified, listed, attempts, retry_at: retryAt } = row;
  const identity = { size_bytes, etag, lastModified, listed };
  return {
    file,
    status,
    identity: Object.values(identity).every((value) => value === null) ? null : identity,
    generatedAt,
    stampAhead: row.stampAhead,
    checkpoint: row.byte_offset === null
      ? null
      : { byteOffset: row.byte_offset, lineNumber: row.line_number ?? 0 },
    rows: { read, published, unchanged, rejected },
    publishedBy: row.publishedBy,
    reason,
    startedAt: null,
    attempts,
    waiting: retryAt === null
      ? null
      : { attempt: attempts, reason: row.waiting_reason ?? "", retryAt },
  };
}
