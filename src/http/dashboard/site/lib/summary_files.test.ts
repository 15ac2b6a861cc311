import { expect, test } from "vitest";
import { byNewestFile, fileLabel } from "./summary_files.js";

const DAILY = [
  "daily/traj_summary_20261119_solrange_237.0-238.0.txt",
  "daily/traj_summary_20261120_solrange_238.0-239.0.txt",
];

test("a summary file is labelled by its content", () => {
  expect(fileLabel(DAILY[1]!)).toEqual({ main: "2026-11-20", more: "λ☉ 238.0–239.0°" });
  expect(fileLabel("daily/traj_summary_latest_daily.txt")).toEqual({
    main: "latest",
    more: "alias",
  });
  expect(fileLabel("daily/traj_summary_yesterday.txt").main).toBe("yesterday");
  expect(fileLabel("monthly/traj_summary_monthly_202408.txt")).toEqual({
    main: "2024-08",
    more: "month",
  });
  expect(fileLabel("yearly/traj_summary_yearly_2024.txt")).toEqual({ main: "2024", more: "year" });
  expect(fileLabel("traj_summary_all.txt")).toEqual({ main: "all", more: "everything" });
  expect(fileLabel("upload/x.txt")).toEqual({ main: "x.txt", more: "" });
});

test("aliases come first, then days, months, years, everything, others; newest first", () => {
  const sorted = [
    "daily/traj_summary_latest_daily.txt",
    "daily/traj_summary_yesterday.txt",
    DAILY[1]!,
    DAILY[0]!,
    "monthly/traj_summary_monthly_202409.txt",
    "monthly/traj_summary_monthly_202408.txt",
    "yearly/traj_summary_yearly_2024.txt",
    "traj_summary_all.txt",
    "upload/b.txt",
    "upload/a.txt",
  ];
  expect(sorted.toReversed().sort(byNewestFile)).toEqual(sorted);
});
