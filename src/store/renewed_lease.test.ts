/** Who holds a lease that is renewed, in the real database and with short times. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../tests/support/postgres.ts";
import { createObserver, type ServiceEvent } from "../observe/observe.ts";
import { takeLease } from "./advisory_lease.ts";
import { readLease } from "./leases.ts";
import { LeaseCandidate, type RenewedLease } from "./renewed_lease.ts";

const TIMES = { renew: 50, again: 20, valid: 800, silence: 1_200, answer: 1_000 };

let database: TestDatabase;
const held: { release(): Promise<void> }[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(held.splice(0).map((lease) => lease.release().catch(() => {})));
  await database.drop();
});

function candidate(holder: string, reach: () => Promise<void> = () => Promise.resolve()) {
  const observer = createObserver();
  const events: ServiceEvent[] = [];
  observer.listen((event) => events.push(event));
  const made = new LeaseCandidate({
    url: database.url,
    lease: "producer",
    holder,
    reach,
    observe: observer.observe,
    times: TIMES,
  });
  const take = async (): Promise<RenewedLease | null> => {
    const lease = await made.take();
    if (lease !== null) held.push(lease);
    return lease;
  };
  return { take, events };
}
const aborted = (signal: AbortSignal) =>
  new Promise<Error>((resolve) =>
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true })
  );
/** Keeps the thread from running anything, as a stopped process. */
const freeze = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test("a holder that renews keeps the lease, however long a standby watches", async () => {
  const lease = await candidate("one").take();
  const standby = candidate("two");
  const end_ms = performance.now() + 2 * TIMES.silence;
  while (performance.now() < end_ms) expect(await standby.take()).toBeNull();
  expect(lease?.isHeld()).toBe(true);
  expect(await readLease(database.sql, "producer")).toMatchObject({ holder: "one" });
  await lease?.release();
  expect((await standby.take())?.isHeld()).toBe(true);
  expect(standby.events).toEqual([]);
});

test("a holder without a new heartbeat is replaced, and the standby says so", async () => {
  const silent = await takeLease({ url: database.url, lease: "producer", observe: () => {} });
  held.push(silent!);
  await database.sql`insert into lease (name, holder) values ('producer', 'one')`;
  const standby = candidate("two");
  const began_ms = performance.now();
  await expect.poll(() => standby.take(), { timeout: 10_000 }).not.toBeNull();
  expect(performance.now() - began_ms).toBeGreaterThan(TIMES.silence);
  expect(silent?.lost.aborted).toBe(true);
  expect(standby.events).toMatchObject([
    { name: "lease.holder_replaced", detail: { lease: "producer", from: "one" } },
  ]);
  expect(await readLease(database.sql, "producer")).toMatchObject({ holder: "two" });
});

test("a holder that can't reach the log gives the lease up; nobody gets it without the log", async () => {
  const log = { isAway: false };
  const reach = () => log.isAway ? Promise.reject(new Error("no broker")) : Promise.resolve();
  const lease = await candidate("one", reach).take();
  const lost = aborted(lease!.lost);
  log.isAway = true;
  expect((await lost).message).toMatch(/was not renewed for .* s \(no broker\)/);
  expect(lease?.isHeld()).toBe(false);
  await expect(candidate("two", reach).take()).rejects.toThrow("no broker");
  log.isAway = false;
  await expect.poll(() => candidate("two", reach).take()).not.toBeNull();
});

test("a process that was frozen knows it before any of its timers fires, and leaves", async () => {
  const lease = await candidate("one").take();
  expect(lease?.isHeld()).toBe(true);
  const lost = aborted(lease!.lost);
  freeze(TIMES.valid + 50);
  expect(lease?.isHeld()).toBe(false);
  expect((await lost).message).toMatch(/the process stood still/);
});
