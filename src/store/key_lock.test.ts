import { afterEach, beforeEach, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { until } from "../../tests/support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../../tests/support/postgres.ts";
import { unobserved } from "../observe/observe.ts";
import { createKeyLock, type KeyLock } from "./key_lock.ts";

let database: TestDatabase;
let resources: AsyncDisposableStack;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  database = resources.use(await createTestDatabase());
});
afterEach(() => resources.disposeAsync());

/** Keys of another process: it has its own pool. */
function keys(patience_ms = 5_000): KeyLock {
  const lock = createKeyLock({ url: database.url, observe: unobserved, patience_ms });
  resources.defer(() => lock.close());
  return lock;
}

/** Holds a key until `letGo`. */
async function hold(lock: KeyLock, key: string) {
  const { promise: end, resolve: letGo } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<() => Promise<void>>();
  const done = lock.withKeyLock(key, async (assertLockHeld) => {
    begun.resolve(assertLockHeld);
    await end;
  });
  return { assertLockHeld: await begun.promise, letGo, done };
}

const waiting = async () => {
  const [row] = await database.sql<{ n: number }[]>`
    select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
  return row!.n;
};

test("work on one key is serialized across processes; work on other keys runs at the same time", async () => {
  const [one, two] = [keys(), keys()];
  const held = await hold(one, "k");
  let isDone = false;
  const second = two.withKeyLock("k", () => {
    isDone = true;
    return Promise.resolve("second");
  });
  await until("the second waits", async () => await waiting() === 1);
  expect(await two.withKeyLock("other", () => Promise.resolve(1))).toBe(1);
  expect(isDone).toBe(false);
  await held.assertLockHeld();
  held.letGo();
  expect(await second).toBe("second");
  await held.done;
});

test("a failure of the work is passed on and releases the key", async () => {
  const lock = keys();
  await expect(lock.withKeyLock("k", () => Promise.reject(new TransientError("no broker"))))
    .rejects.toThrow("no broker");
  expect(await lock.withKeyLock("k", () => Promise.resolve(1))).toBe(1);
});

test("a key that is not free in time is a transient failure, and its work never starts", async () => {
  const held = await hold(keys(), "k");
  const impatient = createKeyLock({ url: database.url, observe: unobserved, patience_ms: 50 });
  const begun: number[] = [];
  // More than the number of connections.
  const requests = Array.from({ length: 6 }, (_, n) =>
    impatient.withKeyLock("k", () => {
      begun.push(n);
      return Promise.resolve();
    }));
  for (const result of await Promise.allSettled(requests)) {
    expect(result).toMatchObject({ status: "rejected", reason: expect.any(TransientError) });
    expect(String((result as PromiseRejectedResult).reason)).toMatch(/was not free/);
  }
  held.letGo();
  await held.done;
  // Waits for work that was still waiting for a connection.
  await impatient.close();
  expect(begun).toEqual([]);
  expect(await waiting()).toBe(0);
});

test("a process that loses the connection loses the key, and finds out when it checks", async () => {
  const [one, two] = [keys(), keys()];
  const held = await hold(one, "k");
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'gmn once per key' and datname = current_database()`;
  expect(await two.withKeyLock("k", () => Promise.resolve("free"))).toBe("free");
  await expect(held.assertLockHeld()).rejects.toThrow(TransientError);
  held.letGo();
  // Finished work counts.
  await held.done;
  expect(await one.withKeyLock("k", () => Promise.resolve("again"))).toBe("again");
});

test("an unavailable database is a transient failure", async () => {
  const lock = createKeyLock({
    url: "postgres://nobody@127.0.0.1:1/nowhere",
    observe: unobserved,
  });
  resources.defer(() => lock.close());
  await expect(lock.withKeyLock("k", () => Promise.resolve())).rejects.toThrow(/can't be reached/);
});

test("a key that is held for long stays held: the holder gives signs of life", async () => {
  const lock = createKeyLock({ url: database.url, observe: unobserved, signOfLife_ms: 20 });
  resources.defer(() => lock.close());
  const held = await hold(lock, "k");
  await database.sql`select pg_sleep(0.1)`;
  const [session] = await database.sql<{ query: string; idle_ms: number }[]>`
    select query, extract(epoch from clock_timestamp() - state_change)::float8 * 1000 as idle_ms
    from pg_stat_activity where application_name = 'gmn once per key' and datname = current_database()`;
  expect(session?.query).toMatch(/select 1/);
  held.letGo();
  await held.done;
});

test("a session that is idle in a transaction ends: a frozen process blocks nobody for long", async () => {
  const [row] = await database.sql<{ limit: string }[]>`
    select current_setting('idle_in_transaction_session_timeout') as limit`;
  expect(row?.limit).toBe("30s");
});
