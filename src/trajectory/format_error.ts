/** Why a whole file can't be read as a trajectory summary file (a single bad line is a `RejectedLine` instead). */
import { PermanentError, TransientError } from "@gmn/failures";

/**
 * - `html`: a web page in place of the file
 * - `no_header`: data before any column names, so the columns are unknown
 * - `no_identifier`: the layout from before 2022-03-16 (78 to 85 columns), whose rows have no identity
 * - `json`: an array of something other than records
 * - `foreign`: not plain text (compressed, UTF-16, binary)
 */
export type FormatProblem = "html" | "no_header" | "no_identifier" | "json" | "foreign";

/** The file can't be read as a trajectory summary file, and waiting does not help. */
export class SummaryFormatError extends PermanentError {
  override readonly name = "SummaryFormatError";
  constructor(readonly problem: FormatProblem, message: string, hint: string) {
    super(message, { hint });
  }
}

/**
 * The file ended before its first row: it is empty, or has only (a part of) the header. The source writes its files in place and
 * never publishes a file without rows, so this is most likely a write in progress. Transient: reading it again later helps.
 */
export class UnfinishedSummaryError extends TransientError {
  override readonly name = "UnfinishedSummaryError";
  constructor(readonly bytes: number, readonly hasHeader: boolean) {
    super(
      bytes === 0
        ? "the file is empty"
        : `the file ends after ${bytes} bytes, ${
          hasHeader ? "before its first row" : "inside its header"
        }`,
      { hint: "The source may be writing it right now: read it again in a few minutes." },
    );
  }
}
