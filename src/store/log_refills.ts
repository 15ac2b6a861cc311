/** How far a refill of a log has got (`log_refill`), and the switch to that log when it is complete. */
import type { Queryable, TransactionSql } from "./connection.ts";
import { forgetDeadLetterOffsets } from "./log_binding.ts";
import { quoteIdentifier } from "./meteor_columns.ts";
import { tablesBuiltFrom } from "./projections.ts";

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

/**
 * Records that the refill of this log begins; refills of other logs are no longer of interest.
 * @param isAnew an earlier refill of this log is forgotten, too
 */
export async function beginRefill(
  sql: Queryable,
  logId: string,
  { isAnew }: { readonly isAnew: boolean },
): Promise<void> {
  await sql`delete from log_refill where ${isAnew} or log_id <> ${logId}`;
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

/** Forgets the refill of this log: it is complete. */
export async function forgetRefill(sql: Queryable, logId: string): Promise<void> {
  await sql`delete from log_refill where log_id = ${logId}`;
}

/**
 * Ends the refill of a log, in the transaction that binds the database to it: what has offsets of the old log in its rows is emptied (runs,
 * which the next consumer projects again) or loses them (dead letters).
 */
export async function endRefill(
  sql: TransactionSql,
  logId: string,
  projectedAgain: readonly string[],
): Promise<void> {
  const tables = projectedAgain.flatMap(tablesBuiltFrom);
  if (tables.length > 0) {
    await sql.unsafe(`truncate ${tables.map(quoteIdentifier).join(", ")}`);
  }
  // Left over from before their rows got a newer generation: nothing depends on them, and no record says them.
  await sql`
    delete from meteor_generation g using meteor m
    where m.id = g.meteor_id and g.generated_at <= m.source_generated_at`;
  await forgetDeadLetterOffsets(sql);
  await sql`delete from log_refill where log_id = ${logId}`;
}
