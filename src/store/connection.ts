/**
 * A pool of connections that survives the loss of its connections: after one (a restart of PostgreSQL, a fail-over,
 * `pg_terminate_backend`) the next query gets a new driver (`driver.ts` says why), and a transaction that was cut ends with an
 * error and nothing else.
 *
 * That is not so in postgres.js 3.4.9: a query on a transaction whose connection is lost, its own ROLLBACK included, throws in
 * a timer callback ("Cannot read properties of null (reading 'write')"), which ends the process. So a transaction that has lost
 * its connection gets no more queries, see `transact`.
 *
 * What a query or a transaction of the pool throws is a failure of ours already (`database_errors.ts`); only between the statements
 * of one transaction it is as the driver made it.
 */
import type postgres from "postgres";
import { TransientError } from "../failures/failures.ts";
import { asFailure, rejectWithFailures } from "./database_errors.ts";
import { type Driver, type DriverOptions, openDriver, type Sql } from "./driver.ts";

export type { Sql } from "./driver.ts";
/** Inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;
/** What a query function takes: a pool or the transaction it is part of. */
export type Queryable = postgres.ISql<{ bigint: bigint }>;

/** Options of a pool; `DriverOptions` says what they mean. */
export type ConnectOptions = Omit<DriverOptions, "onSocket">;

export interface Store {
  /**
   * The tag function. `begin`, `unsafe`, fragments and helpers work as in postgres.js. `reserve` is left out: with
   * `fetch_types: false` (see `array_types.ts`) the driver never answers it on a new connection.
   */
  readonly sql: Sql;
  /** Waits for queries under way (at most `CLOSE_SECONDS_MAX`), then closes every connection. */
  close(): Promise<void>;
}

/** Longer than any statement of a healthy store at a shutdown. */
const CLOSE_SECONDS_MAX = 5;
/** What other connections of a driver that lost one have left for their queries. */
const RETIRE_SECONDS = 1;

/** A pool of connections; none is made before the first query. */
export function connectStore(options: ConnectOptions): Store {
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

type Work = (sql: TransactionSql) => unknown;

/** `sql.begin` of the driver, without its end of the process when the connection is lost (see the top of the file). */
function transact(driver: Driver, mode: string, work: Work): Promise<unknown> {
  return new Promise((resolve, reject) => {
    driver.sql.begin(mode, async (transaction) => {
      try {
        const done = work(guarded(transaction, driver));
        const result = Array.isArray(done) ? await Promise.all(done) : await done;
        assertThere(driver);
        return result;
      } catch (error) {
        if (!driver.isLost()) throw error;
        reject(error);
        // Returning would make the driver send a ROLLBACK (or COMMIT) into nowhere.
        return await new Promise(() => {});
      }
    }).then(resolve, reject);
  });
}

/** The transaction's tag function, which refuses to work once the connection is lost. */
function guarded(sql: TransactionSql, driver: Driver): TransactionSql {
  return new Proxy(sql, {
    apply(target, _this, given: unknown[]) {
      assertThere(driver);
      return Reflect.apply(target, undefined, given);
    },
    get(target, name) {
      assertThere(driver);
      return Reflect.get(target, name);
    },
  });
}

function assertThere(driver: Driver): void {
  if (driver.isLost()) {
    throw new TransientError("the connection to the database was lost during a transaction");
  }
}
