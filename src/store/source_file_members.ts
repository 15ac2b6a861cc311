/**
 * Which trajectories each daily and monthly file had (`source_file_member`), and which of them it no longer has.
 *
 * The table is a projection of the topic `trajectory_summary_raw`. The loader writes it in the batch's transaction, from the record
 * headers, with one row for each file of a batch. So it costs one narrow row per thousands of wide ones, and needs no index by
 * trajectory.
 */
import { parseFilePath } from "../trajectory/file_name.ts";
import type { Queryable } from "./connection.ts";
import { storable } from "./storable.ts";
import {
  confirmedBy,
  isRepeat,
  isUpsert,
  type TrajectoryBatch,
  upsertId,
} from "./trajectory_batch.ts";

/** The trajectories of one generation of a file in one batch. */
export interface FileMembers {
  readonly file: string;
  readonly generated_at: string;
  readonly ids: string[];
}

/** Stores the trajectories of a batch. `$1`: JSON list of `FileMembers`. */
export const ADD_FILE_MEMBERS = `
INSERT INTO source_file_member (file, generated_at, ids)
SELECT file, generated_at, ids FROM json_to_recordset($1::json) AS t (file text, generated_at timestamptz, ids text[])`;

/**
 * The trajectories of a batch by file, for files whose generations are compared: windows and months. Collections consist of
 * months, aliases are copies of windows, and uploads are not compared.
 */
export function membersOf({ changes }: Pick<TrajectoryBatch, "changes">): FileMembers[] {
  const members = new Map<string, FileMembers | null>();
  for (const change of changes) {
    const { lineage: { sourceFile, sourceGeneratedAt, isRepublished } } = change;
    if (sourceFile === null || sourceGeneratedAt === null) continue;
    const id = isUpsert(change) ? upsertId(change) : isRepeat(change) ? change.id : null;
    const isAlone = isRepublished !== true && id !== null && id !== "";
    const ids = confirmedBy(change) ?? (isAlone ? [id] : []);
    if (ids.length === 0) continue;
    const key = `${sourceGeneratedAt.getTime()} ${sourceFile}`;
    let of = members.get(key);
    if (of === undefined) {
      of = isCompared(sourceFile)
        ? { file: sourceFile, generated_at: sourceGeneratedAt.toISOString(), ids: [] }
        : null;
      members.set(key, of);
    }
    // Not one call with all of them: there may be more than a call takes arguments.
    if (of !== null) { for (const id of ids) of.ids.push(storable(id)); }
  }
  return [...members.values()].filter((of) => of !== null);
}

function isCompared(path: string): boolean {
  const kind = parseFilePath(path)?.kind;
  return kind === "daily" || kind === "monthly";
}

/** A file whose latest complete generation must be compared with older ones. */
export interface ChangedFile {
  readonly file: string;
  /** Of the latest complete generation. */
  readonly generatedAt: Date;
  /** The run that extracted it. */
  readonly runId: string;
}

/**
 * Whether every record of a run was loaded: a record that was not may be of any trajectory. Records of an unreadable batch are in
 * no count, so the loaded rows must also add up to the published ones, and the rows that were found unchanged to those for which
 * the confirm records stand.
 */
function isWhole(sql: Queryable, runId: ReturnType<Queryable>) {
  return sql`(
    not exists (select from run_loaded l where l.run_id = ${runId} and l.rows_dead > 0)
    and (select coalesce(sum(l.rows_loaded), 0) from run_loaded l where l.run_id = ${runId})
      >= (select coalesce(sum(p.rows_published), 0) from ingestion_run_file p where p.run_id = ${runId})
    and (select coalesce(sum(l.rows_unchanged), 0) from run_loaded l where l.run_id = ${runId})
      >= (select coalesce(sum(p.rows_unchanged), 0) from ingestion_run_file p where p.run_id = ${runId}))`;
}

/**
 * Files with an older generation on record besides a complete newer one, whose records were all loaded and whose lines could all be
 * read: an unreadable line may be of any trajectory.
 */
