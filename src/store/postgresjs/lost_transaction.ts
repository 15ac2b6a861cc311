/**
 * `sql.begin` that survives the loss of its connection.
 *
 * Upstream, in 3.4.9: a query on a transaction whose connection is lost, the ROLLBACK of src/index.js (`begin`, `scope`) included, throws
 * in a timer callback of src/connection.js (`nextWrite`: "Cannot read properties of null (reading 'write')"), which ends the
 * process. So a transaction that has lost its connection gets no more queries. Only the documented API is used; there is nothing
 * to prove at start.
 */
import type postgres from "postgres";
import { TransientError } from "@gmn/failures";
import type { Driver } from "./driver.ts";

/** Inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;

/** What is done in a transaction; an array of queries is awaited. */
export type Work = (sql: TransactionSql) => unknown;

/** `sql.begin` of the driver. Rejects, and does nothing else, when the connection is lost. */
export function transact(driver: Driver, mode: string, work: Work): Promise<unknown> {
  return new Promise((resolve, reject) => {
    driver.sql.begin(mode, async (transaction) => {
      try {
        const done = work(guarded(transaction, driver));
        const result = Array.isArray(done) ? await Promise.all(done) : await done;
        assertConnected(driver);
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
      assertConnected(driver);
      return Reflect.apply(target, undefined, given);
    },
    get(target, name) {
      assertConnected(driver);
      return Reflect.get(target, name);
    },
  });
}

function assertConnected(driver: Driver): void {
  if (driver.isLost()) {
    throw new TransientError("the connection to the database was lost during a transaction");
  }
}
