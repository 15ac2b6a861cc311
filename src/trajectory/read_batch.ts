/** The results of reading a summary file: batches of rows and rejected lines, and at the end a summary of the file. */
import type { SummaryHeader } from "./summary_header.ts";
import type { TrajectorySummary } from "./summary.ts";

/**
 * One row and the number of its line, counted from 1 as in an editor that ends lines at LF. So the stray CR at the beginning of a
 * line in the source's LF-CR files is not counted. The empty lines in its yearly and `all` files, one after each row, are
 * counted.
 */
export interface ReadRow {
  readonly line: number;
  readonly summary: TrajectorySummary;
}

/** One line that could not be read. */
export interface RejectedLine {
  readonly line: number;
  /** The reason, for a person, with the values. */
  readonly reason: string;
  /** The field that was wrong, if it was a field. */
  readonly field: string | null;
  /** The original line, or only its beginning if it was longer than a line may be. Latin-1 if it was not UTF-8. */
  readonly text: string;
}

/** A line whose values were not read yet. */
export interface UnreadLine {
  readonly line: number;
  /** The trajectory, by the line's first cell. */
  readonly id: string;
  /** The line without its end, in memory that nothing else writes to. */
  readonly bytes: Uint8Array;
}

/** Lines to be read later, or not at all. */
export interface UnreadLines {
  readonly lines: readonly UnreadLine[];
  /** Reads one of them. */
  read(line: UnreadLine): ReadRow | RejectedLine;
}

/** Consecutive lines of the file. */
export interface ReadBatch {
  readonly rows: readonly ReadRow[];
  readonly rejected: readonly RejectedLine[];
  /**
   * Lines that were only split off, when that was requested; there are no rows then. Null when it was not, and for files whose first
   * column is not the identifier. Lines that can't be of any trajectory are among the rejected ones in any case.
   */
  readonly unread: UnreadLines | null;
  /** Everything before this byte of the file is in this or earlier batches. Always the beginning of a line, or the end. */
  readonly byteOffset: number;
  /** Number of the last line before `byteOffset`. */
  readonly lastLine: number;
  /** Generation stamp of these rows; null if the file has none. */
  readonly generatedAt: Date | null;
  /** The header whose columns these rows have. */
  readonly header: SummaryHeader;
}

/** The result of one call, returned after the last batch. */
export interface ReadSummary {
  /** Rows (or unread lines) and rejected lines of this call, without those before a resume point. */
  readonly rows: number;
  readonly rejected: number;
  readonly generatedAt: Date | null;
  /** The last line was cut, and is neither a row nor rejected: the file was being written. Read it again later. */
  readonly cut: boolean;
  /** The end of the file, or the beginning of its cut last line. */
  readonly byteOffset: number;
}

/**
 * Where to resume inside a file. Everything but the first two fields is in each batch. A caller that kept only the numbers
 * (a run's checkpoint) gets `header` and `generatedAt` from the first bytes of the file with `readHeader`.
 */
export interface ResumePoint {
  readonly header: SummaryHeader;
  readonly generatedAt: Date | null;
  /** `byteOffset` of the last batch: the first chunk begins at this byte. */
  readonly byteOffset: number;
  /** `lastLine` of the last batch. */
  readonly lineNumber: number;
}
