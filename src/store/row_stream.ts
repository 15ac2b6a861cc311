/**
 * The rows of queries of any size as a stream: a cursor on the server, two portions of rows in memory, all of one snapshot.
 *
 *     DECLARE ─▶ FETCH a portion ─▶ (wait until it is wanted) ─▶ reader
 *                     ▲─────────────────────┘
 *
 * The transaction begins with the first read, waits while the reader is busy, and ends with the last row, when the reader leaves, and
 * when the reader takes nothing for `IDLE_MS_MAX` (an open snapshot keeps PostgreSQL from clearing away old rows, and the
 * connection is one of few).
 *
 * DECLARE and FETCH are statements like any other. The cursors of postgres.js 3.4.9 ask for the next portion behind the back of
 * the transaction, and do so on a connection that is lost, which ends the process (see connection.ts).
 */
import type { PendingQuery, Row } from "postgres";
import { TransientError, withTimeout } from "@gmn/failures";
import type { Sql, TransactionSql } from "./connection.ts";

/** Rows of one portion: half a megabyte of meteors as JSON. */
const PORTION_ROWS = 250;
/** A reader that takes nothing for this long is gone without saying so. */
export const IDLE_MS_MAX = 60_000;
/** The longest a portion may take: the first one, where everything is sorted by what no index has. */
const STATEMENT_MS_MAX = 60_000;

/** The reader has left: there is no one to report an error to. */
class ReaderLeft extends Error {}

/**
 * The rows of the queries, one query after the other. Errors of the database come out as failures of ours.
 * @param queries made of the transaction they run in
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
      await transaction`select set_config('statement_timeout', ${String(STATEMENT_MS_MAX)}, true)`;
      for (const query of queries(transaction)) {
        await transaction`declare portion no scroll cursor for ${query}`;
        for (;;) {
          // Not prepared: the driver would keep the columns of the first cursor that it fetched from under this text.
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
