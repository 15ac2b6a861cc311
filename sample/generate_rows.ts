/** Rows without end: a stream of lines over any span of time, in little memory. */
import { codeWidthAt, formatRow } from "./format_row.ts";
import { monthlyRun } from "./generation_times.ts";
import { meteorsOf } from "./meteor.ts";
import { momentOf } from "./astronomy/time.ts";
import { windowNumberAt, windowOf } from "./windows.ts";

/** What to generate. */
export interface RowOptions {
  seed: number;
  /** UTC. Rows are `from < time <= to`. */
  from: Date;
  to: Date;
  /** Mean over the year; showers and season make it more or less. */
  perDay: number;
}

/** One line and when its meteor was. */
export interface GeneratedLine {
  /** Without line end. */
  line: string;
  at: Date;
}

/**
 * Final rows (with all uncertainties and stations) by time, one window in memory. Codes are as wide as in the month's
 * last generation.
 */
export function* generateRows({ seed, from, to, perDay }: RowOptions): Generator<GeneratedLine> {
  for (let number = windowNumberAt(from); number <= windowNumberAt(to); number++) {
    for (const { row } of meteorsOf(windowOf(number), seed, perDay)) {
      const at = momentOf(row.julianDate);
      if (at <= from || at > to) continue;
      const generatedAt = monthlyRun(at.getUTCFullYear(), at.getUTCMonth() + 1, to);
      yield { line: formatRow(row, codeWidthAt(generatedAt)), at };
    }
  }
}
