/**
 * Questions that people ask of the data store: in a transaction that can't write, and that ends in time.
 */
import { TransientError } from "../failures/failures.ts";
import type { Sql, TransactionSql } from "./connection.ts";
import { databaseCodeOf } from "./database_errors.ts";

/**
 * Runs `ask` in a read-only transaction, all of it on one snapshot; a statement that takes longer than `timeout_ms` is ended by
 * the server.
 * @throws TransientError when it took too long or the database is away
 */
export async function readOnly<Answer>(
  sql: Sql,
  timeout_ms: number,
  ask: (transaction: TransactionSql) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await sql.begin("isolation level repeatable read read only", async (transaction) => {
      await transaction`select set_config('statement_timeout', ${String(timeout_ms)}, true)`;
      return await ask(transaction);
    }) as Answer;
  } catch (error) {
    throw inWords(error, timeout_ms);
  }
}

function inWords(error: unknown, timeout_ms: number): unknown {
  if (databaseCodeOf(error) === "57014") {
    return new TransientError(`the question took longer than ${timeout_ms / 1000} s`, {
      cause: error,
      hint: "ask for a shorter time (from, to) or fewer things at once",
    });
  }
  return error;
}
