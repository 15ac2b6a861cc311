/**
 * Queries by users. Each runs in a transaction that can't write, that sees one snapshot, and that ends in time. This is the API's
 * only way to the database.
 *
 * It has its own connections, so no query holds up the service's work. They are in two groups: queries that take milliseconds (is
 * the service ready, which runs exist) don't wait behind statistics and exports that take seconds.
 */
import type { PendingQuery, Row } from "postgres";
import { TransientError, withTimeout } from "@gmn/failures";
import type { Sql, TransactionSql } from "./connection.ts";
import { databaseCodeOf } from "./database_errors.ts";
import { streamRows } from "./row_stream.ts";

/** The server cancels a slow statement. After this additional time we stop waiting for a server, or for a free connection. */
const MARGIN_MS = 500;

/** Queries of one snapshot. */
export type Question<Answer> = (sql: TransactionSql) => Promise<Answer>;

export class Reader {
  readonly #quick: Sql;
  readonly #slow: Sql;

  constructor(pools: { readonly quick: Sql; readonly slow: Sql }) {
    this.#quick = pools.quick;
    this.#slow = pools.slow;
  }

  /**
   * The result of a query that takes milliseconds.
   * @throws TransientError when it took longer than `limit_ms`, or the database is unavailable
   */
  look<Answer>(limit_ms: number, question: Question<Answer>): Promise<Answer> {
    return askWithin(this.#quick, limit_ms, question);
  }

  /** The same for a query that may take seconds. */
  ask<Answer>(limit_ms: number, question: Question<Answer>): Promise<Answer> {
    return askWithin(this.#slow, limit_ms, question);
  }

  /** The rows of queries of any size; see `row_stream.ts`. */
  stream<R>(queries: (sql: TransactionSql) => PendingQuery<Row[]>[]): ReadableStream<readonly R[]> {
    return streamRows<R>(this.#slow, queries);
  }
}

async function askWithin<Answer>(
  sql: Sql,
  limit_ms: number,
  question: Question<Answer>,
): Promise<Answer> {
  let isLate = false;
  const tooLong = (cause?: unknown) =>
    new TransientError(`the database did not answer within ${limit_ms / 1000} s`, {
      cause,
      hint: "try again, or ask for a shorter time (from, to) or fewer things at once",
    });
  try {
    return await withTimeout(
      sql.begin("isolation level repeatable read read only", async (transaction) => {
        // The connection became free too late: the caller already has its error.
        if (isLate) throw tooLong();
        await transaction`select set_config('statement_timeout', ${String(limit_ms)}, true)`;
        return await question(transaction);
      }) as Promise<Answer>,
      limit_ms + MARGIN_MS,
      () => {
        isLate = true;
        return tooLong();
      },
    );
  } catch (error) {
    throw databaseCodeOf(error) === QUERY_CANCELED ? tooLong(error) : error;
  }
}

/** SQLSTATE of a statement that reached its time-out. */
const QUERY_CANCELED = "57014";
