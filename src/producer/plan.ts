/**
 * Decides which files a run must look at, from a listing, the selection and what was ingested before. Pure.
 *
 * daily: every window dated within the last N days; the two aliases, which are byte copies of windows (`shutil.copy2` keeps
 *   the time), so an alias whose listed date and size are those of a window is skipped as its copy; and every older
 *   window that was ingested once and is listed with another date or size now (the source does rewrite old windows, months
 *   later). An older window that was never ingested is left to a backfill.
 * range: every window dated within it and the one before it. Windows follow each other without a gap and last a day or a little
 *   more, beginning at any hour; so the last window that begins before `from` is the one that was open at 00:00 of `from`.
 *   Rows outside the range are read too; they are correct and do no harm.
 * retry: the files it names, listed or not.
 * month, year, all: the coarsest files that cover it: the file of everything, else yearly files, else monthly files, else windows.
 */
import { addDays, isoDate } from "../runs/selection.ts";
import type { FileIdentity, Selection } from "../runs/run_event.ts";
import { parseFileName, type SummaryFile } from "../trajectory/file_name.ts";
import type { ListedFile } from "./source/data_directory.ts";

/**
 * Most rewritten older windows that one daily run takes, newest first; the next run continues. When a server changes the format of
 * its listing, all eight years of windows look rewritten: 2,900 requests, 8 hours at the polite rate.
 */
export const MAX_REWRITTEN_FILES = 200;
/** A window begins at most this many dates before any moment it contains: it lasts up to 25.2 hours. */
const WINDOW_DAYS = 2;

export interface PlanInput {
  readonly selection: Selection;
  readonly now: Date;
  /** Every listed file, of any folder; files are recognized by their names, not by their folder. */
  readonly listed: readonly ListedFile[];
  /** By path: the identity with which a file was last ingested. Only daily runs need it. */
  readonly ingested: ReadonlyMap<string, FileIdentity>;
}

export interface PlannedFile {
  readonly file: ListedFile;
  /** Why it is skipped without being opened, if the listing shows that; otherwise null. */
  readonly skip: string | null;
}

export interface Plan {
  /** In the order in which the run takes them. */
  readonly files: readonly PlannedFile[];
  /** Why there is nothing to take; null when there is something. */
  readonly nothing: string | null;
}

type Of<Kind extends SummaryFile["kind"]> = {
  readonly file: ListedFile;
  readonly is: Extract<SummaryFile, { kind: Kind }>;
};
type Daily = Of<"daily">;

/** Plans a run. An empty plan gives the reason in `nothing`. */
export function planFiles(input: PlanInput): Plan {
  const files = choose(input);
  return { files, nothing: files.length > 0 ? null : nothingReason(input) };
}

function choose(input: PlanInput): PlannedFile[] {
  const { selection, listed } = input;
  if ("days" in selection) return chooseDaily(input, selection.days);
  if ("upload" in selection) return [];
  if ("retry" in selection) return chooseNamed(input, selection.files);
  const chosen = "all" in selection
    ? coveringAll(listed)
    : "year" in selection
    ? coveringYear(listed, selection.year)
    : "month" in selection
    ? coveringMonth(listed, selection.month)
    : windowsBetween(listed, selection.from, selection.to);
  return chosen.map((file) => ({ file, skip: null }));
}

function chooseDaily({ now, listed, ingested }: PlanInput, days: number): PlannedFile[] {
  const since = addDays(isoDate(now), -days);
  const windows = windowsOf(listed).reverse();
  const recent = windows.filter(({ is }) => is.date >= since);
  const rewritten = windows.filter(({ is, file }) =>
    is.date < since && hasNewListing(file, ingested.get(file.path))
  );
  return [
    ...recent.map(({ file }) => ({ file, skip: null })),
    ...filesOf(listed, "alias").map(({ file }) => ({ file, skip: copyReason(file, windows) })),
    ...rewritten.slice(0, MAX_REWRITTEN_FILES).map(({ file }) => ({ file, skip: null })),
  ];
}

/** Files that are not listed (any longer) are planned too: opening one shows whether it exists. */
function chooseNamed({ listed }: PlanInput, paths: readonly string[]): PlannedFile[] {
  const byPath = new Map(listed.map((file) => [file.path, file]));
  return paths.map((path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const unlisted = { path, name, listed: null, modified: null, size_bytes: null };
    return { file: byPath.get(path) ?? unlisted, skip: null };
  });
}

