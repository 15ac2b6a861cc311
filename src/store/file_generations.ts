/**
 * Compares the generations of a file (`source_file_member`): which trajectories it no longer has, and which members are still needed.
 *
 *     members of older generations ─▶ in no later generation? ─┬─ withdrawn, or in a newer record ─▶ settled
 *                                                              ├─ nothing speaks for it ───────────▶ gone: needs a tombstone
 *                                                              └─ anything else ───────────────────▶ stays open
 *
 * A look at a file is one snapshot of the database, and so is the deletion that follows from it. Rows that are published or loaded
 * meanwhile are in none of it, or in the next look. An older generation is deleted only when each trajectory that no later one has is
 * settled, which is for ever:
 *
 * - It is withdrawn by the first complete generation without it, or a newer one: the tombstone is loaded, not only published.
 * - A record of it is newer than the first complete generation without it. Decision 8 then lets it stand, and its newer file has it in
 *   its own members.
 * - The data store has no such trajectory.
 *
 * All others keep their generation: without a witness, held, in a neighbouring file, restated without a generation by another producer
 * (not by a reading of the same file, whose stamp was ahead of the clock). So members grow with open trajectories only: a generation is
 * kept if it is the newest one that has an open trajectory.
 */
import type { Queryable, Sql, TransactionSql } from "./connection.ts";

/** A trajectory that a file had and no longer has, and that nothing else speaks for. */
export interface GoneTrajectory {
  readonly id: string;
  /** The first complete generation of the file without it, and the run that extracted that generation. */
  readonly generatedAt: Date;
  readonly runId: string;
  /** How many complete generations are without it. */
  readonly witnesses: number;
  /** False for one that an older tombstone has withdrawn: a record between the two must not bring it back. */
  readonly isStanding: boolean;
  /** How many trajectories the file had before that generation, and how many of them that generation lacks. */
  readonly before: number;
  readonly lost: number;
}

/** What a look at a file found. */
export interface FileLook {
  /** The run that extracted the latest complete generation. */
  readonly runId: string;
  /** Empty while files are unsettled. */
  readonly gone: readonly GoneTrajectory[];
  /** Neighbouring files that may have the missing trajectories, and are not read or not loaded. */
  readonly unsettled: readonly string[];
}

/** Files with an older generation on record than their latest complete one. */
export async function readChangedFiles(sql: Queryable): Promise<string[]> {
  const rows = await sql<{ file: string }[]>`
    select f.file from ingestion_file f
    where exists (
      select from source_file_member m where m.file = f.file and m.generated_at < f.generated_at)
    order by f.file`;
  return rows.map(({ file }) => file);
}

/**
 * Compares the generations of a file in one snapshot, and deletes those that are no longer needed.
 * @param neighbours beginnings of the paths of files that a trajectory of this file can move to
 * @returns null when no older generation is on record
 * @throws TransientError when another process has changed the same rows, too
 */
export function lookAtFile(
  sql: Sql,
  file: string,
  neighbours: readonly string[],
): Promise<FileLook | null> {
  const look = async (transaction: TransactionSql): Promise<FileLook | null> => {
    const [latest] = await transaction<Latest[]>`
      select f.generated_at as "generatedAt", f.run_id as "runId" from ingestion_file f
      where f.file = ${file} and exists (
        select from source_file_member m where m.file = f.file and m.generated_at < f.generated_at)`;
    if (latest === undefined) return null;
    await recordWitnesses(transaction, file);
    const unsettled = await readUnsettledFiles(transaction, file, neighbours, latest.runId);
    const missing = await readMissing(transaction, file, neighbours, latest.generatedAt);
    await deleteSettled(transaction, file, latest.generatedAt, missing);
    const gone = unsettled.length > 0 ? [] : missing.filter((one) => one.isGone);
    return { runId: latest.runId, gone, unsettled };
  };
  return sql.begin("isolation level repeatable read", look) as Promise<FileLook | null>;
}

interface Latest {
  readonly generatedAt: Date;
  readonly runId: string;
}

