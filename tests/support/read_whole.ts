/**
 * Reads a whole file at once, for tests.
 */
import type {
  ReadBatch,
  ReadRow,
  ReadSummary,
  RejectedLine,
  ResumePoint,
} from "../../src/trajectory/read_batch.ts";
import { SummaryReader } from "../../src/trajectory/summary_reader.ts";

/** Everything that was read from a file. */
export interface WholeFile {
  readonly batches: readonly ReadBatch[];
  readonly rows: readonly ReadRow[];
  readonly rejected: readonly RejectedLine[];
  readonly end: ReadSummary;
}

/** Reads a file in chunks that end at these bytes (a number: in two chunks; omitted: in one). */
export function readWhole(
  file: string | Uint8Array,
  cuts: number | readonly number[] = [],
  resume?: ResumePoint,
): WholeFile {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  const reader = new SummaryReader(resume);
  const batches: ReadBatch[] = [];
  let start = 0;
  for (const cut of [cuts, bytes.length].flat()) {
    // Each chunk has its own memory, which is overwritten before the next one, as network buffers are.
    const chunk = bytes.slice(start, Math.max(start, cut));
    batches.push(...reader.read(chunk));
    chunk.fill(0xff);
    start = Math.max(start, cut);
  }
  const last = reader.finish();
  let step = last.next();
  for (; step.done !== true; step = last.next()) batches.push(step.value);
  return {
    batches,
    rows: batches.flatMap((batch) => batch.rows),
    rejected: batches.flatMap((batch) => batch.rejected),
    end: step.value,
  };
}
