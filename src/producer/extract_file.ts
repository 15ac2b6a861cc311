/**
 * One file on its way from bytes to the topic.
 *
 *     chunks ──read──▶ lines ──the log has them?──▶ portion ──publish──▶ acknowledged ──▶ progress with checkpoint
 *                      └─ rejected lines ──▶ dead letters, published with their portion
 *
 * `portion_publisher.ts` has the steps, `unchanged_rows.ts` which lines are not published again. An extraction that resumes from a
 * checkpoint misses nothing, and repeats at most the rows after it.
 *
 * An id that occurs twice in a file is published twice, in the order of the file. The merge decides which of the two wins
 * (store/merge.ts): deciding here would need all ids of the file in memory.
 */
import { TransientError } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import { unobserved } from "../observe/observe.ts";
import { FileStamps } from "../runs/file_stamp.ts";
import { readJsonRecords } from "../trajectory/read_json_records.ts";
import { readSummaryFile } from "../trajectory/read_summary_file.ts";
import type { ReadSummary } from "../trajectory/read_batch.ts";
import type { Extracted, Extraction } from "./extraction.ts";
import { PortionPublisher } from "./portion_publisher.ts";

/** The file ends in the middle of a line: it was still being written. All its complete lines are published. */
export class CutFileError extends TransientError {
  override readonly name = "CutFileError";
}

/**
 * Reads a file to its end and publishes its rows. All published rows and dead letters are acknowledged when it resolves.
 * @throws CutFileError, UnfinishedSummaryError, SummaryFormatError, whatever `chunks` throws
 * @throws PermanentError when the broker refuses records for good
 */
export async function extractFile(
  extraction: Extraction,
  publisher: Publisher,
): Promise<Extracted> {
  const { runId, file, begun = new Date(), resume, observe = unobserved } = extraction;
  const stamps = new FileStamps(begun, resume?.distrusted, resume?.believed);
  const publishing = new PortionPublisher(extraction, publisher, stamps);
  const reading = extraction.format === "json"
    ? readJsonRecords(extraction.chunks)
    : readSummaryFile(extraction.chunks, {
      resume: resume?.point,
      unread: extraction.unchanged !== undefined,
    });
  let end: ReadSummary;
  try {
    for (;;) {
      const step = await reading.next();
      if (step.done === true) {
        end = step.value;
        break;
      }
      await publishing.take(step.value);
    }
    await publishing.finish();
  } catch (error) {
    // The portion in flight is not abandoned, and its rows count: the next attempt resumes after it.
    await publishing.settle();
    if (extraction.signal?.aborted !== true) await publishing.report();
    throw error;
  }
  const { rows, nextOffsets } = publishing;
  const generatedAt = stamps.generationOf(end.generatedAt);
  if (stamps.ahead !== null) {
    const { ahead: stamp, ahead_ms } = stamps;
    observe("file.stamp_ignored", { runId, file, stamp, ahead_ms });
  }
  if (end.cut) {
    await publishing.report();
    throw new CutFileError(
      `${extraction.file} ends in the middle of a line, at byte ${end.byteOffset}, after ${rows.read} rows`,
      { hint: "the source may be writing it right now: it is read again later" },
    );
  }
  return {
    generatedAt,
    ...(stamps.ahead === null ? {} : { stampAhead: stamps.ahead }),
    rows,
    nextOffsets,
  };
}
