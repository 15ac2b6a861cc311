/**
 * The reader of summary files as a synchronous state machine: chunks of bytes in, batches out.
 *
 *   first bytes ── not plain text: SummaryFormatError(foreign)
 *        ▼
 *   before header ── two lines of column names ──▶ rows ── other column names ──▶ rows, with new columns
 *        │                                          │
 *        ├─ names without the identifier: SummaryFormatError(no_identifier)
 *        ├─ a data line: SummaryFormatError(html | no_header)
 *        └─ the end: UnfinishedSummaryError         └─ the end: ReadSummary
 *
 * Lines end at LF, and CRs around a line are dropped, so that LF, CRLF, the source's LF-CR and the LF + empty line of its yearly
 * files are all read alike. Empty lines are skipped. Lines that begin with `#` are comments, wherever they are. A comment may be
 * a generation stamp, and two in a row may be the column names; anything else in comments is ignored.
 *
 * Memory is bounded: a line is buffered up to LINE_BYTES_MAX, and a batch has at most BATCH_LINES_MAX lines.
 */
import { Buffer } from "node:buffer";
import { SummaryFormatError, UnfinishedSummaryError } from "./format_error.ts";
import { refuseForeignFormat, SIGNATURE_BYTES } from "./foreign_format.ts";
import {
  commentCells,
  hasIdentifier,
  headerOf,
  IDENTIFIER_FIELD,
  stampOf,
  type SummaryHeader,
} from "./summary_header.ts";
import { identifierAtStart } from "./first_cell.ts";
import { LineCarry } from "./line_carry.ts";
import type {
  ReadBatch,
  ReadRow,
  ReadSummary,
  RejectedLine,
  ResumePoint,
  UnreadLine,
} from "./read_batch.ts";
import { Rejection, RowReader, utf8Text } from "./row.ts";

/** Longest line that is read. Rows have 900 to 1,000 bytes, and seven more for each station beyond a few. */
export const LINE_BYTES_MAX = 16 * 1024;
/** Maximum number of lines (rows and rejected) in one batch, however large the chunk: some 15 MB of rows. */
export const BATCH_LINES_MAX = 4096;

const LF = 0x0a, CR = 0x0d, SPACE = 0x20, HASH = 0x23;
/** Maximum number of characters of a line that an error quotes. */
const QUOTED_LENGTH_MAX = 60;

/** Reads one file, or the rest of one. Pass the chunks to `read` in order, then call `finish` once. */
export class SummaryReader {
  readonly #carry = new LineCarry(LINE_BYTES_MAX);
  readonly #isResumed: boolean;
  /** Whether the values of lines are left unread. */
  readonly #keepsLines: boolean;
  /** The file's first bytes until the format is known; null afterwards. */
  #start: Buffer | null = Buffer.alloc(0);
  /** Where the current line begins, and its number. */
  #lineOffset: number;
  #line: number;

  #header: SummaryHeader | null = null;
  #rowReader: RowReader | null = null;
  /** Why rows under a later header can't be read; null while they can. */
  #refusal: string | null = null;
  #generatedAt: Date | null;
  /** Cells of the previous comment line, which may be the first of two lines of column names. */
  #nameCells: string[] | null = null;

  /** The current batch, and the finished batches. */
  #rows: ReadRow[] = [];
  #rejected: RejectedLine[] = [];
  /** Null under a header whose first column is not the identifier, and when values are read at once. */
  #unread: UnreadLine[] | null = null;
  readonly #ready: ReadBatch[] = [];
  #rowCount = 0;
  #rejectedCount = 0;

  /** @param keepsLines leaves the values of lines unread: see `ReadBatch.unread` */
  constructor(resume?: ResumePoint, keepsLines = false) {
    this.#keepsLines = keepsLines;
    this.#isResumed = resume !== undefined;
    this.#lineOffset = resume?.byteOffset ?? 0;
    this.#line = (resume?.lineNumber ?? 0) + 1;
    this.#generatedAt = resume?.generatedAt ?? null;
    if (resume === undefined) return;
    this.#start = null;
    this.#readUnder(resume.header);
  }

  /** The header of the current line; null before the first header. */
  get header(): SummaryHeader | null {
    return this.#header;
  }

  /** The generation stamp of the current line; null before the first stamp. */
  get generatedAt(): Date | null {
    return this.#generatedAt;
  }