/** Whether the database has everything before the `next_offsets` of the extraction `f`. */
const isPassed = (sql: Queryable) =>
  sql`not exists (
    select from jsonb_each_text(f.next_offsets) n
    left join consumer_offset o on o.topic = 'trajectory_summary_raw' and o.partition = n.key::integer
    where o.next_offset is null or o.next_offset < n.value::bigint)`;

/** The ids in the members of a generation, and how many different ones. */
const loadedOf = (sql: Queryable, { of }: { readonly of: "r" | "f" }) =>
  sql`(
    select count(*) as records, count(distinct id) as ids from source_file_member m, unnest(m.ids) as id
    where m.file = ${sql(of)}.file and m.generated_at = ${sql(of)}.generated_at)`;

/**
 * Records which generations of a file are complete: all lines were read, and as many different trajectories are on record as it had rows.
 * Rows that were published twice can't hide one that was not loaded.
 *
 * A file that has a trajectory twice never has as many. It is complete when the sink is past its last record, nothing of its run is dead,
 * it has as many records as rows, and it was read in one go, so that none was published twice. Otherwise its next generation decides.
 */
async function recordWitnesses(sql: TransactionSql, file: string): Promise<void> {
  const isWholeWithRepeats = sql`exists (
    select from ingestion_file f
    where f.file = r.file and f.run_id = r.run_id and f.generated_at = r.generated_at and f.next_offsets is not null
      and ${isPassed(sql)}
      and not exists (select from run_loaded l where l.run_id = r.run_id and l.rows_dead > 0)
      and (select count(*) from ingestion_run_event e
        where e.run_id = r.run_id and (e.name = 'started' or e.name = 'file_started' and e.file = r.file)) = 2)`;
  await sql`
    insert into source_file_witness (file, generated_at, run_id)
    select distinct on (r.generated_at) r.file, r.generated_at, r.run_id
    from ingestion_run_file r cross join lateral ${loadedOf(sql, { of: "r" })} loaded
    where r.file = ${file} and r.state = 'extracted' and r.rows_rejected = 0
      and r.generated_at > (select min(m.generated_at) from source_file_member m where m.file = ${file})
      and not exists (
        select from source_file_witness w where w.file = r.file and w.generated_at = r.generated_at)
      and (loaded.ids >= r.rows_published + r.rows_unchanged
        or loaded.records = r.rows_published + r.rows_unchanged and ${isWholeWithRepeats})
    order by r.generated_at, r.run_id desc
    on conflict do nothing`;
}

/**
 * Of the files whose path begins with one of `prefixes`, those that a run has not finished that was at work since `runId` was, and those
 * whose latest complete generation is not loaded or has lost records. Runs are not worked on in the order of their ids: of two that are
 * requested at the same time either may be first, and each kind has its own lane. What was done last with a file is told by the log, not
 * by the times of its events: clocks are set.
 */
async function readUnsettledFiles(
  sql: TransactionSql,
  file: string,
  prefixes: readonly string[],
  runId: string,
): Promise<string[]> {
  const isNeighbour = sql`exists (
    select from unnest(${[...prefixes]}::text[]) as n where starts_with(file, n))`;
  const rows = await sql<{ file: string }[]>`
    with since as (
      select id, state, last_event_offset from ingestion_run
      where id >= ${runId} or state in ('requested', 'running')
        or last_event_offset >= (select last_event_offset from ingestion_run where id = ${runId})
    ), attempt as (
      select r.file, r.state, since.state in ('requested', 'running') as is_unfinished,
        coalesce((
          select max(e.event_offset) from ingestion_run_event e where e.run_id = r.run_id and e.file = r.file
        ), since.last_event_offset) as event_offset
      from since join ingestion_run_file r on r.run_id = since.id where ${isNeighbour}
    )
    select file from (select distinct on (file) file, state from attempt order by file, event_offset desc) latest
    where state in ('planned', 'reading', 'failed')
    union
    select file from attempt where is_unfinished and state in ('planned', 'reading')
    union
    select f.file from ingestion_file f cross join lateral ${loadedOf(sql, { of: "f" })} loaded
    where f.file <> ${file} and ${isNeighbour} and f.generated_at is not null and f.next_offsets <> '{}'
      and (not ${isPassed(sql)}
        or loaded.records < f.rows_published + f.rows_unchanged and not ${isRunWhole(sql)})`;
  return rows.map((row) => row.file);
}

