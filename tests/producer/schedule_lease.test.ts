/** Two schedules over one real database: one fires, a pause holds both, and the other takes over. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { Schedule } from "../../src/producer/schedule.ts";
import { scheduleOf } from "../../src/service/status.ts";
import { Reader } from "../../src/store/reader.ts";
import { LeaseCandidate } from "../../src/store/renewed_lease.ts";
import { readSchedulePause, writeSchedulePause } from "../../src/store/schedule_pause.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let fired: { by: string; planned: string }[];
const open: Schedule[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
  fired = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((schedule) => schedule.stop()));
  await database.drop();
});

function schedule(by: string): Schedule {
  const { sql, url } = database;
  const candidate = new LeaseCandidate({
    url,
    lease: "schedule",
    holder: by,
    reach: () => Promise.resolve(),
    observe: unobserved,
  });
  const made = new Schedule({
    pattern: "* * * * * *",
    requestDaily: (planned) => {
      fired.push({ by, planned: planned.toISOString() });
      return Promise.resolve("run");
    },
    lastDailyRun: () =>
      Promise.resolve(fired.length === 0 ? null : new Date(fired.at(-1)!.planned)),
    tryBecomeLeader: () => candidate.take(),
    pause: {
      pausedSince: () => readSchedulePause(sql),
      set: (isPaused) => writeSchedulePause(sql, isPaused),
    },
    observe: unobserved,
  });
  open.push(made);
  return made;
}
const times = () => fired.map(({ planned }) => planned);
const firedBy = () => new Set(fired.map(({ by }) => by));
const more = { timeout: 15_000 };

test("each time of the pattern is fired once, by one; a killed one is followed by the other", async () => {
  const [one, two] = [schedule("one"), schedule("two")];
  await Promise.all([one.start(), two.start()]);
  await expect.poll(() => fired.length, more).toBeGreaterThanOrEqual(3);
  expect(firedBy().size).toBe(1);
  expect([one.isLeader, two.isLeader].filter(Boolean)).toHaveLength(1);

  // As if the leader were killed: its connection ends, and PostgreSQL gives the lock away.
  const [leader, other] = one.isLeader ? [one, "two"] : [two, "one"];
  const until = leader.stop();
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gmn lease: schedule'`;
  await until;
  await expect.poll(() => fired.at(-1)?.by, more).toBe(other);
  expect(times()).toEqual([...new Set(times())].toSorted());
});

test("a pause in one holds both, and a start too; a resume in one lets the other go on", async () => {
  const [one, two] = [schedule("one"), schedule("two")];
  await one.start();
  await two.start();
  await expect.poll(() => fired.length, more).toBeGreaterThanOrEqual(1);
  await two.pause();
  const reader = new Reader({ quick: database.sql, slow: database.sql });
  const paused = await scheduleOf(one, reader);
  expect(paused).toMatchObject({ next: null, paused_since: expect.any(String), leader: true });
  await one.fire();
  const before = fired.length;
  await Promise.all([one.fire(), two.fire()]);
  expect(fired.length).toBe(before);
  await two.resume();
  await expect.poll(() => fired.length, more).toBeGreaterThan(before);
  expect(times()).toEqual([...new Set(times())].toSorted());
});
