import { describe, expect, test } from "vitest";
import { type GoneTrajectory } from "../store/file_generations.ts";
import { MASS_TRAJECTORIES, neighbourPrefixes, withdrawable } from "./withdrawals.ts";

/** `count` missing trajectories of `before`; every second one is missing in two generations. */
const gone = (count: number, before: number, lost = count): GoneTrajectory[] =>
  Array.from({ length: count }, (_, at) => ({
    id: String(at),
    generatedAt: new Date(0),
    runId: "r",
    witnesses: 1 + at % 2,
    isStanding: true,
    before,
    lost,
  }));

describe("of missing trajectories", () => {
  test("all are withdrawn when they are few, or a small part", () => {
    expect(withdrawable(gone(MASS_TRAJECTORIES, 60))).toHaveLength(50);
    expect(withdrawable(gone(400, 800))).toHaveLength(400);
  });

  test("a mass disappearance waits for a second generation", () => {
    expect(withdrawable(gone(402, 800))).toHaveLength(201);
  });

  test("the rest of a mass disappearance goes on waiting when a part of it is withdrawn", () => {
    expect(withdrawable(gone(202, 800, 402))).toHaveLength(101);
  });
});

describe("the neighbouring files", () => {
  test("of a window are those of the dates around it, across the turn of a year", () => {
    expect(neighbourPrefixes("daily/traj_summary_20260101_solrange_280.0-281.0.txt")).toEqual([
      "daily/traj_summary_20251230_",
      "daily/traj_summary_20251231_",
      "daily/traj_summary_20260101_",
      "daily/traj_summary_20260102_",
      "daily/traj_summary_20260103_",
    ]);
  });

  test.each([
    ["202601", "202512", "202602"],
    ["202612", "202611", "202701"],
    ["202602", "202601", "202603"],
  ])("of month %s are %s and %s", (month, before, after) => {
    expect(neighbourPrefixes(`traj_summary_monthly_${month}.txt`)).toEqual([
      `traj_summary_monthly_${before}.txt`,
      `traj_summary_monthly_${after}.txt`,
    ]);
  });
});
