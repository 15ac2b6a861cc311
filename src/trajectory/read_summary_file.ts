/**
 * Reads a trajectory summary file as a stream: the public interface of the file format.
 *
 * A file is read chunk by chunk as it arrives, in memory that does not depend on its size. There is one asynchronous step per
 * chunk, not per row: a row takes a few microseconds, and a turn of the event loop takes as long. The format of the lines is
 * described in `summary_reader.ts` (lines), `summary_header.ts` (columns), `row.ts` and `cell.ts` (values).
 */
import { UnfinishedSummaryError } from "./format_error.ts";
import type { ReadBatch, ReadSummary, ResumePoint } from "./read_batch.ts";
import { SummaryReader } from "./summary_reader.ts";

export { SummaryFormatError, UnfinishedSummaryError } from "./format_error.ts";
export type { SummaryHeader } from "./summary_header.ts";
export type {
  ReadBatch,
  ReadRow,
  ReadSummary,
  RejectedLine,
  ResumePoint,
  UnreadLine,
  UnreadLines,
} from "./read_batch.ts";

/**
 * Reads a summary file, or with `resume` the rest of one.
 *
 * @param chunks the file's bytes in order, cut anywhere; on a resume, from `resume.byteOffset` on. When reading ends early (by
 *   `break` or an error), they are closed.
 *   With `unread`, lines are split off and their values left to be read later (`ReadBatch.unread`).
 * @returns after the last batch: the counts, and whether the last line was cut (`for await` does not show them; iterate by hand,
 *   or see `ReadBatch.byteOffset`)
 * @throws SummaryFormatError (permanent) if this is not a readable summary file: a web page, no column names, no identifier
 *   column
 * @throws UnfinishedSummaryError (transient) if the file ends before its first row
 */
export async function* readSummaryFile(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly resume?: ResumePoint; readonly unread?: boolean } = {},
): AsyncGenerator<ReadBatch, ReadSummary, void> {
  const reader = new SummaryReader(options.resume, options.unread);
  for await (const chunk of chunks) yield* reader.read(chunk);
  return yield* reader.finish();
}

/**
 * Reads the header of a file and closes `chunks`, which need not be the whole file: the first 8 KiB are enough (a header has some
 * 2,900 bytes). Together with a checkpoint's numbers, the result makes a `ResumePoint`.
 * @throws SummaryFormatError, UnfinishedSummaryError as `readSummaryFile` does
 */
export async function readHeader(
  chunks: AsyncIterable<Uint8Array>,
): Promise<Pick<ResumePoint, "header" | "generatedAt">> {
  const reader = new SummaryReader();
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    // Rows after the header are read and dropped: at most those of one chunk.
    for (const _batch of reader.read(chunk));
    const { header, generatedAt } = reader;
    if (header !== null) return { header, generatedAt };
  }
  throw new UnfinishedSummaryError(bytes, false);
}
