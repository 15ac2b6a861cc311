/** An endless stream of rows over any span of time, in little memory. */
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

/** One line and its meteor's time. */
export interface GeneratedLine {
  /** Without line end. */
  line: string;
  at: Date;
}

/**
 * Final rows (with all uncertainties and stations) in order of time, with one window in memory. Shower codes have the width of
 * the month's last generation.
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
