/** Which process leads, and what happens when the lease is lost. The engine is a list of the calls made to it. */
import { afterEach, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { unobserved } from "../observe/observe.ts";
import { Leadership, type LeaseOfRuns, type RunEpochs } from "./run_leadership.ts";

const open: Leadership[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((leadership) => leadership.stop()));
});

/** One lease that many processes try to take; each successful take is counted. */
function lock() {
  let holder: AbortController | null = null;
  return {
    takes: 0,
    lose() {
      holder?.abort(new Error("the connection broke"));
      holder = null;
    },
    take(): Promise<LeaseOfRuns | null> {
      this.takes++;
      if (holder !== null) return Promise.resolve(null);
      const mine = holder = new AbortController();
      return Promise.resolve({
        lost: mine.signal,
        isHeld: () => !mine.signal.aborted,
        act: () => Promise.resolve(),
        release() {
          if (holder === mine) holder = null;
          return Promise.resolve();
        },
      });
    },
  };
}

/** The log: each term gets the next epoch, and another process may take one at any time. */
function epochsOf(log: { epoch: number }): RunEpochs {
  return {
    take: () => Promise.resolve(++log.epoch),
    isCurrent: (epoch) => Promise.resolve(log.epoch === epoch),
  };
}

function process(
  name: string,
  shared: ReturnType<typeof lock>,
  reported: string[],
  log = { epoch: 0 },
) {
  const say = (what: string) => {
    if (reported.at(-1) !== `${name} ${what}`) reported.push(`${name} ${what}`);
    return Promise.resolve();
  };
  const leadership = new Leadership({
    engine: {
      lead: () => say("leads"),
      follow: () => say("follows"),
      reconcile: () => say("looks"),
    },
    tryBecomeLeader: () => shared.take(),
    epochs: epochsOf(log),
    followInterval_ms: 1,
    reconcileInterval_ms: 1,
    observe: unobserved,
  });
  open.push(leadership);
  leadership.start();
  return leadership;
}

test("one process leads; when it stops or loses its lease, another takes over", async () => {
  const shared = lock();
  const reported: string[] = [];
  const one = process("one", shared, reported);
  await expect.poll(() => reported).toContain("one looks");
  process("two", shared, reported);
  const takes = shared.takes;
  await expect.poll(() => shared.takes).toBeGreaterThan(takes + 2);
  expect(reported).toEqual(["one leads", "one looks"]);

  await one.stop();
  await expect.poll(() => reported).toContain("two looks");
  expect(reported).toEqual(["one leads", "one looks", "one follows", "two leads", "two looks"]);

  shared.lose();
  await expect.poll(() => reported.slice(5)).toEqual(["two follows", "two leads", "two looks"]);
});

test("an unavailable database is waited for, and a transient failure to reconcile ends nothing", async () => {
  const reported: string[] = [];
  let tries = 0;
  const leadership = new Leadership({
    engine: {
      lead: () => Promise.resolve(void reported.push("leads")),
      follow: () => Promise.resolve(void reported.push("follows")),
      reconcile: () => {
        reported.push("looks");
        return Promise.reject(new TransientError("the database is busy"));
      },
    },
    tryBecomeLeader() {
      if (++tries === 1) return Promise.reject(new TransientError("no database"));
      return lock().take();
    },
    epochs: epochsOf({ epoch: 0 }),
    reconcileInterval_ms: 1,
    observe: unobserved,
  });
  open.push(leadership);
  leadership.start();
  await expect.poll(() => reported.slice(0, 3)).toEqual(["leads", "looks", "looks"]);
  await leadership.stop();
  expect(reported.at(-1)).toBe("follows");
});

test("a leader that is not the last one on the log leaves, and takes a later epoch", async () => {
  const shared = lock();
  const reported: string[] = [];
  const log = { epoch: 6 };
  process("one", shared, reported, log);
  await expect.poll(() => reported).toContain("one looks");
  expect(log.epoch).toBe(7);
  log.epoch = 9;
  await expect.poll(() => reported.slice(2, 5)).toEqual(["one follows", "one leads", "one looks"]);
  expect(log.epoch).toBe(10);
});
