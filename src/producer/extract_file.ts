/**
 * One file on its way from bytes to the topic.
 *
 *     chunks ──read──▶ rows ──encode──▶ portion of up to PORTION_ROWS ──publish──▶ acknowledged ──▶ progress with checkpoint
 *                      └─ rejected lines ──▶ dead letters, published with their portion
 *
 * While one portion is being published, the next is read and encoded. There are never two in flight, so the log keeps the order of
 * the file, and a slow broker slows down reading (the only buffers are a portion and a chunk). A checkpoint is reported only after
 * everything before it was acknowledged: an extraction that resumes from it misses nothing, and repeats at most the rows after it.
 *
 * An id that occurs twice in a file is published twice, in the order of the file. The merge decides which of the two wins
 * (store/merge.ts): deciding here would need all ids of the file in memory.
 */
import { TransientError } from "@gmn/failures";
import { deadLetterOfLine } from "../dead_letters/build_dead_letter.ts";
import { deadLetterRecord } from "../dead_letters/dead_letter_topic.ts";
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { DEAD_LETTER, HEADERS, type Topic, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { type Observe, unobserved } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import { furthest, NO_ROWS } from "../runs/run.ts";
import type { Checkpoint, NextOffsets, RowCounts } from "../runs/run_event.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { readJsonRecords } from "../trajectory/read_json_records.ts";
import { readSummaryFile } from "../trajectory/read_summary_file.ts";
import type {
  ReadBatch,
  ReadSummary,
  RejectedLine,
  ResumePoint,
} from "../trajectory/read_batch.ts";
import type { OpenedFile } from "./source/data_directory.ts";

/** Rows per portion: enough that a round trip to the broker costs little, few enough that two portions are a few MB. */
export const PORTION_ROWS = 2000;
/** Longest time that rows wait for their portion to fill when the source is slow. */
export const PORTION_AGE_MS = 1000;
/** Between two progress events. Each event is kept forever; a crash may republish the rows of one interval. */
export const PROGRESS_INTERVAL_MS = 2000;

/** How far the extraction of a file has got; everything before the checkpoint is acknowledged. */
export interface Progress {
  readonly generatedAt: Date | null;
  readonly checkpoint: Checkpoint;
  readonly rows: RowCounts;
  readonly nextOffsets: NextOffsets;
}

/** Limits that tests reduce. */
export interface Pace {
  readonly portionRows?: number;
  readonly progressInterval_ms?: number;
}

/** One file to extract. The caller that opened it closes it, even when the extraction fails. */
export interface Extraction extends Pace {
  readonly runId: string;
  /** Path for events and headers. */
  readonly file: string;
  /** The file from its first byte, or from `resume.point`. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Defaults to a summary file. */
  readonly format?: OpenedFile["format"];
  readonly resume?: { readonly point: ResumePoint; readonly rows: RowCounts };
  readonly signal?: AbortSignal;
  /** Called about every PROGRESS_INTERVAL_MS; the extraction awaits it. */
  readonly onProgress?: (progress: Progress) => Promise<void>;
  readonly observe?: Observe;
}

/** The result of a file that was read to its end. */
export interface Extracted {
  readonly generatedAt: Date | null;
  readonly rows: RowCounts;
  readonly nextOffsets: NextOffsets;
}

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
  const publishing = new PortionPublisher(extraction, publisher);
  const reading = extraction.format === "json"
    ? readJsonRecords(extraction.chunks)
    : readSummaryFile(extraction.chunks, { resume: extraction.resume?.point });
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
  if (end.cut) {
    await publishing.report();
    throw new CutFileError(
      `${extraction.file} ends in the middle of a line, at byte ${end.byteOffset}, after ${rows.read} rows`,
      { hint: "the source may be writing it right now: it is read again later" },
    );
  }
  return { generatedAt: end.generatedAt, rows, nextOffsets };
}

/** Rows and rejected lines that are published together, and the position in the file after them. */
interface Portion {
  readonly records: OutgoingRecord[];
  readonly deadLetters: OutgoingRecord[];
  readonly after: Omit<Progress, "nextOffsets">;
}

/** Where a portion ends: at the end of its last batch, without that batch's rows. */
type PortionEnd = Pick<ReadBatch, "generatedAt" | "byteOffset" | "lastLine">;

class PortionPublisher {
  readonly #extraction: Extraction;
  readonly #publisher: Publisher;
  readonly #schemaId: number;
  readonly #deadLetterSchemaId: number;
  /**
   * The portion being filled. Rows are encoded as they arrive: the garbage collector does not move bytes, but would keep moving the
   * objects of a summary.
   */
  #records: OutgoingRecord[] = [];
  #deadLetters: OutgoingRecord[] = [];
  /** Where the portion ends; null while it is empty. */
  #end: PortionEnd | null = null;
  #since_ms = 0;
  /** The portion in flight; never rejects, its failure is kept for `#acknowledged`. */
  #underway: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | null = null;
  /** Counts up to the last portion made, and up to the last one acknowledged. */
  #encoded: RowCounts;
  rows: RowCounts;
  nextOffsets: NextOffsets = {};
  /** Acknowledged, but not reported yet. */
  #progress: Progress | null = null;
  #reportedAt_ms = performance.now();

