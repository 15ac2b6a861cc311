/**
 * Rows for benchmarks, ten times as fast: the meteors of a few windows are made once, and repeated under new names
 * and times.
 *
 * The identifying columns of a row (identifier, Julian date, time, solar longitude) are new each time; the rest is copied
 * text. So lines have the sizes, the columns and the spread of real ones, and every identifier is unique,
 * but a radiant no longer fits its solar longitude. Use it for speed, not for plots.
 */
import { epochMicrosecondsOf, momentOf, totalSolarLongitude } from "./astronomy/time.ts";
import { codeWidthAt, formatRow } from "./format_row.ts";
import { monthlyRun } from "./generation_times.ts";
import type { GeneratedLine, RowOptions } from "./generate_rows.ts";
import { meteorsOf } from "./meteor.ts";
import { datetimeText, fixed } from "./python_format.ts";
import { windowNumberAt, windowOf } from "./windows.ts";

/** A row cut at the columns that change: shower columns in the middle, everything after the solar longitude. */
interface Template {
  /** Its place in its window, from 0 to 1. */
  phase: number;
  suffix: string;
  shower: string;
  rest: string;
}

/** Windows that are made in full: enough rows that dictionary compression does not benefit from the repetition. */
const TEMPLATE_WINDOWS = 3;

/** Like `generateRows`, but repeats the meteors of the first windows. */
export function* repeatRows({ seed, from, to, perDay }: RowOptions): Generator<GeneratedLine> {
  const first = windowNumberAt(from);
  const templates = new Map<string, Template[]>();
  for (let number = first; number <= windowNumberAt(to); number++) {
    const window = windowOf(number);
    const span = window.end - window.begin;
    const repetition = number - first;
    const generatedAt = monthlyRun(
      momentOf(window.end).getUTCFullYear(),
      momentOf(window.end).getUTCMonth() + 1,
      to,
    );
    const source = first + repetition % TEMPLATE_WINDOWS;
    const key = `${source} ${codeWidthAt(generatedAt)}`;
    let rows = templates.get(key);
    if (rows === undefined) {
      rows = templatesOf(source, seed, perDay, codeWidthAt(generatedAt));
      templates.set(key, rows);
    }
    for (const { phase, suffix, shower, rest } of rows) {
      const julianDate = window.begin + phase * span;
      const at = momentOf(julianDate);
      if (at <= from || at > to) continue;
      const time = datetimeText(epochMicrosecondsOf(julianDate)).padEnd(26);
      const stamp = time.slice(0, 19).replace(/[-: ]/g, "");
      const sun = fixed(totalSolarLongitude(julianDate) % 360, 10, 6);
      yield {
        at,
        line: `${stamp}_${suffix}; ${
          fixed(julianDate, 20, 12)
        }; ${time}; ${shower}; ${sun}; ${rest}`,
      };
    }
  }
}

function templatesOf(number: number, seed: number, perDay: number, codeWidth: 4 | 5): Template[] {
  const { begin, end } = windowOf(number);
  return meteorsOf(windowOf(number), seed, perDay).map(({ row }) => {
    const cells = formatRow(row, codeWidth).split("; ");
    return {
      phase: (row.julianDate - begin) / (end - begin),
      suffix: row.id.slice(-5),
      shower: cells.slice(3, 5).join("; "),
      rest: cells.slice(6).join("; "),
    };
  });
}
