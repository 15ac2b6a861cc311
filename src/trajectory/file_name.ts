/**
 * Recognises the summary files that the GMN publishes by their names.
 *
 *     daily/traj_summary_YYYYMMDD_solrange_BBB.B-EEE.E.txt   one window of 1 degree of solar longitude; the date is the UTC
 *                                                            date on which the window begins
 *     daily/traj_summary_latest_daily.txt                    byte copy of the newest window that has rows
 *     daily/traj_summary_yesterday.txt                       byte copy of the second newest
 *     monthly/traj_summary_monthly_YYYYMM.txt                a calendar month, UTC
 *     traj_summary_yearly_YYYY.txt, traj_summary_all.txt     concatenations of monthly files
 *
 * Source: the writer, wmpl/Trajectory/AggregateAndPlot.py of wmpg/WesternMeteorPyLib. A window lasts 23.5 to 25.2 hours and
 * begins at any hour, so it holds events of the next date too; about seven dates a year have no window, one or two have two.
 */

/** The information in a file name. Dates `YYYY-MM-DD`, months `YYYY-MM`, solar longitudes in degrees. */
export type SummaryFile =
  | {
    readonly kind: "daily";
    readonly date: string;
    readonly begin_deg: number;
    readonly end_deg: number;
  }
  | { readonly kind: "alias"; readonly of: "newest" | "second newest" }
  | { readonly kind: "monthly"; readonly month: string }
  | { readonly kind: "yearly"; readonly year: number }
  | { readonly kind: "all" };

const DAILY = /^traj_summary_(\d{4})(\d{2})(\d{2})_solrange_(\d{3}\.\d)-(\d{3}\.\d)\.txt$/;
const MONTHLY = /^traj_summary_monthly_(\d{4})(\d{2})\.txt$/;
const YEARLY = /^traj_summary_yearly_(\d{4})\.txt$/;

/** The file with this name (without folder). Null for any other name, including `.tmp` files and impossible dates. */
export function parseFileName(name: string): SummaryFile | null {
  if (name === "traj_summary_all.txt") return { kind: "all" };
  if (name === "traj_summary_latest_daily.txt") return { kind: "alias", of: "newest" };
  if (name === "traj_summary_yesterday.txt") return { kind: "alias", of: "second newest" };
  const daily = DAILY.exec(name);
  if (daily !== null) {
    const [, year, month, day, begin, end] = daily;
    const date = `${year}-${month}-${day}`;
    if (!isRealDate(date)) return null;
    return { kind: "daily", date, begin_deg: Number(begin), end_deg: Number(end) };
  }
  const monthly = MONTHLY.exec(name);
  if (monthly !== null) {
    const month = `${monthly[1]}-${monthly[2]}`;
    return isRealDate(`${month}-01`) ? { kind: "monthly", month } : null;
  }
  const yearly = YEARLY.exec(name);
  return yearly === null ? null : { kind: "yearly", year: Number(yearly[1]) };
}

/** The file at this path, relative to a data directory. Null for a path that is not one of the source's. */
export function parseFilePath(path: string): SummaryFile | null {
  const [, name] = /^(?:daily\/|monthly\/)?([^/]+)$/.exec(path) ?? [];
  return name === undefined ? null : parseFileName(name);
}

function isRealDate(date: string): boolean {
  const at = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(date);
}
