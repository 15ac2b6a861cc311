/**
 * Rows for benchmarks, ten times as fast: the meteors of a few windows are made once, and come again under new names
 * and times.
 *
 * What stands in the way of a row (identifier, Julian date, time, solar longitude) is new each time; the rest is the text
 * of its first coming. So lines have the sizes, the columns and the spread of real ones, and every identifier is unique,
 * but a radiant does not fit its solar longitude any more: for speed, not for pictures.
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
  /** Where in its window it was, from 0 to 1. */
  phase: number;
  suffix: string;
  shower: string;
  rest: string;
}

/** Windows that are made in full: enough rows that a dictionary does not compress them away. */
const TEMPLATE_WINDOWS = 3;

/** Like `generateRows`, with the meteors of the first windows over and over. */
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
