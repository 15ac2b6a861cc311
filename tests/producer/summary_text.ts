/** Summary files in the exact layout, as text, for tests of the producer. */
import { fileHeader, LINE_END } from "../../sample/format_row.ts";
import { generateRows } from "../../sample/generate_rows.ts";

/** `count` rows in the order of their times, all of the days before 2026-11-23. The same seed gives the same rows. */
export function rowLines(count: number, seed = 1): string[] {
  const lines: string[] = [];
  const to = new Date("2026-11-23T00:00:00Z");
  const from = new Date(to.getTime() - 4 * 86_400_000);
  for (const { line } of generateRows({ seed, from, to, perDay: count })) {
    lines.push(line);
    if (lines.length === count) return lines;
  }
  throw new Error(`only ${lines.length} of ${count} rows generated`);
}

/** A daily file of these lines, generated at `stamp`. */
export function summaryText(lines: readonly string[], stamp = "2026-11-23T00:10:00Z"): string {
  const header = fileHeader({ at: new Date(stamp), microseconds: 0 });
  return header + lines.map((line) => line + LINE_END).join("");
}

/** The ids of lines. */
export function idsOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(";", 1)[0].trim());
}
