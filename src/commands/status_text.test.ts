import { expect, test } from "vitest";
import type { ServiceStatus } from "../http/status_schemas.ts";
import { describeStatus, isReady } from "./status_text.ts";

const NOW = new Date("2026-11-29T09:00:00Z");
const URL = "http://127.0.0.1:8000";
const ready = { ready: true, detail: "here" };

const WELL: ServiceStatus = {
  version: "1.2.3",
  started_at: "2026-11-27T05:30:00Z",
  roles: ["producer", "http"],
  parts: {
    broker: ready,
    registry: ready,
    log: ready,
    database: ready,
    disk: ready,
    consumer: ready,
    runs: ready,
  },
  log_damage: [],
  log: {
    log_id: "l",
    bound_log_id: "l",
    data_store_id: "d",
    verdict: "ok",
    summary: null,
    found: [],
    decisions: [],
    page: null,
  },
  disks: { log: null, database: null },
  schedule: {
    pattern: "0 1 * * *",
    next: "2026-11-30T01:00:00.000Z",
    paused_since: null,
    leader: true,
    problem: null,
  },
  shower_list: {
    in_use: "shipped",
    source: "shipped list of 2021-11",
    state_of: "2021-11",
    fetched_at: null,
    showers: 973,
    address: null,
    note: null,
  },
  lag: [
    { topic: "trajectory_summary_raw", partition: 0, position: "5", end: "5", lag: 0 },
    { topic: "trajectory_summary_raw", partition: 1, position: "5", end: "5", lag: 0 },
  ],
  runs: [],
  store: { meteors: 1_234_567, dead_letters: 3 },
};

const text = (status: ServiceStatus) => describeStatus(status, { url: URL, now: NOW });

const RUN: NonNullable<ServiceStatus["runs"]>[number] = {
  id: "0199",
  kind: "backfill",
  selection: { month: "2024-08" },
  state: "running",
  requested_by: "http",
  requested_at: "2026-11-29T08:00:00Z",
  started_at: "2026-11-29T08:00:00Z",
  ended_at: null,
  reason: null,
  waiting: null,
  files: { planned: 3, extracted: 1, skipped: 1, failed: 0 },
  rows: {
    read: 1,
    published: 1,
    unchanged: 0,
    rejected: 0,
    loaded: 1,
    dead: 0,
    new: 1,
    changed: 0,
    repeated: 0,
    stale: 0,
    duplicate: 0,
  },
};

test("runs that have not ended, and what they wait for", () => {
  const waiting = {
    for: "file",
    file: "daily/a.txt",
    attempt: 1,
    attempts: 3,
    reason: "it ends in the middle of a line",
    retry_at: "2026-11-29T09:00:05.678Z",
  } as const;
  const second = {
    ...RUN,
    id: "0200",
    state: "requested",
    waiting: { for: "run", run_id: "0199" },
    files: { planned: 0, extracted: 0, skipped: 0, failed: 0 },
  } as const;
  const lines = (run: typeof RUN) => text({ ...WELL, runs: [run] }).split("\n").filter(isRun);
  const isRun = (line: string) => line.startsWith("run ");
  expect(lines(RUN)).toEqual([
    "run          0199, backfill, the month 2024-08: running, 2 of 3 file(s)",
  ]);
  expect(lines({ ...RUN, waiting })).toEqual([
    "run          0199, backfill, the month 2024-08: running, 2 of 3 file(s); waits: daily/a.txt, " +
    "attempt 1 of 3 (it ends in the middle of a line), again at 09:00:05 UTC",
  ]);
  expect(lines({ ...RUN, waiting: { for: "owner" } })).toEqual([
    "run          0199, backfill, the month 2024-08: running, 2 of 3 file(s); waits: no process works on the runs",
  ]);
  expect(lines(second)).toEqual([
    "run          0200, backfill, the month 2024-08: requested; queued behind run 0199",
  ]);
});

test("everything is ready", () => {
  expect(isReady(WELL)).toBe(true);
  expect(text(WELL).split("\n")).toEqual([
    "ready        http://127.0.0.1:8000",
    "version      1.2.3, up for 2 days 3 h, roles producer, http",
    "broker       here",
    "registry     here",
    "log          here",
    "database     here",
    "disk         here",
    "consumer     here",
    "runs         here",
    "data store   1,234,567 meteors, 3 dead letters",
    "lag          none: everything in the log is loaded",
    "schedule     next run 2026-11-30 01:00 UTC, in 16 h 0 min (0 1 * * *)",
    "shower list  973 showers, the shipped list of 2021-11",
    "",
  ]);
});

test("a part that is not ready is named in the first line and in its own", () => {
  const away = { ready: false, detail: "PostgreSQL: connection refused" };
  const status = { ...WELL, parts: { ...WELL.parts, database: away }, store: null, lag: [] };
  expect(isReady(status)).toBe(false);
  expect(text(status)).toMatch(/^NOT READY +database: see below/);
  expect(text(status)).toMatch(/^database +NOT READY: PostgreSQL: connection refused$/m);
  expect(text(status)).toMatch(/^data store +unknown while the database is unavailable$/m);
  expect(text(status)).toMatch(/^lag +unknown/m);
});

test("lag is shown by topic, summed over its partitions", () => {
  const lag = WELL.lag.map((one) => ({ ...one, lag: 700 }));
  expect(text({ ...WELL, lag })).toMatch(/^lag +trajectory_summary_raw 1,400 records$/m);
});

test("a schedule that is paused, or led by another process", () => {
  const paused = { ...WELL.schedule!, next: null, paused_since: "2026-11-28T10:00:00.000Z" };
  expect(text({ ...WELL, schedule: paused })).toMatch(/^schedule +PAUSED since 2026-11-28T10/m);
  const other = { ...WELL.schedule!, leader: false };
  expect(text({ ...WELL, schedule: other })).toMatch(/^schedule .*another process leads\)$/m);
});
