/**
 * A data directory like the GMN's: daily files and their two aliases, monthly, yearly and `all` files.
 *
 * The directory is a function of the seed and of the time it is made for. Made again for a later time, it has new windows
 * and new rows in recent ones; old daily files keep their bytes and dates. (If the first windows of a month are
 * before the new range, the month is written without them: make the range long enough.)
 */
import { copyFile, mkdir, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type AppliedChange, rowsAt, type WindowChange } from "./changes.ts";
import { concatenate } from "./concatenate.ts";
import { codeWidthAt, fileHeader, formatRow, LINE_END } from "./format_row.ts";
import { collectionStamp, dailyRun, dailyStamp, extraRun, runBefore } from "./generation_times.ts";
import { meteorsOf } from "./meteor.ts";
import { MonthlyFiles } from "./monthly_files.ts";
import type { SummaryRow } from "./summary_row.ts";
import { createTextFile } from "./text_file.ts";
import {
  dailyFileName,
  monthlyFileName,
  type Window,
  windowNumberAt,
  windowOf,
} from "./windows.ts";

/** What to make. */
export interface DirectoryOptions {
  /** Created if it does not exist. Generated files are replaced, others are not touched. */
  directory: string;
  seed: number;
  /** The directory is made as of this moment (UTC): after the last six-hourly run of the source. */
  lastDay: Date;
  /** Number of windows (days), including the one in progress. */
  days: number;
  /** Mean over the year; showers and season make it more or less. */
  meteorsPerDay: number;
  /** Changes to published rows. Files with changed rows are stamped by a run of their own, just before `lastDay`. */
  changes?: readonly WindowChange[];
}

/** A file that was made. */
export interface GeneratedFile {
  /** Relative to the directory, with slashes: `daily/traj_summary_….txt`. */
  name: string;
  rows: number;
  size_bytes: number;
  generatedAt: Date;
}

/** What was made. */
export interface GeneratedDirectory {
  files: GeneratedFile[];
  /** Rows of all daily files, without aliases. */
  rows: number;
  changes: AppliedChange[];
}

/**
 * Makes the directory. Memory is bounded by one window, whatever `days` is.
 *
 * @throws RangeError when `days` is less than 1 or a change lies outside of them
 */
export async function generateDataDirectory(
  options: DirectoryOptions,
): Promise<GeneratedDirectory> {
  const { seed, days, lastDay, meteorsPerDay, changes = [] } = options;
  checkRange(days, changes);
  await mkdir(join(options.directory, "daily"), { recursive: true });
  await mkdir(join(options.directory, "monthly"), { recursive: true });
  const newest = windowNumberAt(runBefore(lastDay));
  await using months = new MonthlyFiles(options, monthsOf(changes, newest));
  const daily: GeneratedFile[] = [];
  const applied: AppliedChange[] = [];
  for (let back = days - 1; back >= 0; back--) {
    const window = windowOf(newest - back);
    const meteors = meteorsOf(window, seed, meteorsPerDay);
    const change = changes.find(({ windowsBack }) => windowsBack === back);
    const run = dailyRun(window.number, lastDay);
    const { rows, applied: hit } = rowsAt(meteors, run, seed, change);
    if (hit !== undefined) applied.push(hit);
    await months.add(meteors, change);
    // The source writes no file for a window without rows.
    if (rows.length === 0) continue;
    const writtenBy = change === undefined ? run : extraRun(lastDay);
    daily.push(await writeDaily({ window, rows, run: writtenBy, back }, options.directory));
  }
  return {
    files: [
      ...daily,
      ...await copyAliases(daily, options.directory),
      ...await months.finish(),
      ...await writeCollections(options),
    ],
    rows: daily.reduce((sum, file) => sum + file.rows, 0),
    changes: applied,
  };
}

function checkRange(days: number, changes: readonly WindowChange[]): void {
  if (!Number.isInteger(days) || days < 1) {
    throw new RangeError(
      `days is ${days}: at least one window is needed, give a whole number from 1`,
    );
  }
  for (const { windowsBack } of changes) {
    if (windowsBack < 0 || windowsBack >= days) {
      throw new RangeError(
        `a change ${windowsBack} windows back lies outside of the ${days} windows that are made`,
      );
    }
  }
}

/** The monthly files with rows of changed windows. */
function monthsOf(changes: readonly WindowChange[], newest: number): Set<string> {
  return new Set(changes.flatMap(({ windowsBack }) => {
    const { begin, end } = windowOf(newest - windowsBack);
    return [monthlyFileName(begin), monthlyFileName(end)];
  }));
}

async function writeDaily(
  { window, rows, run, back }: {
    window: Window;
    rows: readonly SummaryRow[];
    run: Date;
    back: number;
  },
  directory: string,
): Promise<GeneratedFile> {
  const name = `daily/${dailyFileName(window)}`;
  const stamp = dailyStamp(name, run, back);
  await using file = await createTextFile(join(directory, name));
  await file.write(fileHeader(stamp));
  for (const row of rows) await file.write(formatRow(row, codeWidthAt(stamp.at)) + LINE_END);
  const size_bytes = await file.finish(stamp.at);
  return { name, rows: rows.length, size_bytes, generatedAt: stamp.at };
}

/** `latest_daily` and `yesterday`: byte copies of the newest and second newest daily file, dated like them. */
async function copyAliases(
  daily: readonly GeneratedFile[],
  directory: string,
): Promise<GeneratedFile[]> {
  const aliases: [string, GeneratedFile | undefined][] = [
    ["daily/traj_summary_latest_daily.txt", daily.at(-1)],
    ["daily/traj_summary_yesterday.txt", daily.at(-2)],
  ];
  const copies: GeneratedFile[] = [];
  for (const [name, source] of aliases) {
    if (source === undefined) continue;
    await copyFile(join(directory, source.name), join(directory, name));
    await utimes(join(directory, name), source.generatedAt, source.generatedAt);
    copies.push({ ...source, name });
  }
  return copies;
}

/** The yearly files and `all`, from every monthly file in the directory. */
async function writeCollections(
  { directory, lastDay, changes = [] }: DirectoryOptions,
): Promise<GeneratedFile[]> {
  const months = (await readdir(join(directory, "monthly")))
    .filter((name) => /^traj_summary_monthly_\d{6}\.txt$/.test(name)).sort();
  const run = changes.length > 0 ? extraRun(lastDay) : runBefore(lastDay);
  const files: GeneratedFile[] = [];
  for (
    const [year, ofYear] of [...Map.groupBy(months, (name) => name.slice(-10, -6)), [
      "",
      months,
    ]] as const
  ) {
    const name = year === "" ? "traj_summary_all.txt" : `traj_summary_yearly_${year}.txt`;
    const stamp = collectionStamp(name, run);
    const sources = ofYear.map((month) => join(directory, "monthly", month));
    const written = await concatenate(join(directory, name), sources, stamp);
    files.push({ name, ...written, generatedAt: stamp.at });
  }
  return files;
}
