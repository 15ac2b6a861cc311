/** How far a refill of a log has got (`log_refill`), and the switch to that log when it is complete. */
import type { Queryable, TransactionSql } from "./connection.ts";
import { quoteIdentifier } from "./meteor_columns.ts";
import { tablesBuiltFrom } from "./projections.ts";

/** A partition and the offset at which its projection starts again. */
export interface PartitionStart {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A refill that is not complete. */
export interface RefillProgress {
  /** Rows of `meteor` up to this id are in the log. */
  readonly rowsAfter: string;
  /** Everything of `trajectory_summary_raw` is in the log. */
  readonly isRawComplete: boolean;
}

/** The progress of this log's refill, or null when none has begun. */
export async function readRefill(sql: Queryable, logId: string): Promise<RefillProgress | null> {
  const [row] = await sql<RefillProgress[]>`
    select rows_after as "rowsAfter", is_raw_complete as "isRawComplete"
    from log_refill where log_id = ${logId}`;
  return row ?? null;
}

/** Records that the refill of this log begins; refills of other logs are no longer of interest. */
export async function beginRefill(sql: Queryable, logId: string): Promise<void> {
  await sql`delete from log_refill where log_id <> ${logId}`;
  await sql`insert into log_refill (log_id) values (${logId}) on conflict do nothing`;
}

/** Records that rows up to this id are in the log. */
export async function rememberRows(sql: Queryable, logId: string, last: string): Promise<void> {
  await sql`update log_refill set rows_after = ${last} where log_id = ${logId}`;
}

/** Records that everything of `trajectory_summary_raw` is in the log. */
export async function rememberRaw(sql: Queryable, logId: string): Promise<void> {
  await sql`update log_refill set is_raw_complete = true where log_id = ${logId}`;
}

/** The switch to the refilled log. */
export interface RefilledLog {
  readonly logId: string;
  /** For each partition, the offset from which the database has not seen the log. */
  readonly positions: readonly PartitionStart[];
  /** Topics whose projections are to be made again from the log: those that have offsets of it in their rows. */
  readonly projectedAgain: readonly string[];
}

/**
 * Switches to the refilled log, in the caller's transaction: the positions become those of this log, and what has offsets of the old one in
 * its rows is projected again by the next consumer.
 */
export async function switchToRefilledLog(
  sql: TransactionSql,
  { logId, positions, projectedAgain }: RefilledLog,
): Promise<void> {
  // Set first, and set rather than removed: a consumer that is still working on a batch then finds another offset than the one it left,
  // and writes nothing, whereas a partition without an offset accepts any.
  const inOrder = positions.toSorted((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  );
  for (const { topic, partition, offset } of inOrder) {
    await sql`
      insert into consumer_offset (topic, partition, next_offset)
      values (${topic}, ${partition}, ${offset})
      on conflict (topic, partition) do update set
        next_offset = excluded.next_offset, log_start_offset = 0,
        witness_offset = null, witness_digest = null, updated_at = now()`;
  }
  const tables = projectedAgain.flatMap(tablesBuiltFrom);
  if (tables.length > 0) {
    await sql.unsafe(`truncate ${tables.map(quoteIdentifier).join(", ")}`);
  }
  await sql`update dead_letter set topic_offset = null where topic_offset is not null`;
  await sql`delete from log_refill where log_id = ${logId}`;
}
