/**
 * A pool of connections that survives the loss of its connections.
 *
 * Two faults of postgres.js 3.4.9 are dealt with here, both met when a backend dies (a restart of PostgreSQL, a fail-over,
 * `pg_terminate_backend`):
 *
 * - A query on a transaction whose connection is lost, its own ROLLBACK included, throws in a timer callback ("Cannot read
 *   properties of null (reading 'write')"), which ends the process. So a transaction that has lost its connection gets no
 *   more queries, see `transact`.
 * - A connection that breaks while bytes wait to be written keeps them, and writes them in front of the start-up message of
 *   the next connection. So no connection is ever made again by the same driver: a driver that has lost one is let go of, and
 *   the next query gets a new driver.
 */
import { setImmediate } from "node:timers";
import type postgres from "postgres";
import { TransientError } from "../failures/failures.ts";
import { isConnectionLoss } from "./database_errors.ts";
import { type DriverOptions, openDriver, type Sql } from "./driver.ts";

export type { Sql } from "./driver.ts";
/** Inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;
/** What a query function takes: a pool or the transaction it is part of. */
export type Queryable = postgres.ISql<{ bigint: bigint }>;

/** Options of a pool; `DriverOptions` says what they mean. */
export type ConnectOptions = Omit<DriverOptions, "onSocket">;

export interface Store {
  /** The tag function. `begin`, `unsafe`, fragments and helpers work as in postgres.js; `listen` and `subscribe` do not. */
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
  let current: Sql | null = null;
  const retiring = new Set<Promise<void>>();

  const driver = (): Sql => {
    if (current !== null) return current;
    const opened = openDriver({
      ...options,
      onClose() {
        if (current === opened && !closed) {
          current = null;
          const retired = opened.end({ timeout: RETIRE_SECONDS }).finally(() =>
            retiring.delete(retired)
          );
          retiring.add(retired);
        }
        options.onClose?.();
      },
    });
    // After `close` it stays the driver's business to refuse queries.
    return current = opened;
  };
  const begin = (...given: [work: Work] | [mode: string, work: Work]): Promise<unknown> =>
    given.length === 1 ? transact(driver(), "", given[0]) : transact(driver(), ...given);
  // A function, because a proxy can be called only when its target can.
  const sql = new Proxy((() => {}) as unknown as Sql, {
    apply: (_target, _this, given: unknown[]) => Reflect.apply(driver(), undefined, given),
    get: (_target, name) => name === "begin" ? begin : Reflect.get(driver(), name),
  });
  return {
    sql,
    async close() {
      closed = true;
      await Promise.all([driver().end({ timeout: CLOSE_SECONDS_MAX }), ...retiring]);
    },
  };
}

type Work = (sql: TransactionSql) => unknown;

/** `sql.begin` of the driver, without its end of the process when the connection is lost (see the top of the file). */
function transact(sql: Sql, mode: string, work: Work): Promise<unknown> {
  let over = false;
  const outcome = sql.begin(mode, async (transaction) => {
    try {
      const done = work(guarded(transaction, () => over));
      return Array.isArray(done) ? await Promise.all(done) : await done;
    } catch (error) {
      // The driver learns of a loss in this turn of the event loop at the latest.
      await new Promise((resolve) => setImmediate(resolve));
      // `begin` has been rejected by the loss itself; returning to it would send a ROLLBACK into nowhere.
      if (over || isConnectionLoss(error)) await new Promise(() => {});
      throw error;
    }
  });
  const end = () => over = true;
  outcome.then(end, end);
  return outcome;
}

/** The transaction's tag function, which refuses to work once the transaction is over. */
function guarded(sql: TransactionSql, isOver: () => boolean): TransactionSql {
  const assertOpen = () => {
    if (isOver()) throw new TransientError("the connection was lost during a transaction");
  };
  return new Proxy(sql, {
    apply(target, _this, given: unknown[]) {
      assertOpen();
      return Reflect.apply(target, undefined, given);
    },
    get(target, name) {
      assertOpen();
      return Reflect.get(target, name);
    },
  });
}
