/** Monthly files, filled window by window; a window is in one or two months. */
import { join } from "node:path";
import { rowsAt, type WindowChange } from "./changes.ts";
import { codeWidthAt, fileHeader, formatRow, LINE_END } from "./format_row.ts";
import type { DirectoryOptions, GeneratedFile } from "./generate.ts";
import { extraRun, monthlyRun, monthlyStamp, type Stamp } from "./generation_times.ts";
import type { Meteor } from "./meteor.ts";
import { createTextFile, type TextFile } from "./text_file.ts";
import { monthlyFileName } from "./windows.ts";

interface OpenMonth {
  name: string;
  file: TextFile;
  /** The scheduled run that determines the rows. */
  run: Date;
  stamp: Stamp;
  rows: number;
}

/** Writes all monthly files of a directory; windows are added in order of time. */
export class MonthlyFiles implements AsyncDisposable {
  readonly #options: DirectoryOptions;
  /** Months that a change affects; they are stamped by an extra run. */
  readonly #changed: ReadonlySet<string>;
  readonly #open = new Map<string, OpenMonth>();
  readonly #finished: GeneratedFile[] = [];

  constructor(options: DirectoryOptions, changed: ReadonlySet<string>) {
    this.#options = options;
    this.#changed = changed;
  }

  /** Adds a window's meteors to their months. */
  async add(meteors: readonly Meteor[], change: WindowChange | undefined): Promise<void> {
    const byMonth = Map.groupBy(meteors, ({ row }) => monthlyFileName(row.julianDate));
    for (const [month, members] of byMonth) {
      const open = this.#open.get(month) ?? await this.#start(month);
      // A change selects from the rows of the whole window, so it is applied to the whole window.
      const ids = new Set(members.map(({ row }) => row.id));
      const { rows } = rowsAt(meteors, open.run, this.#options.seed, change);
      for (const row of rows) {
        if (!ids.has(row.id)) continue;
        await open.file.write(formatRow(row, codeWidthAt(open.stamp.at)) + LINE_END);
        open.rows++;
      }
    }
    const latest = [...byMonth.keys()].at(-1);
    for (const month of this.#open.keys()) {
      if (latest !== undefined && month !== latest) await this.#close(month);
    }
  }

  /** Closes the open files; returns all files that were made. */
  async finish(): Promise<GeneratedFile[]> {
    for (const month of this.#open.keys()) await this.#close(month);
    return this.#finished;
  }

  /** Removes half-written months. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { file } of this.#open.values()) await file[Symbol.asyncDispose]();
  }

  async #start(month: string): Promise<OpenMonth> {
    const { lastDay, directory } = this.#options;
    const run = monthlyRun(Number(month.slice(-10, -6)), Number(month.slice(-6, -4)), lastDay);
    const name = `monthly/${month}`;
    const stamp = monthlyStamp(name, this.#changed.has(month) ? extraRun(lastDay) : run);
    const file = await createTextFile(join(directory, name));
    await file.write(fileHeader(stamp));
    const open = { name, file, run, stamp, rows: 0 };
    this.#open.set(month, open);
    return open;
  }

  async #close(month: string): Promise<void> {
    const open = this.#open.get(month);
    if (open === undefined) return;
    this.#open.delete(month);
    const size_bytes = await open.file.finish(open.stamp.at);
    // The source writes no file for a month without rows; here a month is opened only for meteors, which may be unsolved.
    this.#finished.push({
      name: open.name,
      rows: open.rows,
      size_bytes,
      generatedAt: open.stamp.at,
    });
  }
}