/** Whether the listed date or size has changed since the file was ingested; false for a file never ingested. */
function hasNewListing(file: ListedFile, before: FileIdentity | undefined): boolean {
  return before !== undefined && before.listed !== null && file.listed !== null &&
    before.listed !== file.listed;
}

function copyReason(alias: ListedFile, windows: readonly Daily[]): string | null {
  if (alias.listed === null) return null;
  const original = windows.find(({ file }) => file.listed === alias.listed);
  return original === undefined ? null : `a copy of ${original.file.path} (same date and size)`;
}

function coveringAll(listed: readonly ListedFile[]): ListedFile[] {
  const all = filesOf(listed, "all");
  if (all.length > 0) return [all[0].file];
  const years = new Set([
    ...filesOf(listed, "yearly").map(({ is }) => is.year),
    ...filesOf(listed, "monthly").map(({ is }) => Number(is.month.slice(0, 4))),
    ...windowsOf(listed).map(({ is }) => Number(is.date.slice(0, 4))),
  ]);
  return unique([...years].sort().flatMap((year) => coveringYear(listed, year)));
}

function coveringYear(listed: readonly ListedFile[], year: number): ListedFile[] {
  const yearly = filesOf(listed, "yearly").find(({ is }) => is.year === year);
  if (yearly !== undefined) return [yearly.file];
  const months = Array.from({ length: 12 }, (_, i) => `${year}-${String(i + 1).padStart(2, "0")}`);
  return unique(months.flatMap((month) => coveringMonth(listed, month)));
}

function coveringMonth(listed: readonly ListedFile[], month: string): ListedFile[] {
  const monthly = filesOf(listed, "monthly").find(({ is }) => is.month === month);
  if (monthly !== undefined) return [monthly.file];
  const first = `${month}-01`;
  const last = addDays(`${addDays(first, 31).slice(0, 7)}-01`, -1);
  return windowsBetween(listed, first, last);
}

function windowsBetween(listed: readonly ListedFile[], from: string, to: string): ListedFile[] {
  const windows = windowsOf(listed);
  const before = windows.filter(({ is }) => is.date < from).at(-1)?.is.date ?? "";
  const start = before >= addDays(from, -WINDOW_DAYS) ? before : from;
  const within = windows.filter(({ is }) => is.date >= start && is.date <= to);
  const isEmpty = within.every(({ is }) => is.date < from);
  // Two dates before the range, with a later window listed: a file is missing in between, so this window is not a neighbour. The
  // last listed window may extend into the range by some minutes.
  const isNeighbour = before === addDays(from, -1) || before === windows.at(-1)?.is.date;
  return isEmpty && !isNeighbour ? [] : within.map(({ file }) => file);
}

function filesOf<Kind extends SummaryFile["kind"]>(
  listed: readonly ListedFile[],
  kind: Kind,
): Of<Kind>[] {
  return listed.flatMap((file) => {
    const is = parseFileName(file.name);
    return is?.kind === kind ? [{ file, is } as Of<Kind>] : [];
  });
}

/** The windows by date, oldest first; two of one date by name. */
function windowsOf(listed: readonly ListedFile[]): Daily[] {
  const key = ({ is, file }: Daily) => `${is.date} ${file.name}`;
  return filesOf(listed, "daily").sort((a, b) => key(a) < key(b) ? -1 : 1);
}

function unique(files: readonly ListedFile[]): ListedFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function nothingReason({ selection, listed, now }: PlanInput): string {
  const windows = windowsOf(listed);
  const dates = windows.length === 0
    ? "no daily files are listed"
    : `${windows.length} daily files are listed, of ${windows[0].is.date} to ${
      windows.at(-1)?.is.date
    }`;
  if ("days" in selection) {
    const since = addDays(isoDate(now), -selection.days);
    return `no daily file dated ${since} or later: ${dates}`;
  }
  if ("from" in selection) {
    return `no daily file for ${selection.from} to ${selection.to}: ${dates}`;
  }
  const wanted = "all" in selection
    ? "traj_summary_all.txt"
    : "year" in selection
    ? `traj_summary_yearly_${selection.year}.txt`
    : "month" in selection
    ? `traj_summary_monthly_${selection.month.replace("-", "")}.txt`
    : "file";
  return `no ${wanted} among the ${listed.length} files listed, and no smaller files that make it up`;
}
