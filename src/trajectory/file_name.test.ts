import { expect, test } from "vitest";
import { parseFileName, parseFilePath } from "./file_name.ts";

test.each([
  ["traj_summary_20220304_solrange_344.0-345.0.txt", {
    kind: "daily",
    date: "2022-03-04",
    begin_deg: 344,
    end_deg: 345,
  }],
  ["traj_summary_20260320_solrange_359.0-000.0.txt", {
    kind: "daily",
    date: "2026-03-20",
    begin_deg: 359,
    end_deg: 0,
  }],
  ["traj_summary_latest_daily.txt", { kind: "alias", of: "newest" }],
  ["traj_summary_yesterday.txt", { kind: "alias", of: "second newest" }],
  ["traj_summary_monthly_201812.txt", { kind: "monthly", month: "2018-12" }],
  ["traj_summary_yearly_2024.txt", { kind: "yearly", year: 2024 }],
  ["traj_summary_all.txt", { kind: "all" }],
])("%s", (name, file) => expect(parseFileName(name)).toEqual(file));

test.each([
  "traj_summary_20220231_solrange_344.0-345.0.txt",
  "traj_summary_monthly_202413.txt",
  "traj_summary_all.txt.tmp",
  "traj_summary_yearly_2024.tmp",
  "TRAJ_SUMMARY_ALL.txt",
  "traj_summary_20220304.txt",
  "xtraj_summary_all.txt",
  "",
])("%j is not a summary file", (name) => expect(parseFileName(name)).toBeNull());

test.each([
  ["monthly/traj_summary_monthly_201812.txt", "monthly"],
  ["daily/traj_summary_yesterday.txt", "alias"],
  ["traj_summary_monthly_201812.txt", "monthly"],
])("%s is a file of a data directory", (path, kind) => {
  expect(parseFilePath(path)?.kind).toBe(kind);
});

test.each([
  "upload/traj_summary_monthly_201812.txt",
  "daily/../traj_summary_all.txt",
  "/traj_summary_all.txt",
])("%j is not the path of a summary file", (path) => expect(parseFilePath(path)).toBeNull());
