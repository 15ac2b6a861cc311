/**
 * Publishes what is read from a file, portion by portion.
 *
 *     batches ─▶ block of lines ──ask──▶ known? ──▶ portion ──settle, publish──▶ acknowledged ──▶ progress with checkpoint
 *                                         │           ▲
 *                                         └─ not ─ read, encode
 *
 * While one portion is being published and one block is looked up, the next is read. There are never two portions in flight, so the
 * log keeps the order of the file, and a slow broker slows down reading (the only buffers are two portions, two blocks and a
 * chunk). A checkpoint is reported only after everything before it was acknowledged.
 */
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { DEAD_LETTER, type Topic, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { unobserved } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { FileStamps } from "../runs/file_stamp.ts";
import { furthest, NO_ROWS } from "../runs/run.ts";
import type { NextOffsets, RowCounts } from "../runs/run_event.ts";
import { valueDigest } from "../store/value_digest.ts";
import type { ReadBatch } from "../trajectory/read_batch.ts";
import type { Extraction, Progress } from "./extraction.ts";
import {
  LineRecords,
  type PortionItem,
  recordsOf,
  type SameLine,
  type SplitLine,
} from "./portion.ts";
import type { Answer, UnchangedRows } from "./unchanged_rows.ts";

/** Rows per portion: enough that a round trip to the broker costs little, few enough that two portions are a few MB. */
export const PORTION_ROWS = 2000;
/** Longest time that rows wait for their portion to fill when the source is slow. */
export const PORTION_AGE_MS = 1000;
/** Between two progress events. Each event is kept forever; a crash may republish the rows of one interval. */
export const PROGRESS_INTERVAL_MS = 2000;
/** Lines that are looked up together. */
const BLOCK_LINES = 2000;
/**
 * Unchanged lines of a portion: those of a window fit into one, and of a month it takes a dozen, so the records that stand for them
 * take some hundredths of what the lines would. The lines are kept until then, because they may have to be published after all.
 */
const UNCHANGED_LINES_MAX = 8000;
const UNCHANGED_BYTES_MAX = 8 * 1024 * 1024;
/** Unchanged lines wait longer than rows when the source is slow: nobody sees them. */
const UNCHANGED_AGE_MS = 20_000;
/** After a block of which the database had nothing, only every so many lines are asked for first: a backfill reads what is new. */
const SAMPLE = 20;

/** Where a portion ends: at the end of its last batch, without that batch's rows. */
type PortionEnd = Pick<ReadBatch, "generatedAt" | "byteOffset" | "lastLine">;

/** Consecutive lines to be looked up, and the dead letters among them. */
interface Block {
  readonly lines: SplitLine[];
  readonly deadLetters: OutgoingRecord[];
  end: PortionEnd | null;
  since_ms: number;
}

interface Portion {
  readonly items: PortionItem[];
  readonly deadLetters: OutgoingRecord[];
  /** The items that are not records. */
  readonly same: SameLine[];
  sameBytes: number;
  end: PortionEnd | null;
  since_ms: number;
}

const emptyBlock = (): Block => ({ lines: [], deadLetters: [], end: null, since_ms: 0 });
const emptyPortion = (): Portion => ({
  items: [],
  deadLetters: [],
  same: [],
  sameBytes: 0,
  end: null,
  since_ms: 0,
});

export class PortionPublisher {
  readonly #extraction: Extraction;
  readonly #publisher: Publisher;
  readonly #unchanged: UnchangedRows | null;
  readonly #records: LineRecords;
  #block = emptyBlock();
  /** The block that is looked up. */
  #asked: { readonly block: Block; readonly answer: Promise<Answer | null> } | null = null;
  /** The database had nothing of the previous block. */
  #isNew = false;
  /**
   * The portion being filled. Rows are encoded as they arrive: the garbage collector does not move bytes, but would keep moving the
   * objects of a summary.
   */
  #portion = emptyPortion();
  /** The portion in flight; never rejects, its failure is kept for `#acknowledged`. */
  #underway: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | null = null;
  /** Counts up to the last portion that was acknowledged. */
  rows: RowCounts;
  nextOffsets: NextOffsets = {};
  /** Acknowledged, but not reported yet. */
  #progress: Progress | null = null;
  #reportedAt_ms = performance.now();

  readonly #stamps: FileStamps;

  constructor(extraction: Extraction, publisher: Publisher, stamps: FileStamps) {
    this.#stamps = stamps;
    this.#extraction = extraction;
    this.#publisher = publisher;
    this.#unchanged = extraction.unchanged ?? null;
    this.rows = extraction.resume?.rows ?? NO_ROWS;
    const { runId, epoch, file, observe } = extraction;
    this.#records = new LineRecords({
      runId,
      epoch,
      file,
      observe,
      schemaId: publisher.schemaId(TRAJECTORY_SUMMARY_RAW),
      deadLetterSchemaId: publisher.schemaId(DEAD_LETTER),
      stamps,
    });
  }

  /** Takes the next batch, and sends a portion once it is full. */
  async take(batch: ReadBatch): Promise<void> {
    this.#extraction.signal?.throwIfAborted();
    const { byteOffset, lastLine, unread } = batch;
    const generatedAt = this.#stamps.generationOf(batch.generatedAt);
    const end = { generatedAt, byteOffset, lastLine };
    if (unread === null) await this.#takeRows(batch, end);
    else await this.#takeLines(batch, end);
    if (this.#isPortionFull()) await this.#send();
  }

  /** Adds a batch whose values are read to the portion, after the lines before it. */
  async #takeRows(batch: ReadBatch, end: PortionEnd): Promise<void> {
    await this.#lookUp();
    await this.#fill();
    this.#begin(performance.now());
    for (const row of batch.rows) this.#portion.items.push(this.#records.ofRow(row, batch));
    for (const rejected of batch.rejected) {
      this.#portion.deadLetters.push(this.#records.ofRejected(rejected, batch));
    }
    this.#portion.end = end;
  }

  /** Adds a batch of lines to the block, and looks the block up once it is full. */
  async #takeLines(batch: ReadBatch, end: PortionEnd): Promise<void> {
    const block = this.#block;
    if (block.end === null) block.since_ms = performance.now();
    for (const line of this.#records.split(batch)) block.lines.push(line);
    for (const rejected of batch.rejected) {
      block.deadLetters.push(this.#records.ofRejected(rejected, batch));
    }
    block.end = end;
    const { portionRows = PORTION_ROWS } = this.#extraction;
    const isOld = performance.now() - block.since_ms >= PORTION_AGE_MS;
    const lines = block.lines.length + block.deadLetters.length;
    if (isOld || lines >= Math.min(BLOCK_LINES, portionRows)) await this.#lookUp();
    // The source is slow: there is nothing else to do meanwhile.
    if (isOld) await this.#fill();
  }

  /** Sends the rest and waits until all of it is acknowledged. */
  async finish(): Promise<void> {
    await this.#lookUp();
    await this.#fill();
    await this.#send();
    await this.#acknowledged();
  }

  /** Waits until nothing is in flight, whether it succeeded or failed. */
  async settle(): Promise<void> {
    await this.#asked?.answer.catch(() => {});
    await this.#underway;
  }

  /** Reports how far rows are acknowledged, if that has changed. */
  async report(): Promise<void> {
    const progress = this.#progress;
    if (progress === null) return;
    this.#progress = null;
    await this.#extraction.onProgress?.(progress);
    this.#reportedAt_ms = performance.now();
  }

  /** Begins to look up the block, after the previous one was added to the portion. */
  async #lookUp(): Promise<void> {
    const block = this.#block;
    if (block.end === null) return;
    this.#block = emptyBlock();
    await this.#fill();
    const answer = this.#ask(block.lines);
    // Whoever awaits it gets its failure.
    answer.catch(() => {});
    this.#asked = { block, answer };
  }

  async #ask(lines: readonly SplitLine[]): Promise<Answer | null> {
    const unchanged = this.#unchanged;
    if (unchanged === null || lines.length === 0) return null;
    const marksOf = (lines: readonly SplitLine[]) =>
      lines.map(({ unread, digest }) => ({ id: unread.id, digest }));
    if (this.#isNew) {
      const sample = await unchanged.ask(marksOf(lines.filter((_, at) => at % SAMPLE === 0)));
      if (sample === null || sample.lines.every((known) => known === null)) return null;
    }
    const answer = await unchanged.ask(marksOf(lines));
    this.#isNew = answer !== null && answer.lines.every((known) => known === null);
    return answer;
  }

  /** Adds the block that was looked up to the portion: what the database does not have is read and encoded. */
  async #fill(): Promise<void> {
    if (this.#asked === null) return;
    const { block, answer: asked } = this.#asked;
    this.#asked = null;
    const answer = await asked;
    this.#begin(block.since_ms);
    for (const [at, line] of block.lines.entries()) this.#add(line, at, answer);
    for (const deadLetter of block.deadLetters) this.#portion.deadLetters.push(deadLetter);
    this.#portion.end = block.end;
    if (this.#isPortionFull()) await this.#send();
  }

  /** Begins a portion with what is waiting since this time, if there is none. */
  #begin(since_ms: number): void {
    if (this.#portion.end === null) this.#portion.since_ms = since_ms;
  }

  #add(line: SplitLine, at: number, answer: Answer | null): void {
    const { unread: { id, bytes }, digest, batch } = line;
    const generatedAt = this.#stamps.generationOf(batch.generatedAt);
    // Without a generation, nothing says that this reading is newer than others: its rows are published.
    const known = generatedAt === null ? null : answer?.lines[at] ?? null;
    const portion = this.#portion;
    const same = (record: OutgoingRecord | null, value: bigint | null) => {
      const partition = this.#publisher.partitionOf(TRAJECTORY_SUMMARY_RAW, id);
      const item = { id, digest, partition, value, answer: answer!, from: line, record };
      portion.items.push(item);
      portion.same.push(item);
      portion.sameBytes += bytes.length;
    };
    if (known === "same") return same(null, null);
    const read = this.#records.ofLine(line);
    if ("dead" in read) portion.deadLetters.push(read.dead);
    else if (known !== null && valueDigest(read.record.value!) === known) same(read.record, known);
    else portion.items.push(read.record);
  }

  #isPortionFull(): boolean {
    const { items, same, sameBytes, deadLetters, end, since_ms } = this.#portion;
    if (end === null) return false;
    const { portionRows = PORTION_ROWS, unchangedRows = UNCHANGED_LINES_MAX } = this.#extraction;
    const rows = items.length - same.length + deadLetters.length;
    const age_ms = performance.now() - since_ms;
    return rows >= portionRows || same.length >= unchangedRows ||
      sameBytes >= UNCHANGED_BYTES_MAX ||
      age_ms >= (rows > 0 ? PORTION_AGE_MS : UNCHANGED_AGE_MS);
  }

  async #send(): Promise<void> {
    const portion = this.#portion;
    const { end } = portion;
    if (end === null) return;
    this.#portion = emptyPortion();
    await this.#acknowledged();
    const interval_ms = this.#extraction.progressInterval_ms ?? PROGRESS_INTERVAL_MS;
    if (performance.now() - this.#reportedAt_ms >= interval_ms) await this.report();
    this.#underway = this.#publish(portion, end).catch((error) => {
      this.#failure = { error };
    });
  }

  async #acknowledged(): Promise<void> {
    await this.#underway;
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #publish({ items, same, deadLetters }: Portion, end: PortionEnd): Promise<void> {
    await this.#extraction.started;
    await this.#publishDeadLetters(deadLetters);
    // Decided again in each attempt: the log may have gone on in the meantime.
    const { dead, rows, unchanged } = await this.#patiently(TRAJECTORY_SUMMARY_RAW, async () => {
      const changed = await this.#unchanged?.settle(same, this.#extraction.signal);
      // From here to the call of `publish` without waiting: nothing of this process comes between.
      const made = recordsOf(
        items,
        this.#records,
        (line) => changed!.has(line) || this.#unchanged!.isOverwritten(line),
      );
      if (made.records.length > 0) {
        this.#acknowledge(await this.#publisher.publish(TRAJECTORY_SUMMARY_RAW, made.records));
      }
      return made;
    });
    await this.#publishDeadLetters(dead);
    const rejected = deadLetters.length + dead.length;
    const before = this.rows;
    this.rows = {
      read: before.read + rows + unchanged + rejected,
      published: before.published + rows,
      unchanged: before.unchanged + unchanged,
      rejected: before.rejected + rejected,
    };
    const { generatedAt, byteOffset, lastLine } = end;
    const checkpoint = { byteOffset, lineNumber: lastLine };
    this.#progress = { generatedAt, checkpoint, rows: this.rows, nextOffsets: this.nextOffsets };
  }

  async #publishDeadLetters(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#patiently(DEAD_LETTER, () => this.#publisher.publish(DEAD_LETTER, records));
  }

  #acknowledge(next: ReadonlyMap<number, bigint>): void {
    const offsets = Object.fromEntries([...next].map(([at, offset]) => [at, Number(offset)]));
    this.nextOffsets = furthest(this.nextOffsets, offsets);
  }

  #patiently<Result>(topic: Topic, work: () => Promise<Result>): Promise<Result> {
    const { signal, observe = unobserved } = this.#extraction;
    const what = `publishing to ${topic.name}`;
    return retryWhileAway({ observe, part: "broker", what, signal }, work);
  }
}