  /**
   * Reads the next chunk and returns its lines: one batch, none if no data line ended in it, more if it has more than
   * BATCH_LINES_MAX lines or a new header. The chunk's memory may be reused when the generator is done.
   * @throws SummaryFormatError if this is not a readable summary file
   */
  *read(chunk: Uint8Array): Generator<ReadBatch, void, void> {
    // Lines that are kept are parts of a copy: a copy of each line would cost more, and the chunk's memory may be reused.
    const bytes = this.#keepsLines
      ? Buffer.from(chunk)
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#start !== null) this.#checkStart(this.#start, bytes);
    let start = 0;
    for (let lf = indexOfLf(bytes, 0); lf !== -1; lf = indexOfLf(bytes, start)) {
      const length = this.#readLine(bytes, start, lf);
      this.#lineOffset += length + 1;
      this.#line++;
      start = lf + 1;
      if (this.#batchLines >= BATCH_LINES_MAX) this.#closeBatch();
      if (this.#ready.length > 0) yield* this.#ready.splice(0);
    }
    this.#carry.append(bytes, start, bytes.length);
    this.#closeBatch();
    yield* this.#ready.splice(0);
  }

  /**
   * Ends the file: yields the batch of a last line without a line end, if the line is complete, and returns what was read.
   *
   * The source ends every line, so a last line without an end was nearly always still being written. It is accepted only if nothing
   * can be missing: all fields, as many stations as `num_stat` says, and the last station complete. Otherwise the file is `cut` and
   * the line is left for the next reading. (Errors that reading again can't fix are rejected as in any other line: too many fields,
   * control characters, too long.)
   * @throws UnfinishedSummaryError if the file ended before its first row
   * @throws SummaryFormatError if data came before any header
   */
  *finish(): Generator<ReadBatch, ReadSummary, void> {
    const cut = this.#isCut();
    if (!cut && this.#carry.length > 0) {
      this.#lineOffset += this.#readLine(this.#carry.bytes, 0, 0);
      this.#line++;
    }
    const readNothing = this.#rowCount + this.#rejectedCount === 0 && !cut && !this.#isResumed;
    if (readNothing) throw new UnfinishedSummaryError(this.#lineOffset, this.#header !== null);
    this.#closeBatch();
    yield* this.#ready.splice(0);
    return {
      rows: this.#rowCount,
      rejected: this.#rejectedCount,
      generatedAt: this.#generatedAt,
      cut,
      byteOffset: this.#lineOffset,
    };
  }

  /** @throws SummaryFormatError when the file is not plain text */
  #checkStart(before: Buffer, chunk: Buffer): void {
    const seen = Buffer.concat([before, chunk.subarray(0, SIGNATURE_BYTES - before.length)]);
    this.#start = seen.length < SIGNATURE_BYTES ? seen : null;
    refuseForeignFormat(seen);
  }

  #isCut(): boolean {
    const { bytes, kept, length } = this.#carry;
    const [start, end] = trimmed(bytes, 0, kept);
    if (start === end || bytes[start] === HASH || length > LINE_BYTES_MAX) return false;
    return this.#rowReader !== null && this.#refusal === null &&
      this.#rowReader.isCut(bytes, start, end);
  }

  /** Reads the line that ends with `bytes[start, end)`; its beginning may be in the carry. Returns its length in bytes. */
  #readLine(bytes: Buffer, start: number, end: number): number {
    let length = end - start;
    if (this.#carry.length > 0) {
      this.#carry.append(bytes, start, end);
      ({ bytes, length } = this.#carry);
      start = 0;
      this.#carry.clear();
    }
    const [from, to] = trimmed(bytes, start, start + Math.min(length, LINE_BYTES_MAX));
    if (from === to) return length;
    if (bytes[from] === HASH) this.#readComment(bytes, from, to);
    else if (this.#rowReader === null) this.#readTextBeforeHeader(bytes, from, to);
    else this.#readData(this.#rowReader, bytes, from, to, length);
    return length;
  }

  #readData(reader: RowReader, bytes: Buffer, start: number, end: number, length: number): void {
    this.#nameCells = null;
    if (this.#unread !== null && this.#refusal === null && length <= LINE_BYTES_MAX) {
      const id = identifierAtStart(bytes, start, end);
      if (id !== null) {
        this.#rowCount++;
        const kept = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
        // The carry is used again for the next line that two chunks share.
        const isCarried = bytes === this.#carry.bytes;
        this.#unread.push({ line: this.#line, id, bytes: isCarried ? kept.slice() : kept });
        return;
      }
    }
    const result = this.#refusal !== null
      ? new Rejection(this.#refusal, null)
      : length > LINE_BYTES_MAX
      ? new Rejection(`line of ${length} bytes, at most ${LINE_BYTES_MAX} are read`, null)
      : reader.read(bytes, start, end);
    if (result instanceof Rejection) {
      this.#rejectedCount++;
      this.#rejected.push(rejectedLine(this.#line, result, bytes, start, end));
    } else {
      this.#rowCount++;
      this.#rows.push({ line: this.#line, summary: result });
    }
  }

  #readComment(bytes: Buffer, start: number, end: number): void {
    const text = lineText(bytes, start, end);
    if (this.#header === null && text.includes("\r")) {
      throw new SummaryFormatError(
        "no_header",
        "the file's lines end in carriage returns without line feeds",
        "Convert it to lines that end in line feeds.",
      );
    }
    const stamp = stampOf(text);
    if (stamp !== null) {
      if (stamp.getTime() !== this.#generatedAt?.getTime()) this.#closeBatch();
      this.#generatedAt = stamp;
    }
    const first = this.#nameCells;
    const second = this.#nameCells = commentCells(text);
    const header = first === null || second === null ? null : headerOf(first, second);
    if (header !== null) this.#useHeader(header);
  }

  #useHeader(header: SummaryHeader): void {
    this.#nameCells = null;
    if (hasIdentifier(header)) {
      this.#refusal = null;
      // The same names again (each month's header in a file that was put together from months) change nothing.
      if (JSON.stringify(header) === JSON.stringify(this.#header)) return;
      this.#closeBatch();
      this.#readUnder(header);
      return;
    }
    const reason = `the header has ${header.columns.length} columns and none of them is the ` +
      "unique trajectory identifier";
    if (this.#header === null) {
      throw new SummaryFormatError(
        "no_identifier",
        `${reason}, so its rows have no identity`,
        "It was generated before 2022-03-16, when the source added the identifier: get a newer copy of the file.",
      );
    }
    this.#refusal = `${reason} (line ${this.#line})`;
  }

  #readUnder(header: SummaryHeader): void {
    this.#header = header;
    this.#rowReader = new RowReader(header);
    const isFirst = header.columns[0]?.field === IDENTIFIER_FIELD;
    this.#unread = this.#keepsLines && isFirst ? [] : null;
  }

  #readTextBeforeHeader(bytes: Buffer, start: number, end: number): void {
    // The decoder removes a byte order mark, which would otherwise hide the first comment's #.
    const text = lineText(bytes, start, end).trimStart();
    if (text === "") return;
    if (text.startsWith("#")) {
      return this.#readComment(Buffer.from(text), 0, Buffer.byteLength(text));
    }
    const quoted = JSON.stringify(text.slice(0, QUOTED_LENGTH_MAX));
    if (text.startsWith("<")) {
      throw new SummaryFormatError(
        "html",
        `this is a web page, not a summary file: line ${this.#line} begins with ${quoted}`,
        "Look at the address in a browser: the source may be down or the file may have moved.",
      );
    }
    throw new SummaryFormatError(
      "no_header",
      `line ${this.#line} is data (${quoted}), but there are no column names before it`,
      "A summary file begins with comment lines that name its columns. Check that this is one, and that its beginning is not cut off.",
    );
  }

  get #batchLines(): number {
    return this.#rows.length + this.#rejected.length + (this.#unread?.length ?? 0);
  }

