import { describe, expect, test } from "vitest";
import {
  filesDone,
  isOver,
  outcomesOf,
  rateText,
  rowsUnderWay,
  runSeconds,
  shareDone,
  timeLeft,
} from "./run_numbers.js";
import type { RunFileView, RunView } from "../types.ts";

const START = Date.parse("2026-11-20T10:00:00Z");

function rows(changed: Partial<RunView["rows"]>): RunView["rows"] {
  return {
    ...{ read: 0, published: 0, unchanged: 0, rejected: 0, loaded: 0, dead: 0 },
    ...{ new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 },
    ...changed,
  };
}

function run(changed: Partial<RunView> = {}): RunView {
  return {
    id: "r",
    kind: "daily",
    selection: { days: 10 },
    state: "running",
    requested_by: "http",
    requested_at: "2026-11-20T09:59:59Z",
    started_at: "2026-11-20T10:00:00Z",
    ended_at: null,
    reason: null,
    waiting: null,
    files: { planned: 10, extracted: 3, skipped: 2, failed: 1 },
    rows: rows({ read: 1000, published: 990, rejected: 10, loaded: 600, dead: 5 }),
    ...changed,
  };
}

function file(
  state: RunFileView["state"],
  size_bytes: number | null,
  byte_offset: number | null = null,
) {
  return {
    file: "daily/x",
    state,
    size_bytes,
    byte_offset,
    generated_at: null,
    stamp_ahead: null,
    rows: { read: 0, published: 0, unchanged: 0, rejected: 0 },
    reason: null,
    waiting: null,
  } satisfies RunFileView;
}

test("files that are done, and rows in progress", () => {
  expect(filesDone(run())).toBe(6);
  expect(rowsUnderWay(run())).toBe(385);
  // Another process counts loaded rows: for a moment their count may be ahead.
  expect(
    rowsUnderWay(
      run({ rows: rows({ read: 1, published: 1, loaded: 2 }) }),
    ),
  )
    .toBe(0);
  const states = ["requested", "running", "completed", "failed", "cancelled"] as const;
  expect(states.filter((state) => isOver(run({ state })))).toEqual([
    "completed",
    "failed",
    "cancelled",
  ]);
});

test("what became of the loaded rows, unless an earlier version did not count it", () => {
  const loaded = rows({ loaded: 15, new: 1, changed: 2, repeated: 3, stale: 4, duplicate: 5 });
  expect(outcomesOf(loaded)?.map(({ name, rows }) => [name, rows])).toEqual([
    ...[["new", 1], ["changed", 2], ["repeated", 3], ["stale", 4], ["duplicate", 5]],
  ]);
  expect(outcomesOf({ ...loaded, stale: null })).toBeNull();
});

describe("how long and how fast", () => {
  test("measured to the end, or to now; never negative", () => {
    expect(runSeconds(run(), START + 2_500)).toBe(2.5);
    expect(runSeconds(run({ ended_at: "2026-11-20T10:01:00Z" }), START)).toBe(60);
    expect(runSeconds(run(), START - 5_000)).toBe(0);
    expect(runSeconds(run({ started_at: null }), START)).toBeNull();
  });

  test("rows per second", () => {
    expect(rateText(run(), START + 10_000)).toBe("100 rows/s");
    expect(rateText(run(), START + 400_000)).toBe("2.5 rows/s");
    expect(rateText(run({ started_at: null }), START)).toBe("–");
  });
});

describe("time left", () => {
  test("by bytes when all sizes are known, including the read part of a file", () => {
    const files = [file("extracted", 100), file("reading", 200, 50), file("planned", 100)];
    expect(shareDone(files)).toBe(0.375);
    expect(timeLeft(run(), files, START + 30_000)).toBe("50 s");
  });

  test("by files when a size is unknown", () => {
    expect(shareDone([file("extracted", 1), file("planned", null)])).toBe(0.5);
    expect(shareDone([])).toBe(0);
  });

  test("none before there is a basis for an estimate, nor after the end", () => {
    const started = [file("reading", 1000, 19), file("planned", 1)];
    expect(timeLeft(run(), started, START + 1_000)).toBeNull();
    expect(timeLeft(run(), [], START + 1_000)).toBeNull();
    expect(timeLeft(run({ state: "completed" }), [file("planned", 1)], START)).toBeNull();
    expect(timeLeft(run(), [file("extracted", 1)], START + 1_000)).toBeNull();
  });
});