export async function readChangedFiles(sql: Queryable): Promise<ChangedFile[]> {
  return await sql<ChangedFile[]>`
    select f.file, f.generated_at as "generatedAt", f.run_id as "runId"
    from ingestion_file f
    where exists (
        select from source_file_member m where m.file = f.file and m.generated_at < f.generated_at)
      and f.rows_rejected = 0
      and ${isWhole(sql, sql`f.run_id`)}
      and f.next_offsets is not null
      and not exists (
        select from jsonb_each_text(f.next_offsets) n
        left join consumer_offset o on o.topic = 'trajectory_summary_raw' and o.partition = n.key::integer
        where o.next_offset is null or o.next_offset < n.value::bigint)
    order by f.file`;
}

/** A trajectory that a file had and no longer has. */
export interface GoneTrajectory {
  readonly id: string;
  /** The first complete generation of the file without it, and the run that extracted that generation. */
  readonly generatedAt: Date;
  readonly runId: string;
  /** How many complete generations are without it. */
  readonly witnesses: number;
}

/** The result of a comparison: the trajectories to withdraw, and how many trajectories the older generations had. */
export interface Comparison {
  readonly gone: readonly GoneTrajectory[];
  readonly before: number;
}

/**
 * Trajectories that `file` had in an older generation and no longer has, and that no other record supports. They are not withdrawn
 * in the data store; no record of them is newer than the first complete generation without them, or has no generation (from another
 * producer); and no other file whose path begins with one of `neighbours` has them (they did not just move across a border).
 */
export async function compareGenerations(
  sql: Queryable,
  { file, generatedAt }: ChangedFile,
  neighbours: readonly string[],
): Promise<Comparison> {
  const rows = await sql<(GoneTrajectory & { readonly before: number })[]>`
    with had as materialized (
      select id, max(generated_at) as last_had
      from source_file_member, unnest(ids) as id
      where file = ${file} and generated_at < ${generatedAt} group by id
    ), has as materialized (
      select distinct id from source_file_member, unnest(ids) as id
      where file = ${file} and generated_at >= ${generatedAt}
    ), elsewhere as materialized (
      select distinct id from source_file_member o, unnest(ids) as id
      where o.file <> ${file}
        and exists (select from unnest(${[
    ...neighbours,
  ]}::text[]) as n where starts_with(o.file, n))
        and not exists (
          select from ingestion_file f where f.file = o.file and f.generated_at > o.generated_at)
    ), witness as materialized (
      select generated_at, max(run_id) as run_id from ingestion_run_file r
      where file = ${file} and state = 'extracted' and rows_rejected = 0 and generated_at <= ${generatedAt}
        and ${isWhole(sql, sql`r.run_id`)}
      group by generated_at
    )
    select had.id, first.generated_at as "generatedAt", first.run_id as "runId",
      (select count(*) from witness w where w.generated_at > had.last_had)::integer as witnesses,
      (select count(*) from had)::integer as before
    from had
    cross join lateral (
      select * from witness w where w.generated_at > had.last_had order by w.generated_at limit 1
    ) first
    join meteor m on m.id = had.id
    left join meteor_generation g on g.meteor_id = had.id
    where not exists (select from has where has.id = had.id)
      and not exists (select from elsewhere where elsewhere.id = had.id)
      and m.withdrawn_at is null
      and m.source_generated_at is not null
      and greatest(m.source_generated_at, g.generated_at) <= first.generated_at
    order by had.id`;
  return { gone: rows, before: rows[0]?.before ?? 0 };
}

/** Of the files whose path begins with one of `prefixes`, those that a run since `runId` has not finished. */
export async function readUnsettledFiles(
  sql: Queryable,
  prefixes: readonly string[],
  runId: string,
): Promise<string[]> {
  const rows = await sql<{ file: string }[]>`
    select file from (
      select distinct on (file) file, state from ingestion_run_file
      where run_id >= ${runId} and exists (select from unnest(${[
    ...prefixes,
  ]}::text[]) as n where starts_with(file, n))
      order by file, run_id desc
    ) latest
    where state in ('planned', 'reading', 'failed')`;
  return rows.map(({ file }) => file);
}

/** Deletes the generations of a file before `generatedAt`, which have been compared. */
export async function forgetOlderMembers(
  sql: Queryable,
  { file, generatedAt }: ChangedFile,
): Promise<void> {
  await sql`delete from source_file_member where file = ${file} and generated_at < ${generatedAt}`;
}