  /** Makes a batch of the lines so far, except the current line. */
  #closeBatch(): void {
    const [header, reader, lines] = [this.#header, this.#rowReader, this.#unread];
    if (header === null || reader === null || this.#batchLines === 0) return;
    this.#ready.push({
      rows: this.#rows,
      rejected: this.#rejected,
      unread: lines === null ? null : { lines, read: (line) => readUnread(reader, line) },
      byteOffset: this.#lineOffset,
      lastLine: this.#line - 1,
      generatedAt: this.#generatedAt,
      header,
    });
    this.#rows = [];
    this.#rejected = [];
    if (lines !== null) this.#unread = [];
  }
}

/** Reads a line that was kept. */
function readUnread(reader: RowReader, unread: UnreadLine): ReadRow | RejectedLine {
  const { line, bytes: { buffer, byteOffset, byteLength } } = unread;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const result = reader.read(bytes, 0, bytes.length);
  return result instanceof Rejection
    ? rejectedLine(line, result, bytes, 0, bytes.length)
    : { line, summary: result };
}

function rejectedLine(
  line: number,
  { reason, field }: Rejection,
  bytes: Buffer,
  start: number,
  end: number,
): RejectedLine {
  return { line, reason, field, text: lineText(bytes, start, end) };
}

/** The position of the next LF, or -1. Uses the engine's own search, because Buffer's has overheads for its many cases. */
function indexOfLf(bytes: Uint8Array, start: number): number {
  return Uint8Array.prototype.indexOf.call(bytes, LF, start);
}

/** `bytes[start, end)` without spaces and carriage returns at its ends. */
function trimmed(bytes: Buffer, start: number, end: number): [number, number] {
  while (start < end && (bytes[start] === CR || bytes[start] === SPACE)) start++;
  while (end > start && (bytes[end - 1] === CR || bytes[end - 1] === SPACE)) end--;
  return [start, end];
}

/** The text of a line. A line that is not UTF-8 is read as Latin-1, which loses no byte. */
function lineText(bytes: Buffer, start: number, end: number): string {
  return utf8Text(bytes, start, end) ?? bytes.toString("latin1", start, end);
}
