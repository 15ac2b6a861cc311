/**
 * Rows of a projection and the offset they go up to, in one transaction, only if nobody else went on in the meantime.
 */
import { PositionLostError, type RecordBatch } from "../events/consumed_record.ts";
import { advanceOffset } from "../store/consumer_offsets.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";

/**
 * Runs `write` and moves the partition's offset over the batch.
 * @throws PositionLostError when the database is not at the batch's first offset; nothing is written then
 * @throws TransientError, PermanentError as the database failed
 */
export async function storeAt(
  sql: Sql,
  batch: RecordBatch,
  write: (transaction: TransactionSql) => Promise<void>,
): Promise<void> {
  try {
    await sql.begin(async (transaction) => {
      const found = await advanceOffset(transaction, batch);
      if (found !== null) {
        throw new PositionLostError(
          `${batch.topic}-${batch.partition}: the database is at ${found}, not at ${batch.firstOffset}`,
        );
      }
      await write(transaction);
    });
  } catch (error) {
    if (error instanceof PositionLostError) throw error;
    throw classifyDatabaseError(error);
  }
}
