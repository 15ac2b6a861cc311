/**
 * The rows of a query of any size as a stream: a cursor on the server, one portion of rows in memory at a time, all of one
 * snapshot.
 *
 *     cursor ──portion──▶ (room for one) ──portion──▶ reader
 *
 * The transaction begins at once, waits while the reader is busy, and ends with the last row, when the reader leaves, and when the reader takes nothing for `IDLE_MS_MAX` (an open snapshot keeps PostgreSQL
 * from clearing away old rows, and the connection is one of few).
 */
import type { PendingQuery, Row } from "postgres";
import { TransientError } from "../failures/failures.ts";
import type { Sql, TransactionSql } from "./connection.ts";
import { classifyDatabaseError } from "./database_errors.ts";

/** Rows of one portion: some hundred kilobytes of meteors. */
const PORTION_ROWS = 500;
/** A reader that takes nothing for this long has gone without saying so. */
export const IDLE_MS_MAX = 60_000;
/** The longest a first portion may take: everything sorted by what no index has. */
const STATEMENT_MS_MAX = 60_000;

/**
 * The rows of the queries, one query after the other. Errors of the database come out as the house's failures.
 * @param queries made of the transaction they run in
 */
export function streamRows<R>(
  sql: Sql,
  queries: (transaction: TransactionSql) => PendingQuery<Row[]>[],
  idle_ms: number = IDLE_MS_MAX,
): ReadableStream<readonly R[]> {
  // No room of its own: a portion waits in the writer until it is read.
  const { readable, writable } = new TransformStream<readonly R[], readonly R[]>(
    undefined,
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  const writer = writable.getWriter();
  const run = async () => {
    await sql.begin("isolation level repeatable read read only", async (transaction) => {
      await transaction`select set_config('statement_timeout', ${String(STATEMENT_MS_MAX)}, true)`;
      for (const query of queries(transaction)) {
        for await (const rows of query.cursor(PORTION_ROWS)) {
          await within(writer.ready, idle_ms);
          // A failed write shows at the next `ready`.
          writer.write(rows as unknown as readonly R[]).catch(() => {});
        }
      }
    });
    await within(writer.ready, idle_ms);
    await writer.close();
  };
  run().catch((error) => writer.abort(inWords(error)).catch(() => {}));
  // Who only waits is told by `ready`.
  writer.closed.catch(() => {});
  return readable;
}

function inWords(error: unknown): unknown {
  return error instanceof Error && "code" in error ? classifyDatabaseError(error) : error;
}

async function within(ready: Promise<unknown>, limit_ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TransientError(`nothing was read for ${limit_ms / 1000} s`)),
      limit_ms,
    );
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    clearTimeout(timer);
  }
}
