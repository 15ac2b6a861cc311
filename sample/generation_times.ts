/**
 * The times at which the source generated each file.
 *
 * It runs every six hours. A run rewrites the last ten windows, every month they touch, and all yearly files and the
 * `all` file. So a daily file is final ten days after its window, a monthly file ten days after its month.
 */
import { momentOf } from "./astronomy/time.ts";
import { createRandom } from "./random.ts";
import { windowNumberAt, windowOf } from "./windows.ts";

const HOUR_MS = 3_600_000;
const RUN_EVERY_MS = 6 * HOUR_MS;
/** Runs start a little after the hour. */
const RUN_OFFSET_MS = 6 * 60_000;
/** Number of windows that a run rewrites, including the one in progress. */
export const WINDOWS_PER_RUN = 10;
/** Everything older was rewritten once, when identifiers were added to the files. */
const IDENTIFIERS_SINCE = new Date("2022-03-17T00:06:00Z");

/** How long a run takes: daily files first, then months, then years and `all`. */
const RUN_TAKES_MS = 5 * 60_000;
const SECONDS_PER_DAILY_FILE = 7;
const MONTHS_AFTER_MS = 2 * 60_000;
const COLLECTIONS_AFTER_MS = 4 * 60_000;

/** The start of the last run that had ended at a given moment. */
export function runBefore(moment: Date): Date {
  const since = moment.getTime() - RUN_OFFSET_MS - RUN_TAKES_MS;
  return new Date(Math.floor(since / RUN_EVERY_MS) * RUN_EVERY_MS + RUN_OFFSET_MS);
}

/** The start of an unscheduled run that has just ended: later than every scheduled one. */
export const extraRun = (moment: Date): Date => new Date(moment.getTime() - RUN_TAKES_MS);

/** The stamp in a file, and its time of modification. */
export interface Stamp {
  /** To the millisecond. */
  at: Date;
  /** Microseconds to add to it. */
  microseconds: number;
}

/** The stamp of a daily file; the run writes the newest window first. */
export const dailyStamp = (name: string, run: Date, windowsBack: number): Stamp =>
  stamp(name, run, Math.min(windowsBack, WINDOWS_PER_RUN) * SECONDS_PER_DAILY_FILE * 1000);

/** The stamp of a monthly file. */
export const monthlyStamp = (name: string, run: Date): Stamp => stamp(name, run, MONTHS_AFTER_MS);

/** The stamp of a yearly file or of `all`. */
export const collectionStamp = (name: string, run: Date): Stamp =>
  stamp(name, run, COLLECTIONS_AFTER_MS);

/** Fractions of a second are derived from the file's name and run, so that the same run always gives the same file. */
function stamp(name: string, run: Date, after_ms: number): Stamp {
  const random = createRandom("stamp", name, run.getTime());
  return {
    at: new Date(run.getTime() + after_ms + random.below(1000)),
    microseconds: random.below(1000),
  };
}

/** The last run, as of `now`, that wrote a window's daily file. */
export function dailyRun(windowNumber: number, now: Date): Date {
  const last = runBefore(now);
  if (windowNumberAt(last) - windowNumber < WINDOWS_PER_RUN) return last;
  const out = momentOf(windowOf(windowNumber + WINDOWS_PER_RUN).begin);
  return notBeforeIdentifiers(runBefore(out), last);
}

/** The last run, as of `now`, that wrote a month's file. */
export function monthlyRun(year: number, month: number, now: Date): Date {
  const last = runBefore(now);
  const monthEnd = new Date(Date.UTC(year, month, 1));
  const reach = windowOf(windowNumberAt(last) + 1 - WINDOWS_PER_RUN).begin;
  if (momentOf(reach) < monthEnd) return last;
  const out = momentOf(windowOf(windowNumberAt(monthEnd) + WINDOWS_PER_RUN).begin);
  return notBeforeIdentifiers(runBefore(out), last);
}

function notBeforeIdentifiers(run: Date, last: Date): Date {
  return run < IDENTIFIERS_SINCE && IDENTIFIERS_SINCE < last ? IDENTIFIERS_SINCE : run;
}
