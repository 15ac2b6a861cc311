/**
 * A pool of connections that survives the loss of its connections: after one (a restart of PostgreSQL, a fail-over,
 * `pg_terminate_backend`) the next query gets a new driver (`postgresjs/no_reconnect.ts` says why), and a transaction that was cut
 * ends with an error and nothing else (`postgresjs/lost_transaction.ts`).
 *
 * What a query or a transaction of the pool throws is one of our failures already (`database_errors.ts`); only between the statements
 * of one transaction it is the driver's own error.
 */
import type postgres from "postgres";
import { asFailure, rejectWithFailures } from "./database_errors.ts";
import { type Driver, type DriverOptions, openDriver, type Sql } from "./postgresjs/driver.ts";
import { transact, type Work } from "./postgresjs/lost_transaction.ts";

export type { Sql } from "./postgresjs/driver.ts";
export type { TransactionSql } from "./postgresjs/lost_transaction.ts";
/** What a query function takes: a pool or the transaction it is part of. */
export type Queryable = postgres.ISql<{ bigint: bigint }>;

export interface Store {
  /**
   * The tag function. `begin`, `unsafe`, fragments and helpers work as in postgres.js. `reserve` is left out: with
   * `fetch_types: false` (see `postgresjs/array_types.ts`) the driver never answers it on a new connection.
   */
  readonly sql: Sql;
  /** Waits for queries under way (at most `CLOSE_SECONDS_MAX`), then closes every connection. */
  close(): Promise<void>;
}

/** Longer than any statement of a healthy store at a shutdown. */
const CLOSE_SECONDS_MAX = 5;
/** How long queries on the other connections may go on after a driver has lost one. */
const RETIRE_SECONDS = 1;

/** A pool of connections; none is made before the first query. */
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
  // A function, because a proxy can be called only when its target can.
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
