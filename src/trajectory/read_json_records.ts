/**
 * Reads trajectory summaries from a stream of JSON: an array of records, or one record per line (NDJSON). Returns the same batches
 * as the reader of summary files.
 *
 *     first byte `[` ─▶ array: records are cut out by counting brackets; anything between them that is not a record is an error
 *     any other      ─▶ lines: each is read on its own, and a line that is not JSON is rejected without the others
 *
 * `line` is the number of the line, or in an array that of the record, from 1. Memory is bounded: a record is buffered up to
 * `RECORD_BYTES_MAX`, and a batch holds at most `BATCH_RECORDS_MAX` records.
 */
import { Buffer } from "node:buffer";
import { SummaryFormatError } from "./format_error.ts";
import type { SummaryHeader } from "./summary_header.ts";
import { readJsonRecord } from "./json_record.ts";
import { LineCarry } from "./line_carry.ts";
import type { ReadBatch, ReadRow, ReadSummary, RejectedLine } from "./read_batch.ts";
import { Rejection, utf8Text } from "./row.ts";

/** Longest record that is read. A record with every field filled has 2.5 KB. */
export const RECORD_BYTES_MAX = 64 * 1024;
const BATCH_RECORDS_MAX = 2_000;

const LF = 0x0a, SPACE = 0x20, QUOTE = 0x22, COMMA = 0x2c, BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** JSON has no columns. */
const NO_HEADER: SummaryHeader = { columns: [], unknownColumns: [], missingColumns: [] };

/**
 * Reads JSON records.
 * @param chunks the bytes in order, cut anywhere
 * @returns after the last batch: the counts, and whether the array was cut (it has no end)
 * @throws SummaryFormatError when an array has something other than records
 */
export async function* readJsonRecords(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ReadBatch, ReadSummary, void> {
  let reader: RecordReader | null = null;
  let skipped = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const start: number = reader === null ? bytes.findIndex((byte) => byte > SPACE) : 0;
    if (start < 0) {
      skipped += bytes.length;
      continue;
    }
    reader ??= bytes[start] === OPEN_ARRAY ? new ArrayReader(skipped) : new LineReader(skipped);
    yield* reader.read(bytes);
  }
  reader ??= new LineReader(skipped);
  return yield* reader.finish();
}

/** The common part of both layouts: collects records into batches. */
abstract class RecordReader {
  protected readonly carry = new LineCarry(RECORD_BYTES_MAX);
  /** Number of the current line or record. */
  protected line = 1;
  /** Bytes before the current chunk. */
  protected before: number;
  #rows: ReadRow[] = [];
  #rejected: RejectedLine[] = [];
  #rowCount = 0;
  #rejectedCount = 0;

  constructor(skipped: number) {
    this.before = skipped;
  }

  *read(bytes: Buffer): Generator<ReadBatch, void, void> {
    for (const _record of this.scan(bytes)) {
      if (this.#rows.length + this.#rejected.length >= BATCH_RECORDS_MAX) yield this.#batch();
    }
    this.before += bytes.length;
    if (this.#rows.length + this.#rejected.length > 0) yield this.#batch();
  }

  *finish(): Generator<ReadBatch, ReadSummary, void> {
    const cut = this.end();
    if (this.#rows.length + this.#rejected.length > 0) yield this.#batch();
    return {
      rows: this.#rowCount,
      rejected: this.#rejectedCount,
      generatedAt: null,
      cut,
      byteOffset: this.before,
    };
  }

  /** Reads the records that end in these bytes. Yields after each record. */
  protected abstract scan(bytes: Buffer): Generator<void, void, void>;
  /** Reads the rest, and returns whether the end is missing. */
  protected abstract end(): boolean;

  /** Reads the record in the carry. */
  protected take(): void {
    const { carry, line } = this;
    const text = utf8Text(carry.bytes, 0, carry.kept);
    const result = carry.length > carry.kept
      ? new Rejection(`has ${carry.length} bytes, more than ${RECORD_BYTES_MAX}`, null)
      : text === null
      ? new Rejection("not UTF-8 text", null)
      : readText(text);
    if (result instanceof Rejection) {
      const { reason, field } = result;
      const shown = text ?? carry.bytes.toString("latin1", 0, carry.kept);
      this.#rejected.push({ line, reason, field, text: shown });
      this.#rejectedCount++;
    } else {
      this.#rows.push({ line, summary: result });
      this.#rowCount++;
    }
    carry.clear();
  }

  #batch(): ReadBatch {
    const batch: ReadBatch = {
      rows: this.#rows,
      unread: null,
      rejected: this.#rejected,
      byteOffset: this.before,
      lastLine: this.line,
      generatedAt: null,
      header: NO_HEADER,
    };
    this.#rows = [];
    this.#rejected = [];
    return batch;
  }
}

function readText(text: string): ReturnType<typeof readJsonRecord> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return new Rejection(`not JSON: ${(error as Error).message}`, null);
  }
  return readJsonRecord(json);
}

/** One record per line. Empty lines are skipped. */
class LineReader extends RecordReader {
  protected *scan(bytes: Buffer): Generator<void, void, void> {
    let from = 0;
    for (let to = bytes.indexOf(LF); to >= 0; to = bytes.indexOf(LF, from)) {
      this.carry.append(bytes, from, to);
      this.#takeLine();
      from = to + 1;
      this.line++;
      yield;
    }
    this.carry.append(bytes, from, bytes.length);
  }

  protected end(): boolean {
    this.#takeLine();
    return false;
  }

  #takeLine(): void {
    const { bytes, kept } = this.carry;
    for (let at = 0; at < kept; at++) {
      if (bytes[at]! > SPACE) return this.take();
    }
    this.carry.clear();
  }
}

/** The records of an array. */
class ArrayReader extends RecordReader {
  /** before the array, between its records, inside one, after the array. */
  #where: "before" | "between" | "record" | "after" = "before";
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  protected *scan(bytes: Buffer): Generator<void, void, void> {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (this.#where !== "record") {
        this.#outside(byte);
        from = at;
      } else if (this.#endsRecord(byte)) {
        this.carry.append(bytes, from, at + 1);
        this.take();
        this.line++;
        this.#where = "between";
        yield;
      }
    }
    if (this.#where === "record") this.carry.append(bytes, from, bytes.length);
  }

  protected end(): boolean {
    return this.#where !== "after";
  }

  /** Reads a byte between records. Commas are not checked: a missing one does no harm. */
  #outside(byte: number): void {
    if (byte <= SPACE) return;
    if (this.#where === "before" && byte === OPEN_ARRAY) this.#where = "between";
    else if (this.#where === "between" && byte === CLOSE_ARRAY) this.#where = "after";
    else if (this.#where === "between" && byte === OPEN_OBJECT) {
      this.#where = "record";
      this.#depth = 1;
    } else if (this.#where !== "between" || byte !== COMMA) {
      throw new SummaryFormatError(
        "json",
        `${this.#where === "after" ? "after the array" : `before record ${this.line}`} is ${
          JSON.stringify(String.fromCharCode(byte))
        }, not a record`,
        'send [{"unique_trajectory_identifier": …}, …], or an object a line',
      );
    }
  }

  #endsRecord(byte: number): boolean {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInText) {
      if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInText = false;
    } else if (byte === QUOTE) this.#isInText = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth--;
    return this.#depth === 0;
  }
}
