/**
 * A lock per key across all processes that use this database: an advisory lock of PostgreSQL that lives as long as a transaction.
 * So a process that dies, or loses the database, releases it.
 *
 * It has its own connections. The holder of a key queries the database while it holds the key, and must not wait for a connection
 * that another holder has.
 */
import { TransientError, withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { connectStore, type TransactionSql } from "./connection.ts";
import { databaseCodeOf, withDatabaseErrors } from "./database_errors.ts";

/** Checks the key just before an action that must not run twice. @throws TransientError when the key is no longer ours */
export type AssertLockHeld = () => Promise<void>;

export interface KeyLock {
  /**
   * The result of `work`, which runs while nobody else works on this key. The work counts, however the transaction around it ends.
   * @throws TransientError when the database is unavailable, or the key is not free in time; `work` has not started then
   */
  withKeyLock<Answer>(
    key: string,
    work: (assertLockHeld: AssertLockHeld) => Promise<Answer>,
  ): Promise<Answer>;
  close(): Promise<void>;
}

export interface KeyLockOptions {
  readonly url: string;
  readonly observe: Observe;
  /** Milliseconds to wait for a key, or for a connection to request it. */
  readonly patience_ms?: number;
  readonly signOfLife_ms?: number;
}

/** Keys that one process works on at the same time. Work on further keys waits for a connection. */
const HOLDERS_MAX = 4;
/** A person waits for the response. The holder needs a tenth of a second, or five seconds when the history of runs lags behind. */
const PATIENCE_MS = 10_000;
/**
 * Between two signs of life to PostgreSQL, which takes the key from a frozen process (SESSION_LIMITS in `postgresjs/driver.ts`). The work may
 * take longer: a publish that the broker acknowledges late, with all its retries.
 */
const SIGN_OF_LIFE_MS = 10_000;
/** Seed of the hash, "gmn" and "key" in hexadecimal: another program that locks hashes in this database gets other locks. */
const HASH_SEED = 0x676d6e6b6579n;

/** Connects at the first key. */
export function createKeyLock(
  { url, observe, patience_ms = PATIENCE_MS, signOfLife_ms = SIGN_OF_LIFE_MS }: KeyLockOptions,
): KeyLock {
  const store = connectStore({
    url,
    max: HOLDERS_MAX,
    applicationName: "gmn once per key",
    observe,
  });

  async function take(transaction: TransactionSql, key: string): Promise<void> {
    await transaction`
      select set_config('lock_timeout', ${`${patience_ms}ms`}, true)`;
    await transaction`select pg_advisory_xact_lock(hashtextextended(${key}, ${HASH_SEED}))`;
  }

  return {
    async withKeyLock(key, work) {
      const held = Promise.withResolvers<TransactionSql>();
      const done = Promise.withResolvers<void>();
      let isTooLate = false;
      store.sql.begin(async (transaction) => {
        // It may have been waiting for a connection.
        if (isTooLate) return;
        await take(transaction, key);
        if (isTooLate) return;
        held.resolve(transaction);
        const signs = setInterval(
          () => void transaction`select 1`.catch(() => {}),
          signOfLife_ms,
        );
        await done.promise.finally(() => clearInterval(signs));
        // If the connection is lost in the meantime, this rejects at once. The work, which already has the key, continues.
      }).catch((error) =>
        held.reject(
          databaseCodeOf(error) === LOCK_NOT_AVAILABLE ? notFree("in time", error) : error,
        )
      );
      const transaction = await withTimeout(held.promise, patience_ms, () => {
        isTooLate = true;
        return notFree(`within ${patience_ms} ms`);
      });
      try {
        return await work(() => withDatabaseErrors(async () => void await transaction`select 1`));
      } finally {
        done.resolve();
      }
    },
    close: () => store.close(),
  };
}

const LOCK_NOT_AVAILABLE = "55P03";

function notFree(when: string, cause?: unknown): TransientError {
  return new TransientError(
    `the key was not free ${when}: another request with the same key is in progress`,
    {
      cause,
      hint: "ask again in a moment with the same key",
    },
  );
}
