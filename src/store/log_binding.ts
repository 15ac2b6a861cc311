/**
 * Which log this database is built from (`log_binding`), and what changes when another log takes its place.
 *
 * Every change is one transaction. It locks `consumer_offset` first, as each load and each rebuild does, so that no batch is written in
 * between, and none of them waits for another that waits for it.
 */
import { PermanentError, TransientError } from "@gmn/failures";
import type { Queryable, Sql, TransactionSql } from "./connection.ts";
import { readPositions, type StoredPosition } from "./consumer_offsets.ts";

export interface LogBinding {
  /** Id of this data store, a UUID. */
  readonly dataStoreId: string;
  /** Id of the log; null when the database was never bound to one. */
  readonly logId: string | null;
  readonly boundAt: Date | null;
}

/** The binding. A new data store gets its id here, so that databases made from one template are different ones. */
export async function readLogBinding(sql: Queryable): Promise<LogBinding> {
  const [row] = await sql<LogBinding[]>`
    select data_store_id::text as "dataStoreId", log_id as "logId", bound_at as "boundAt" from log_binding
    where data_store_id is not null`;
  if (row !== undefined) return { ...row };
  await sql`
    insert into log_binding as b (data_store_id) values (gen_random_uuid())
    on conflict (only_row) do update set data_store_id = coalesce(b.data_store_id, excluded.data_store_id)`;
  return await readLogBinding(sql);
}

/** Where a partition is read from now on. */
export interface NewPosition {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: bigint;
  readonly logStart: bigint;
  /** Whether the stored witness is a record of this log too. */
  readonly keepsWitness: boolean;
}

/** What a decision changes. */
export interface Rebinding {
  readonly logId: string;
  readonly decision: string;
  /** The positions that the decision was made from. When they have changed, nothing is written. */
  readonly expected: readonly StoredPosition[];
  readonly positions: readonly NewPosition[];
  /** What else changes, in the same transaction. */
  readonly also: (transaction: TransactionSql) => Promise<void>;
}

/** The database has moved since the decision was prepared: another process has loaded something, or has decided. */
export class DatabaseMovedError extends TransientError {
  override readonly name = "DatabaseMovedError";
}

/**
 * Binds the database to a log and moves its offsets.
 * @throws DatabaseMovedError when the database has moved since the decision was prepared; nothing is written then
 */
export async function rebind(sql: Sql, rebinding: Rebinding): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`lock table consumer_offset in share row exclusive mode`;
    await assertUnmoved(transaction, rebinding.expected);
    for (const { topic, partition, nextOffset, logStart, keepsWitness } of rebinding.positions) {
      await transaction`
        insert into consumer_offset (topic, partition, next_offset, log_start_offset)
        values (${topic}, ${partition}, ${nextOffset}, ${logStart})
        on conflict (topic, partition) do update set
          next_offset = excluded.next_offset, log_start_offset = excluded.log_start_offset, updated_at = now(),
          witness_offset = case when ${keepsWitness} then consumer_offset.witness_offset end,
          witness_digest = case when ${keepsWitness} then consumer_offset.witness_digest end`;
    }
    await rebinding.also(transaction);
    await transaction`
      insert into log_binding (log_id, decision, bound_at) values (${rebinding.logId}, ${rebinding.decision}, now())
      on conflict (only_row) do update set
        log_id = excluded.log_id, decision = excluded.decision, bound_at = excluded.bound_at`;
  });
}

/** Somebody has decided about the log while something was made from what it had before. */
export class LogDecidedError extends PermanentError {
  override readonly name = "LogDecidedError";
}

/**
 * Checks that nobody has decided about the log since `binding` was read. For transactions that have locked `consumer_offset`: nobody
 * will until they end.
 * @throws LogDecidedError when somebody has
 */
export async function assertSameBinding(
  sql: TransactionSql,
  { logId, boundAt }: Pick<LogBinding, "logId" | "boundAt">,
): Promise<void> {
  const now = await readLogBinding(sql);
  if (now.logId === logId && now.boundAt?.getTime() === boundAt?.getTime()) return;
  throw new LogDecidedError(
    `somebody has decided about the log in the meantime: the data store was bound to log ${now.logId} at ${now.boundAt?.toISOString()}`,
    { hint: "run the command again" },
  );
}

async function assertUnmoved(
  sql: TransactionSql,
  expected: readonly StoredPosition[],
): Promise<void> {
  const text = (positions: readonly StoredPosition[]) =>
    positions.map(({ topic, partition, nextOffset }) => `${topic}-${partition}@${nextOffset}`)
      .toSorted().join(" ");
  const found = await readPositions(sql);
  if (text(found) === text(expected)) return;
  throw new DatabaseMovedError(
    `the database has moved in the meantime: it was at ${text(expected)}, it is at ${text(found)}`,
    { hint: "run the command again" },
  );
}