  constructor(extraction: Extraction, publisher: Publisher) {
    this.#extraction = extraction;
    this.#publisher = publisher;
    this.#schemaId = publisher.schemaId(TRAJECTORY_SUMMARY_RAW);
    this.#deadLetterSchemaId = publisher.schemaId(DEAD_LETTER);
    this.rows = extraction.resume?.rows ?? NO_ROWS;
    this.#encoded = this.rows;
  }

  /** Takes the next batch, and sends a portion once it is full. */
  async take(batch: ReadBatch): Promise<void> {
    this.#extraction.signal?.throwIfAborted();
    if (this.#end === null) this.#since_ms = performance.now();
    this.#encode(batch);
    const rows = this.#records.length + this.#deadLetters.length;
    const age_ms = performance.now() - this.#since_ms;
    const { portionRows = PORTION_ROWS } = this.#extraction;
    if (rows >= portionRows || age_ms >= PORTION_AGE_MS) await this.#send();
  }

  /** Sends the rest and waits until all of it is acknowledged. */
  async finish(): Promise<void> {
    await this.#send();
    await this.#acknowledged();
  }

  /** Waits until nothing is in flight, whether it succeeded or failed. */
  settle(): Promise<void> {
    return this.#underway;
  }

  /** Reports how far rows are acknowledged, if that has changed. */
  async report(): Promise<void> {
    const progress = this.#progress;
    if (progress === null) return;
    this.#progress = null;
    await this.#extraction.onProgress?.(progress);
    this.#reportedAt_ms = performance.now();
  }

  async #send(): Promise<void> {
    if (this.#end === null) return;
    const portion = this.#close(this.#end);
    await this.#acknowledged();
    const interval_ms = this.#extraction.progressInterval_ms ?? PROGRESS_INTERVAL_MS;
    if (performance.now() - this.#reportedAt_ms >= interval_ms) await this.report();
    this.#underway = this.#publish(portion).catch((error) => {
      this.#failure = { error };
    });
  }

  async #acknowledged(): Promise<void> {
    await this.#underway;
    if (this.#failure !== null) throw this.#failure.error;
  }

  #encode(batch: ReadBatch): void {
    const headers = this.#headers(batch.generatedAt);
    for (const { line, summary } of batch.rows) {
      this.#records.push({
        key: summary.unique_trajectory_identifier,
        value: encodeTrajectory(summary, this.#schemaId),
        headers: { ...headers, [HEADERS.sourceLine]: String(line) },
      });
    }
    for (const rejected of batch.rejected) {
      this.#observeReject(rejected);
      const deadLetter = deadLetterOfLine(rejected, this.#extraction, batch);
      this.#deadLetters.push(deadLetterRecord(deadLetter, this.#deadLetterSchemaId));
    }
    const { generatedAt, byteOffset, lastLine } = batch;
    this.#end = { generatedAt, byteOffset, lastLine };
  }

  /** Closes the portion at `end` and starts an empty one. */
  #close(end: PortionEnd): Portion {
    const [records, deadLetters] = [this.#records, this.#deadLetters];
    const rows = {
      read: this.#encoded.read + records.length + deadLetters.length,
      published: this.#encoded.published + records.length,
      unchanged: this.#encoded.unchanged,
      rejected: this.#encoded.rejected + deadLetters.length,
    };
    this.#encoded = rows;
    this.#records = [];
    this.#deadLetters = [];
    this.#end = null;
    const checkpoint = { byteOffset: end.byteOffset, lineNumber: end.lastLine };
    return { records, deadLetters, after: { generatedAt: end.generatedAt, checkpoint, rows } };
  }

  #observeReject({ line, field, reason }: RejectedLine): void {
    const { runId, file, observe = unobserved } = this.#extraction;
    observe("line.rejected", { runId, file, line, field, reason });
  }

  #headers(generatedAt: Date | null): Record<string, string> {
    return {
      [HEADERS.runId]: this.#extraction.runId,
      [HEADERS.sourceFile]: this.#extraction.file,
      ...(generatedAt === null ? {} : { [HEADERS.sourceGeneratedAt]: generatedAt.toISOString() }),
    };
  }

  async #publish({ records, deadLetters, after }: Portion): Promise<void> {
    if (deadLetters.length > 0) await this.#patiently(DEAD_LETTER, deadLetters);
    if (records.length > 0) {
      const next = await this.#patiently(TRAJECTORY_SUMMARY_RAW, records);
      const offsets = Object.fromEntries([...next].map(([at, offset]) => [at, Number(offset)]));
      this.nextOffsets = furthest(this.nextOffsets, offsets);
    }
    this.rows = after.rows;
    this.#progress = { ...after, nextOffsets: this.nextOffsets };
  }

  #patiently(topic: Topic, records: readonly OutgoingRecord[]) {
    const { signal, observe = unobserved } = this.#extraction;
    const what = `publishing to ${topic.name}`;
    const waiting = { observe, part: "broker", what, signal } as const;
    return retryWhileAway(waiting, () => this.#publisher.publish(topic, records));
  }
}
