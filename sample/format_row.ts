/**
 * Rows and headers of summary files, byte for byte as from the real writer.
 *
 * Daily and monthly files end every line with LF CR, in that order. The yearly and `all` files are made from the monthly
 * ones by `concatenate.ts` and look different.
 */
import { type CodeWidth, type Column, columnsOf } from "./columns.ts";
import type { Stamp } from "./generation_times.ts";
import { datetimeText } from "./python_format.ts";
import type { SummaryRow } from "./summary_row.ts";

/** How daily and monthly files end a line. */
export const LINE_END = "\n\r";

/** Before this day the stamp was a naive time, since then an aware one (`+00:00`). */
const AWARE_STAMPS_SINCE = Date.UTC(2024, 7, 23);
/** Before this day shower codes were four characters wide. */
const WIDE_CODES_SINCE = Date.UTC(2025, 2, 30);

const COLUMNS: Record<CodeWidth, readonly Column[]> = { 4: columnsOf(4), 5: columnsOf(5) };

/** The width of the shower code in a file generated at this time. */
export const codeWidthAt = (generatedAt: Date): CodeWidth =>
  generatedAt.getTime() < WIDE_CODES_SINCE ? 4 : 5;

/** One meteor as a line, without line end. */
export function formatRow(row: SummaryRow, codeWidth: CodeWidth = 5): string {
  let line = "";
  for (const column of COLUMNS[codeWidth]) {
    line += line === "" ? column.text(row) : `; ${column.text(row)}`;
  }
  return line;
}

/** The first line of every file: when it was generated. */
export function stampLine({ at, microseconds }: Stamp): string {
  const text = datetimeText(at.getTime() * 1000 + microseconds);
  const zone = at.getTime() < AWARE_STAMPS_SINCE ? "" : "+00:00";
  return `# Summary generated on ${text}${zone} UTC`;
}

/** The three lines under the stamp: names, units, rule. */
export function headerLines(codeWidth: CodeWidth): string[] {
  const columns = COLUMNS[codeWidth];
  const line = (cell: (column: Column) => string): string => `# ${columns.map(cell).join("; ")}`;
  return [
    line((column) => column.head[0]),
    line((column) => column.head[1]),
    line((column) => "-".repeat(column.dashes ?? column.head[0].length)),
  ];
}

/** All four comment lines of a daily or monthly file, with their line ends. */
export function fileHeader(stamp: Stamp): string {
  return [stampLine(stamp), ...headerLines(codeWidthAt(stamp.at))]
    .map((line) => line + LINE_END).join("");
}
