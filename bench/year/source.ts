/**
 * A source at the rhythm of the GMN: on every day of a year it generates its ten latest windows and the running month again, four
 * times a day. In each generation a part of the rows has changed since the last one.
 */
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repeatRows } from "../../sample/fast_rows.ts";
import { fileHeader, LINE_END } from "../../sample/format_row.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";

const DAY_MS = 86_400_000;
export const WINDOWS = 10;
export const REGENERATIONS = 4;
/** A column that changes when the source computes a trajectory again. */
const CHANGED_COLUMN = TRAJECTORY_FIELDS.findIndex(({ name }) => name === "medianfiterr_arcsec");

export interface SourceOptions {
  readonly folder: string;
  /** Meteors a day, mean over the year. */
  readonly perDay: number;
  /** The part of the rows that changes in each generation, from 0 to 1. */
  readonly changed: number;
}

const midnight = (date: Date) => new Date(Math.floor(date.getTime() / DAY_MS) * DAY_MS);
const daysBefore = (date: Date, n: number) => new Date(date.getTime() - n * DAY_MS);
const digitsOf = (date: Date) => date.toISOString().slice(0, 10).replaceAll("-", "");

export class Source {
  readonly #options: SourceOptions;
  /** Lines by day, since the first day of the month before. */
  readonly #days = new Map<string, string[]>();
  #random = 1;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** Writes all files as of this time; returns how many lines they have. `changed` overrides the part that changes. */
  async generate(at: Date, changed = this.#options.changed): Promise<number> {
    const today = midnight(at);
    const windows = Array.from({ length: WINDOWS }, (_, n) => daysBefore(today, n + 1));
    const month = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), 1));
    const ofMonth: Date[] = [];
    for (let day = month; day < today; day = daysBefore(day, -1)) ofMonth.push(day);
    const used = new Set([...windows, ...ofMonth].map(digitsOf));
    for (const day of this.#days.keys()) if (!used.has(day)) this.#days.delete(day);
    for (const lines of new Set([...windows, ...ofMonth].map((day) => this.#linesOf(day)))) {
      this.#change(lines, changed);
    }

    const { folder } = this.#options;
    await rm(folder, { recursive: true, force: true });
    let lines = 0;
    for (const day of windows) {
      const name = `daily/traj_summary_${digitsOf(day)}_solrange_200.0-201.0.txt`;
      lines += await this.#write(name, at, [day]);
    }
    if (ofMonth.length > 0) {
      lines += await this.#write(
        `monthly/traj_summary_monthly_${digitsOf(month).slice(0, 6)}.txt`,
        at,
        ofMonth,
      );
    }
    return lines;
  }

  async #write(name: string, at: Date, days: readonly Date[]): Promise<number> {
    const lines = days.flatMap((day) => this.#linesOf(day));
    const path = join(this.#options.folder, name);
    await mkdir(join(path, ".."), { recursive: true });
    const head = fileHeader({ at, microseconds: 0 });
    await writeFile(path, head + lines.map((line) => line + LINE_END).join(""));
    await utimes(path, at, at);
    return lines.length;
  }

  #linesOf(day: Date): string[] {
    const key = digitsOf(day);
    let lines = this.#days.get(key);
    if (lines === undefined) {
      const { perDay } = this.#options;
      const rows = repeatRows({ seed: 1, from: day, to: daysBefore(day, -1), perDay });
      this.#days.set(key, lines = [...rows].map(({ line }) => line));
    }
    return lines;
  }

  /** Changes a part of the lines, each with the same probability. */
  #change(lines: string[], part: number): void {
    for (let at = 0; at < lines.length; at++) {
      if (this.#next() >= part) continue;
      const cells = lines[at]!.split(";");
      const value = (this.#next() * 100).toFixed(2);
      cells[CHANGED_COLUMN] = ` ${value.padStart(cells[CHANGED_COLUMN]!.length - 1)}`;
      lines[at] = cells.join(";");
    }
  }

  /** A linear congruential generator (Numerical Recipes): the same numbers in each run. */
  #next(): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return this.#random / 2 ** 32;
  }
}
