/**
 * A connection pool that survives the loss of its connections. After a loss (a restart of PostgreSQL, a failover,
 * `pg_terminate_backend`) the next query gets a new driver (`postgresjs/no_reconnect.ts` says why). A transaction that was cut off
 * ends with an error and has no other effect (`postgresjs/lost_transaction.ts`).
 *
 * Queries and transactions of the pool throw our own failures (`database_errors.ts`). Only between the statements of one
 * transaction are the errors the driver's own.
 */
import type postgres from "postgres";
import { asFailure, rejectWithFailures } from "./database_errors.ts";
import { type Driver, type DriverOptions, openDriver, type Sql } from "./postgresjs/driver.ts";
import { transact, type Work } from "./postgresjs/lost_transaction.ts";

export type { Sql } from "./postgresjs/driver.ts";
export type { TransactionSql } from "./postgresjs/lost_transaction.ts";
/** What a query function takes: a pool, or the transaction that the query is part of. */
export type Queryable = postgres.ISql<{ bigint: bigint }>;

export interface Store {
  /**
   * The tag function. `begin`, `unsafe`, fragments and helpers work as in postgres.js. `reserve` is left out: with
   * `fetch_types: false` (see `postgresjs/array_types.ts`) the driver never resolves it on a new connection.
   */
  readonly sql: Sql;
  /** Waits for running queries (at most `CLOSE_SECONDS_MAX`), then closes every connection. */
  close(): Promise<void>;
}

/** Longer than any statement of a healthy database takes at shutdown. */
const CLOSE_SECONDS_MAX = 5;
/** How long queries on the other connections may continue after a driver has lost one. */
const RETIRE_SECONDS = 1;

/** A connection pool. It connects at the first query. */
export function connectStore(options: DriverOptions): Store {
  let closed = false;
  let current: Driver | null = null;
  const retiring = new Set<Promise<void>>();

  const driver = (): Driver => {
    if (current !== null) return current;
    const opened = openDriver({
      ...options,
      onClose() {
        if (current === opened && !closed) {
          current = null;
          const retired = opened.sql.end({ timeout: RETIRE_SECONDS })
            .finally(() => retiring.delete(retired));
          retiring.add(retired);
        }
        options.onClose?.();
      },
    });
    return current = opened;
  };
  const begin = (...given: [work: Work] | [mode: string, work: Work]): Promise<unknown> =>
    (given.length === 1 ? transact(driver(), "", given[0]) : transact(driver(), ...given))
      .catch((error: unknown) => {
        throw asFailure(error);
      });
  // A function, because a proxy is callable only when its target is.
  const sql = new Proxy((() => {}) as unknown as Sql, {
    apply: (_target, _this, given: unknown[]) =>
      rejectWithFailures(Reflect.apply(driver().sql, undefined, given)),
    get(_target, name) {
      if (name === "begin") return begin;
      if (name === "reserve") return undefined;
      if (name === "unsafe") {
        return (...given: Parameters<Sql["unsafe"]>) =>
          rejectWithFailures(driver().sql.unsafe(...given));
      }
      return Reflect.get(driver().sql, name);
    },
  });
  return {
    sql,
    async close() {
      closed = true;
      await Promise.all([driver().sql.end({ timeout: CLOSE_SECONDS_MAX }), ...retiring]);
    },
  };
}
