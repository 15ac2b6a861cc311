/** The schedule: on time, missed, led by one process. Croner's own timers are real where the test is about them. */
import { afterEach, describe, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { createObserver, type ServiceEvent } from "../observe/observe.ts";
import type { Lease } from "./run_leadership.ts";
import { Schedule, type ScheduleOptions, type ScheduleSwitch } from "./schedule.ts";

const open: Schedule[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((schedule) => schedule.stop()));
});

/** One lock that many processes try to take. */
function lock() {
  let holder: AbortController | null = null;
  return {
    get isHeld() {
      return holder !== null;
    },
    lose() {
      holder?.abort();
      holder = null;
    },
    take(): Promise<Lease | null> {
      if (holder !== null) return Promise.resolve(null);
      const mine = holder = new AbortController();
      return Promise.resolve({
        lost: mine.signal,
        isHeld: () => !mine.signal.aborted,
        release: () => {
          if (holder === mine) holder = null;
          return Promise.resolve();
        },
      });
    },
  };
}

/** Stores the pause, for any number of schedules. */
function pauseSwitch(since: Date | null = null): ScheduleSwitch {
  return {
    pausedSince: () => Promise.resolve(since),
    set(isPaused) {
      since = isPaused ? since ?? new Date() : null;
      return Promise.resolve();
    },
  };
}

function setUp(options: Partial<ScheduleOptions> & { at?: string; last?: string | null } = {}) {
  const requested: string[] = [];
  const happened: ServiceEvent[] = [];
  const observer = createObserver();
  observer.listen((event) => happened.push(event));
  const clock = { now: new Date(options.at ?? "2026-11-23T12:00:00Z") };
  const last = options.last === undefined ? null : options.last;
  const schedule = new Schedule({
    pattern: "0 1 * * *",
    requestDaily: (planned) => {
      requested.push(planned.toISOString());
      return Promise.resolve("run");
    },
    lastDailyRun: () => Promise.resolve(last === null ? null : new Date(last)),
    tryBecomeLeader: lock().take,
    pause: pauseSwitch(),
    observe: observer.observe,
    now: () => clock.now,
    ...options,
  });
  open.push(schedule);
  return { schedule, requested, happened, clock, names: () => happened.map(({ name }) => name) };
}

describe("a missed run", () => {
  test("is made up for at the start: no run ever, or none since the last time of the pattern", async () => {
    for (const last of [null, "2026-11-22T01:00:03Z", "2026-11-23T00:59:59Z"]) {
      const { schedule, requested, names } = setUp({ last });
      await schedule.start();
      expect(requested).toEqual(["2026-11-23T01:00:00.000Z"]);
      expect(names()).toEqual(["schedule.set", "schedule.missed", "schedule.fired"]);
    }
  });

  test("is not missed if any process or person has requested a run since", async () => {
    const { schedule, requested } = setUp({ last: "2026-11-23T01:00:00Z" });
    await schedule.start();
    expect(requested).toEqual([]);
  });

  test("is made up for once, even if the history lags behind", async () => {
    const { schedule, requested } = setUp({ last: null });
    await schedule.start();
    await schedule.fire();
    expect(requested).toHaveLength(1);
  });
});

describe("a time of the pattern", () => {
  test("fires when it comes, and is not reported as missed", async () => {
    const { schedule, requested, names, clock } = setUp({ last: "2026-11-23T01:00:00Z" });
    await schedule.start();
    for (const now of ["2026-11-24T00:59:59.900Z", "2026-11-24T01:00:00.004Z"]) {
      clock.now = new Date(now);
      await schedule.fire();
    }
    expect(requested).toEqual(["2026-11-24T01:00:00.000Z"]);
    expect(names()).toEqual(["schedule.set", "schedule.fired"]);
  });

  test("comes by Croner's clock, again and again", async () => {
    const { schedule, requested } = setUp({ pattern: "* * * * * *", now: () => new Date() });
    await schedule.start();
    await expect.poll(() => requested.length, { timeout: 5000 }).toBeGreaterThanOrEqual(3);
    expect(new Set(requested).size).toBe(requested.length);
  });

  test("can be read in advance, in UTC", () => {
    const { schedule } = setUp({ pattern: "30 2 * * *" });
    expect(schedule.next()?.toISOString()).toMatch(/T02:30:00.000Z$/);
  });
});

describe("several processes", () => {
  test("fire once; another process takes over when the leader is gone", async () => {
    const shared = lock();
    let last: Date | null = null;
    const requested: string[] = [];
    const of = (name: string): Partial<ScheduleOptions> => ({
      tryBecomeLeader: shared.take,
      lastDailyRun: () => Promise.resolve(last),
      requestDaily: (planned) => {
        requested.push(`${name} ${planned.toISOString()}`);
        last = planned;
        return Promise.resolve("run");
      },
    });
    const one = setUp(of("one"));
    const two = setUp(of("two"));
    await one.schedule.start();
    await two.schedule.start();
    expect([one.schedule.isLeader, two.schedule.isLeader]).toEqual([true, false]);
    shared.lose();
    one.clock.now = two.clock.now = new Date("2026-11-24T01:00:00Z");
    await two.schedule.fire();
    await one.schedule.fire();
    expect([one.schedule.isLeader, two.schedule.isLeader]).toEqual([false, true]);
    expect(requested).toEqual([
      "one 2026-11-23T01:00:00.000Z",
      "two 2026-11-24T01:00:00.000Z",
    ]);
    await two.schedule.stop();
    expect(shared.isHeld).toBe(false);
  });
});

test("a follower looks again while the run that is due is not requested", async () => {
  const shared = lock();
  const frozen = await shared.take();
  const { schedule, requested } = setUp({ tryBecomeLeader: shared.take, followLook_ms: 5 });
  await schedule.start();
  expect([schedule.isLeader, requested.length]).toEqual([false, 0]);
  await frozen?.release();
  await expect.poll(() => requested).toEqual(["2026-11-23T01:00:00.000Z"]);
});

test("a lease that was lost is taken again soon, not at the next time of the pattern", async () => {
  const shared = lock();
  const { schedule } = setUp({ tryBecomeLeader: shared.take, followLook_ms: 5 });
  await schedule.start();
  shared.lose();
  expect(schedule.isLeader).toBe(false);
  await expect.poll(() => schedule.isLeader).toBe(true);
});

test("a pause skips times, also across a restart; resuming makes up for them", async () => {
  const pause = pauseSwitch();
  const before = setUp({ pause });
  await before.schedule.pause();
  await before.schedule.stop();
  const { schedule, requested, names } = setUp({ pause });
  await schedule.start();
  expect(await pause.pausedSince()).toEqual(expect.any(Date));
  expect(requested).toEqual([]);
  await schedule.resume();
  await expect.poll(() => requested).toHaveLength(1);
  expect(names()).toContain("schedule.resumed");
  expect(await pause.pausedSince()).toBeNull();
  expect(schedule.next()).toEqual(expect.any(Date));
});

test("an unavailable log is waited for; a stop ends the wait", async () => {
  const { schedule, happened } = setUp({
    requestDaily: () => Promise.reject(new TransientError("no broker")),
  });
  const starting = schedule.start();
  await expect.poll(() => happened.at(-1)).toMatchObject({
    name: "schedule.retry",
    detail: { reason: "no broker" },
  });
  await schedule.stop();
  await starting;
});
