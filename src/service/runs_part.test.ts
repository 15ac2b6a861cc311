/** The part `runs`: not ready when a run waits for a process to lead. */
import { expect, test } from "vitest";
import { runsPartOf } from "./runs_part.ts";

const SINCE = new Date("2026-11-30T11:59:29.000Z");
const NONE = { count: 0, oldest: null, since: null, waited_s: null };

test("ready while somebody leads, or nothing waits", () => {
  const lease = { holder: "host:1", renewedAgo_s: 2.4, actedAgo_s: 2.4 };
  expect(runsPartOf({ lease, unowned: NONE })).toEqual({
    ready: true,
    detail: "led by host:1, renewed 2 s ago",
  });
  expect(runsPartOf({ lease: null, unowned: NONE })).toEqual({
    ready: true,
    detail: "no process leads",
  });
});

test("not ready when a run waits longer than a new leader takes, and says which one and what to do", () => {
  const lease = { holder: null, renewedAgo_s: 40, actedAgo_s: 40 };
  const waiting = (seconds: number) => ({
    count: 2,
    oldest: "a-run",
    since: SINCE,
    waited_s: seconds,
  });
  expect(runsPartOf({ lease, unowned: waiting(29) }).ready).toBe(true);
  const { ready, detail } = runsPartOf({ lease, unowned: waiting(31) });
  expect(ready).toBe(false);
  expect(detail).toMatch(/2 run\(s\) wait and no process leads, since 2026-11-30T11:59:29.000Z/);
  expect(detail).toMatch(/the oldest is a-run. Start a process with the role producer/);
});

test("a process that has the lease and waits to lead is no owner", () => {
  const lease = { holder: "host:1", renewedAgo_s: 1, actedAgo_s: null };
  const unowned = { count: 1, oldest: "a-run", since: SINCE, waited_s: 31 };
  expect(runsPartOf({ lease, unowned })).toMatchObject({
    ready: false,
    detail: expect.stringContaining("host:1 does not lead yet"),
  });
  expect(runsPartOf({ lease, unowned: NONE })).toEqual({
    ready: true,
    detail: "host:1 is about to lead, renewed 1 s ago",
  });
});