/** Offsets of one partition of the trajectories that the log still has, from `low` to `high` (exclusive). */
export interface KeptRange {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * Marks the rows whose record the log does not have: outside of the kept range of their partition, or in a partition without one.
 * Their lineage and values stay. The next record of such a trajectory updates the row even if it says the same.
 * @returns the number of rows
 */
export async function markRowsWithoutRecord(
  sql: TransactionSql,
  kept: readonly KeptRange[],
): Promise<number> {
  const { count } = await sql`
    update meteor m set topic_offset = -1, value_digest = null
    where ${rowsWithoutRecord(sql, kept)}`;
  return count;
}

/** The condition on `meteor m`: its record is not in the log, and that is not on record yet. */
function rowsWithoutRecord(sql: Queryable, kept: readonly KeptRange[]) {
  const ranges = sql`
    select * from unnest(
      ${kept.map(({ partition }) => partition)}::integer[],
      ${kept.map(({ low }) => String(low))}::bigint[],
      ${kept.map(({ high }) => String(high))}::bigint[]) as k (partition, low, high)`;
  return sql`
    m.topic_offset <> -1 and not exists (
      select from (${ranges}) k
      where k.partition = m.topic_partition and m.topic_offset >= k.low and m.topic_offset < k.high)`;
}

/** What only the data store has when the log keeps these ranges of the trajectories' topic. */
export interface OnlyInStore {
  /** Trajectories whose record is not in the log, withdrawn ones included. */
  readonly trajectories: number;
  readonly withdrawn: number;
  readonly all: number;
}

/** Counts the trajectories whose record is not in the kept ranges. Reads every row. */
export async function countOnlyInStore(
  sql: Queryable,
  kept: readonly KeptRange[],
): Promise<OnlyInStore> {
  const isGone = sql`(m.topic_offset = -1 or ${rowsWithoutRecord(sql, kept)})`;
  const [row] = await sql<OnlyInStore[]>`
    select count(*) filter (where ${isGone})::float8 as trajectories,
      count(*) filter (where ${isGone} and m.withdrawn_at is not null)::float8 as withdrawn,
      count(*)::float8 as "all"
    from meteor m`;
  return { ...row! };
}

/**
 * Forgets what was counted by way of a log whose records are loaded again from its beginning: rows per run, and up to which offsets
 * runs and files reach. The members of files stay: what a file once had does not depend on the log, and the new one may not say it.
 */
export async function forgetLoadedCounts(sql: TransactionSql, rawTopic: string): Promise<void> {
  await sql`delete from run_loaded where topic = ${rawTopic}`;
  await sql`update ingestion_run set next_offsets = '{}' where next_offsets is not null`;
  await sql`update ingestion_file set next_offsets = '{}' where next_offsets is not null`;
}

/** The ends of the log by partition, as JSON text. */
const endsJson = (kept: readonly KeptRange[]): string =>
  JSON.stringify(Object.fromEntries(kept.map(({ partition, high }) => [partition, Number(high)])));

/** Whether the `next_offsets` of a run or a file lie beyond the end of the log. */
const reachesBeyond = (sql: TransactionSql, kept: readonly KeptRange[]) =>
  sql`exists (
    select from jsonb_each_text(next_offsets) n
    where n.value::bigint > coalesce((${endsJson(kept)}::text::jsonb ->> n.key)::bigint, 0))`;

/**
 * Cuts the offsets of runs and files to the end of the log, so that they count as loaded when everything in it is.
 */
export async function capNextOffsets(
  sql: TransactionSql,
  kept: readonly KeptRange[],
): Promise<void> {
  const ends = endsJson(kept);
  for (const table of ["ingestion_run", "ingestion_file"]) {
    await sql`
      update ${sql(table)} set next_offsets = (
        select coalesce(jsonb_object_agg(n.key, least(n.value::bigint, coalesce((${ends}::text::jsonb ->> n.key)::bigint, 0))), '{}')
        from jsonb_each_text(next_offsets) n)
      where ${reachesBeyond(sql, kept)}`;
  }
}

/**
 * Removes the record that a file was ingested, for files whose records the log lacks: those that reach beyond its end, and those that
 * were the source of a row that is not in it. The next run reads them again.
 * @param isAll removes all: none of the files was ingested by way of this log
 * @returns the number of files
 */
export async function forgetIngestedFiles(
  sql: TransactionSql,
  kept: readonly KeptRange[],
  { isAll }: { readonly isAll: boolean },
): Promise<number> {
  const { count } = isAll ? await sql`delete from ingestion_file` : await sql`
    delete from ingestion_file f
    where exists (select from meteor m where m.source_file = f.file and m.topic_offset = -1)
      or ${reachesBeyond(sql, kept)}`;
  return count;
}

/** Only files that reach beyond the end of the log, as `forgetIngestedFiles`. */
export async function forgetFilesBeyond(
  sql: TransactionSql,
  kept: readonly KeptRange[],
): Promise<number> {
  const { count } = await sql`delete from ingestion_file f where ${reachesBeyond(sql, kept)}`;
  return count;
}

/** Adds `by` to the offsets of the rows of a partition whose records were copied to other offsets. */
export async function shiftRows(
  sql: TransactionSql,
  partition: number,
  by: bigint,
): Promise<void> {
  await sql`
    update meteor set topic_offset = topic_offset + ${by}
    where topic_partition = ${partition} and topic_offset <> -1`;
}

/** The number of runs and of dead letters on record. */
export async function countRunsAndDeadLetters(
  sql: Queryable,
): Promise<{ readonly runs: number; readonly deadLetters: number }> {
  const [row] = await sql<{ runs: number; deadLetters: number }[]>`
    select (select count(*) from ingestion_run)::float8 as runs,
      (select count(*) from dead_letter)::float8 as "deadLetters"`;
  return { ...row! };
}

/**
 * Takes the offsets from the dead letters, for a database that goes on with a log in which they mean nothing. What is replayed is then
 * compared with its trajectory's latest change by time (store/dead_letters.ts).
 */
export async function forgetDeadLetterOffsets(sql: TransactionSql): Promise<void> {
  await sql`update dead_letter set topic_offset = null where topic_offset is not null`;
}
