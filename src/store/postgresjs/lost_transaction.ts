/**
 * `sql.begin` that survives the loss of its connection.
 *
 * Upstream, in 3.4.9: a query in a transaction whose connection is lost throws in a timer callback of src/connection.js
 * (`nextWrite`: "Cannot read properties of null (reading 'write')"), which ends the process. This includes the ROLLBACK of
 * src/index.js (`begin`, `scope`). So a transaction that has lost its connection gets no further queries. Only the documented API
 * is used, so there is nothing to prove at start.
 */
import type postgres from "postgres";
import { TransientError } from "@gmn/failures";
import type { Driver } from "./driver.ts";

/** The tag function inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;

/** The body of a transaction. An array of queries is awaited. */
export type Work = (sql: TransactionSql) => unknown;

/** `sql.begin` of the driver. When the connection is lost, it rejects and has no other effect. */
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
        // Returning would make the driver send a ROLLBACK (or COMMIT) on the lost connection.
        return await new Promise(() => {});
      }
    }).then(resolve, reject);
  });
}

/** The transaction's tag function, which throws once the connection is lost. */
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
