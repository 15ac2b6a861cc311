/**
 * Runs and their files as rows: the projection of the topic `ingestion_run`, read and written as `RunState`s.
 *
 * The fold itself is `evolve` of the runs room, the same code that decides; here is only how a state becomes rows and comes
 * back. So the projection can't drift from the domain, and a rebuild gives the same rows.
 */
import { storable } from "./storable.ts";
import type { FileState, FileStatus, RunState, RunStatus } from "../runs/run.ts";
import type { NextOffsets, RequestedBy, RunKind, Selection } from "../runs/run_event.ts";
import type { Queryable, TransactionSql } from "./connection.ts";

interface RunRow {
  id: string;
  kind: RunKind;
  selection: Selection;
  state: RunStatus;
  requested_by: RequestedBy;
  idempotency_key: string | null;
  owner: string | null;
  requested_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  reason: string | null;
  files_planned: number | null;
  next_offsets: Record<string, number> | null;
}

interface FileRow {
  run_id: string;
  file: string;
  state: FileStatus;
  size_bytes: bigint | null;
  etag: string | null;
  last_modified: string | null;
  listed: string | null;
  generated_at: Date | null;
  byte_offset: bigint | null;
  line_number: bigint | null;
  rows_read: bigint;
  rows_published: bigint;
  rows_rejected: bigint;
  reason: string | null;
}

/** The run, or null. Inside a transaction that will write it, its row is locked. */
export async function readRunState(sql: Queryable, runId: string): Promise<RunState | null> {
  const [run] = await sql<RunRow[]>`select * from ingestion_run where id = ${runId}`;
  return run === undefined ? null : (await withFiles(sql, [run]))[0]!;
}

/** Runs that were requested or running, oldest first. */
export async function readUnfinishedRunStates(sql: Queryable): Promise<RunState[]> {
  const runs = await sql<RunRow[]>`
    select * from ingestion_run where state in ('requested', 'running') order by id`;
  return await withFiles(sql, runs);
}

/** Runs that nobody has begun, the oldest first, at most `limit`; without uploads, which only their own process can begin. */
export async function readRequestedRunStates(sql: Queryable, limit: number): Promise<RunState[]> {
  const runs = await sql<RunRow[]>`
    select * from ingestion_run where state = 'requested' and kind <> 'upload' order by id limit ${limit}`;
  return await withFiles(sql, runs);
}

/** Those of these runs that have ended. */
export async function readEndedRunStates(
  sql: Queryable,
  runIds: readonly string[],
): Promise<RunState[]> {
  const runs = await sql<RunRow[]>`
    select * from ingestion_run
    where id = any(${[...runIds]}) and state not in ('requested', 'running') order by id`;
  return await withFiles(sql, runs);
}

/** The run that was requested with this key, or null. */
export async function readRunStateByKey(sql: Queryable, key: string): Promise<RunState | null> {
  const [run] = await sql<RunRow[]>`select * from ingestion_run where idempotency_key = ${key}`;
  return run === undefined ? null : (await withFiles(sql, [run]))[0]!;
}

/** When the last daily run was asked for, by whomever, or null. A retry of one, which takes only some files, is none. */
export async function readLastDailyRequest(sql: Queryable): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`
    select max(requested_at) as at from ingestion_run
    where kind = 'daily' and jsonb_exists(selection, 'days')`;
  return row?.at ?? null;
}

/**
 * Writes what an event changed: `before` is the state as it is stored (null: not at all), `after` what it is now.
 * Only files that changed are written.
 */
export async function writeRunState(
  sql: TransactionSql,
  before: RunState | null,
  after: RunState,
  event: { readonly at: Date; readonly offset: bigint },
): Promise<void> {
  // A key that another run has already (two processes, one key, at the same time) is left off: the run must not be lost.
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
  await sql`
    insert into ingestion_run ${sql(row)}
    on conflict (id) do update set
      state = excluded.state, owner = excluded.owner, started_at = excluded.started_at, ended_at = excluded.ended_at,
      reason = excluded.reason, files_planned = excluded.files_planned, next_offsets = excluded.next_offsets,
      last_event_offset = excluded.last_event_offset`;
  const changed = [...after.files?.values() ?? []].filter((file) =>
    before?.files?.get(file.file) !== file
  );
  for (let from = 0; from < changed.length; from += FILES_PER_STATEMENT) {
    await writeFiles(sql, after.runId, changed.slice(from, from + FILES_PER_STATEMENT), event.at);
  }
}

/** PostgreSQL takes 65,535 parameters a statement; a file has 15. */
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
    byte_offset: file.checkpoint?.byteOffset ?? null,
    line_number: file.checkpoint?.lineNumber ?? null,
    rows_read: file.rows.read,
    rows_published: file.rows.published,
    rows_rejected: file.rows.rejected,
    reason: storable(file.reason),
    updated_at: at,
  }));
  await sql`
    insert into ingestion_run_file ${sql(rows)}
    on conflict (run_id, file) do update set
      state = excluded.state, size_bytes = excluded.size_bytes, etag = excluded.etag,
      last_modified = excluded.last_modified, listed = excluded.listed, generated_at = excluded.generated_at,
      byte_offset = excluded.byte_offset, line_number = excluded.line_number, rows_read = excluded.rows_read,
      rows_published = excluded.rows_published, rows_rejected = excluded.rows_rejected, reason = excluded.reason, updated_at = excluded.updated_at`;
}

async function withFiles(sql: Queryable, runs: readonly RunRow[]): Promise<RunState[]> {
  if (runs.length === 0) return [];
  const rows = await sql<FileRow[]>`
    select * from ingestion_run_file where run_id = any(${
    runs.map(({ id }) => id)
  }) order by run_id, file`;
  const filesOf = Map.groupBy(rows, (row) => row.run_id);
  return runs.map((run) => ({
    runId: run.id,
    kind: run.kind,
    selection: run.selection,
    requestedBy: run.requested_by,
    idempotencyKey: run.idempotency_key,
    status: run.state,
    owner: run.owner,
    requestedAt: run.requested_at,
    startedAt: run.started_at,
    finishedAt: run.ended_at,
    files: run.files_planned === null
      ? null
      : new Map((filesOf.get(run.id) ?? []).map((row) => [row.file, toFileState(row)])),
    nextOffsets: (run.next_offsets ?? {}) as NextOffsets,
    reason: run.reason,
  }));
}

function toFileState(row: FileRow): FileState {
  return {
    file: row.file,
    status: row.state,
    identity: row.size_bytes === null && row.etag === null && row.last_modified === null &&
        row.listed === null
      ? null
      : {
        size_bytes: row.size_bytes === null ? null : Number(row.size_bytes),
        etag: row.etag,
        lastModified: row.last_modified,
        listed: row.listed,
      },
    generatedAt: row.generated_at,
    checkpoint: row.byte_offset === null ? null : {
      byteOffset: Number(row.byte_offset),
      lineNumber: Number(row.line_number ?? 0n),
    },
    rows: {
      read: Number(row.rows_read),
      published: Number(row.rows_published),
      rejected: Number(row.rows_rejected),
    },
    nextOffsets: {},
    reason: row.reason,
    startedAt: null,
    finishedAt: null,
  };
}
