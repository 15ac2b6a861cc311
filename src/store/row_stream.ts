/**
 * The rows of queries of any size as a stream, from one snapshot: a cursor on the server, and two portions of rows in memory.
 *
 *     DECLARE ─▶ FETCH a portion ─▶ (wait until it is wanted) ─▶ reader
 *                     ▲─────────────────────┘
 *
 * The transaction begins with the first read and waits while the reader is busy. It ends with the last row, when the reader leaves,
 * or when the reader takes nothing for `IDLE_MS_MAX` (an open snapshot keeps PostgreSQL from removing old rows, and connections
 * are few).
 *
 * DECLARE and FETCH are ordinary statements. The cursors of postgres.js 3.4.9 request the next portion outside the control of the
 * transaction, also on a lost connection, which ends the process (see connection.ts).
 */
import type { PendingQuery, Row } from "postgres";
import { TransientError, withTimeout } from "@gmn/failures";
import type { Sql, TransactionSql } from "./connection.ts";

/** Rows per portion: half a megabyte of meteors as JSON. */
const PORTION_ROWS = 250;
/** A reader that takes nothing for this long counts as gone. */
export const IDLE_MS_MAX = 60_000;
/** The longest that a portion may take. The first one is the slowest, when all rows are sorted without an index. */
const STATEMENT_MS_MAX = 60_000;

/** The reader has left, so there is nobody to report an error to. */
class ReaderLeft extends Error {}

/**
 * The rows of the queries, one query after the other. Database errors are thrown as our own failures.
 * @param queries built with the transaction that they run in
 */
export function streamRows<R>(
  sql: Sql,
  queries: (transaction: TransactionSql) => PendingQuery<Row[]>[],
  idle_ms: number = IDLE_MS_MAX,
): ReadableStream<readonly R[]> {
  let wanted = Promise.withResolvers<void>();
  const run = async (controller: ReadableStreamDefaultController<readonly R[]>) => {
    await wanted.promise;
    await sql.begin("isolation level repeatable read read only", async (transaction) => {
      await transaction`
        select set_config('statement_timeout', ${String(STATEMENT_MS_MAX)}, true),
          set_config('idle_in_transaction_session_timeout', ${String(2 * idle_ms)}, true)`;
      for (const query of queries(transaction)) {
        await transaction`declare portion no scroll cursor for ${query}`;
        for (;;) {
          // Not prepared: the driver would reuse the columns of the first cursor that was fetched with this text.
          const rows = await transaction.unsafe(`fetch ${PORTION_ROWS} from portion`);
          if (rows.length === 0) break;
          await withTimeout(
            wanted.promise,
            idle_ms,
            () => new TransientError(`nothing was read for ${idle_ms / 1000} s`),
          );
          wanted = Promise.withResolvers<void>();
          controller.enqueue(rows as unknown as readonly R[]);
        }
        await transaction`close portion`;
      }
    });
    controller.close();
  };
  return new ReadableStream<readonly R[]>({
    start(controller) {
      run(controller).catch((error) => {
        if (!(error instanceof ReaderLeft)) controller.error(error);
      });
    },
    pull: () => wanted.resolve(),
    cancel() {
      const left = new ReaderLeft();
      wanted.promise.catch(() => {});
      wanted.reject(left);
    },
  }, { highWaterMark: 0 });
}