/** Whether as many records of the run of `f` were loaded as it has published. */
const isRunWhole = (sql: Queryable) =>
  sql`(
    not exists (select from run_loaded l where l.run_id = f.run_id and l.rows_dead > 0)
    and (select coalesce(sum(l.rows_loaded), 0) from run_loaded l where l.run_id = f.run_id)
      >= (select coalesce(sum(p.rows_published), 0) from ingestion_run_file p where p.run_id = f.run_id)
    and (select coalesce(sum(l.rows_unchanged), 0) from run_loaded l where l.run_id = f.run_id)
      >= (select coalesce(sum(p.rows_unchanged), 0) from ingestion_run_file p where p.run_id = f.run_id))`;

/** A trajectory that no generation has from the latest complete one on. */
interface MissingTrajectory extends GoneTrajectory {
  /** The newest generation that has it. */
  readonly lastHad: Date;
  readonly isSettled: boolean;
  readonly isGone: boolean;
}

async function readMissing(
  sql: TransactionSql,
  file: string,
  neighbours: readonly string[],
  generatedAt: Date,
): Promise<MissingTrajectory[]> {
  return await sql<MissingTrajectory[]>`
    with member as materialized (
      select id, min(generated_at) as first_had, max(generated_at) as last_had
      from source_file_member, unnest(ids) as id where file = ${file} group by id
    ), missing as materialized (
      select member.id, member.last_had, first.generated_at, first.run_id,
        (select count(*) from source_file_witness w where w.file = ${file} and w.generated_at > member.last_had) as witnesses
      from member left join lateral (
        select w.generated_at, w.run_id from source_file_witness w
        where w.file = ${file} and w.generated_at > member.last_had order by w.generated_at limit 1
      ) first on true
      where member.last_had < ${generatedAt}
    ), loss as materialized (
      select l.generated_at, count(*) as lost,
        (select count(*) from member where member.first_had < l.generated_at)
          - (select count(*) from missing earlier where earlier.generated_at < l.generated_at) as before
      from missing l group by l.generated_at
    ), elsewhere as materialized (
      select distinct id from source_file_member o, unnest(o.ids) as id
      where o.file <> ${file}
        and exists (select from unnest(${[
    ...neighbours,
  ]}::text[]) as n where starts_with(o.file, n))
        and not exists (
          select from ingestion_file f where f.file = o.file and f.generated_at > o.generated_at)
        and id in (select missing.id from missing)
    ), judged as materialized (
      select missing.*, loss.lost, loss.before,
        m.withdrawn_at is null as is_standing,
        m.source_generated_at is null and m.source_file is distinct from ${file} as is_restated,
        m.id is null or coalesce(case when m.withdrawn_at is null
          then greatest(m.source_generated_at, g.generated_at) > missing.generated_at
          else greatest(m.source_generated_at, g.generated_at) >= missing.generated_at end, false) as is_settled
      from missing
      left join loss on loss.generated_at = missing.generated_at
      left join meteor m on m.id = missing.id
      left join meteor_generation g on g.meteor_id = missing.id
    )
    select id, generated_at as "generatedAt", run_id as "runId", witnesses::integer, is_standing as "isStanding",
      lost::integer, before::integer, last_had as "lastHad", is_settled as "isSettled",
      not is_settled and generated_at is not null and not (is_standing and is_restated)
        and not exists (select from elsewhere where elsewhere.id = judged.id) as "isGone"
    from judged order by id`;
}

/** Deletes the generations before the latest complete one, except those that are the newest of an open trajectory. */
async function deleteSettled(
  sql: TransactionSql,
  file: string,
  generatedAt: Date,
  missing: readonly MissingTrajectory[],
): Promise<void> {
  const open = missing.filter(({ isSettled }) => !isSettled);
  const needed = new Set(open.map(({ lastHad }) => lastHad.toISOString()));
  // A `Date` has milliseconds, as the stamps of records do.
  await sql`
    delete from source_file_member where file = ${file} and generated_at < ${generatedAt}
      and date_trunc('milliseconds', generated_at) <> all(${[...needed]}::timestamptz[])`;
}
