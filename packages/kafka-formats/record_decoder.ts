/**
 * The records of a batch, read on access.
 *
 * A record is a few numbers that say where in the batch's bytes its parts are: one pass over the lengths, and what waits in memory is
 * little more than the bytes. (kafkajs 2.2.4 makes a decoder, a promise, four objects for numbers, and for every header a buffer, a
 * string and a copy of all the headers before it, for each record.)
 */
import { Buffer } from "node:buffer";
import type { BatchHead } from "./record_batch.ts";
import { CorruptBatchError, RecordWalk } from "./record_walk.ts";
import { VarintReader } from "./varint.ts";

/** Header values: bytes, or several of one name. */
export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;

/** A length of -1 stands for null. */
const NULL_LENGTH = -1;

/** One record, as places in its batch's bytes. */
export class LogRecord {
  constructor(
    readonly offset: bigint,
    private readonly timestamp_ms: number,
    private readonly bytes: Buffer,
    private readonly keyAt: number,
    private readonly keyLength: number,
    private readonly valueAt: number,
    private readonly valueLength: number,
    private readonly headersAt: number,
    /** Bytes of the record, its headers included. */
    readonly size_bytes: number,
  ) {}

  get timestamp(): Date {
    return new Date(this.timestamp_ms);
  }

  get key(): Buffer | null {
    return slice(this.bytes, this.keyAt, this.keyLength);
  }

  get value(): Buffer | null {
    return slice(this.bytes, this.valueAt, this.valueLength);
  }

  /** Read anew each time, which is mostly once: kept, they would be five objects of every record that waits. */
  get headers(): Readonly<Record<string, HeaderValue>> {
    const headers: Record<string, HeaderValue> = {};
    try {
      readHeaders(new VarintReader(this.bytes, this.headersAt), headers);
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error;
    }
    return headers;
  }
}

/** The part of a batch's head that its records depend on. */
export type RecordsHead = Pick<
  BatchHead,
  | "baseOffset"
  | "baseTimestamp_ms"
  | "maxTimestamp_ms"
  | "isLogAppendTime"
  | "lastOffsetDelta"
  | "recordCount"
>;

/**
 * The records of a batch, each as `wrap` gives it on.
 * @param bytes what follows the batch's head, uncompressed
 * @throws CorruptBatchError when a length leads out of them, bytes are left over, or offsets do not ascend within the batch's own
 */
export function decodeRecords<Wrapped>(
  bytes: Buffer,
  head: RecordsHead,
  wrap: (record: LogRecord) => Wrapped,
): Wrapped[] {
  const appendedAt = head.isLogAppendTime ? head.maxTimestamp_ms : null;
  const walk = new RecordWalk(bytes, head.recordCount, head.lastOffsetDelta);
  const records: Wrapped[] = [];
  while (walk.next()) {
    const record = new LogRecord(
      head.baseOffset + BigInt(walk.offsetDelta),
      appendedAt ?? head.baseTimestamp_ms + walk.timestampDelta,
      bytes,
      walk.keyAt,
      walk.keyLength,
      walk.valueAt,
      walk.valueLength,
      walk.headersAt,
      walk.size_bytes,
    );
    records.push(wrap(record));
  }
  return records;
}

function slice(bytes: Buffer, at: number, length: number): Buffer | null {
  return length === NULL_LENGTH ? null : bytes.subarray(at, at + length);
}

/** Adds to `headers` what can be read: they are about a record, not of it, and no reason to lose it. */
function readHeaders(cursor: VarintReader<Buffer>, headers: Record<string, HeaderValue>): void {
  const { bytes } = cursor;
  for (let left = cursor.varint(); left > 0; left--) {
    const nameLength = cursor.varint();
    if (nameLength < 0 || cursor.at + nameLength >= bytes.length) break;
    const met = metHeader(bytes, cursor.at, nameLength);
    cursor.at += nameLength;
    const length = cursor.varint();
    if (length < NULL_LENGTH || cursor.at + length > bytes.length) break;
    const value = valueOf(met, bytes, cursor.at, length) ?? undefined;
    if (length > 0) cursor.at += length;
    const before = headers[met.name];
    headers[met.name] = before === undefined
      ? value
      : [...(Array.isArray(before) ? before : [before]), ...(value === undefined ? [] : [value])];
  }
}

/** A header that has been met, and its last value while it comes again and again. */
interface MetHeader {
  readonly name: string;
  readonly bytes: Uint8Array;
  value: Buffer | null;
  /** Values in a row that were not the one before. */
  changes: number;
}

/**
 * The same few headers come with every record, most of them (run, file, generation) with the same value: looking at bytes is cheaper
 * than making a text or a buffer of them, and thousands of records that wait share what they say.
 */
const metHeaders: MetHeader[] = [];
/** Somebody may write a new name into every record: new ones take turns in the back half, and what is met again moves forward. */
const MET_HEADERS_MAX = 16;
const FRONT = MET_HEADERS_MAX / 2;
let turn = 0;
/** A longer value is not shared: comparing it costs more than it saves. */
const SHARED_VALUE_BYTES_MAX = 256;
/** A header that has changed so often in a row (a line's number) is taken for one that always does, and tried only now and then. */
const CHANGES_MAX = 8;
const TRIED_AGAIN_EVERY = 256;

function metHeader(bytes: Buffer, at: number, length: number): MetHeader {
  for (let i = 0; i < metHeaders.length; i++) {
    const met = metHeaders[i]!;
    if (!isAt(bytes, at, length, met.bytes)) continue;
    if (i >= FRONT) [metHeaders[i], metHeaders[i - FRONT]] = [metHeaders[i - FRONT]!, met];
    return met;
  }
  const met = {
    name: bytes.toString("utf8", at, at + length),
    bytes: Uint8Array.from(bytes.subarray(at, at + length)),
    value: null,
    changes: 0,
  };
  if (metHeaders.length < MET_HEADERS_MAX) metHeaders.push(met);
  else metHeaders[FRONT + turn++ % FRONT] = met;
  return met;
}

/** The value, as the very buffer of the record before when it is the same. */
function valueOf(met: MetHeader, bytes: Buffer, at: number, length: number): Buffer | null {
  if (met.value !== null && isAt(bytes, at, length, met.value)) {
    met.changes = 0;
    return met.value;
  }
  const value = slice(bytes, at, length);
  if (value === null || length > SHARED_VALUE_BYTES_MAX) return value;
  met.changes++;
  if (met.changes > CHANGES_MAX && met.changes % TRIED_AGAIN_EVERY !== 0) return value;
  // Copied: a view would keep the whole fetch in memory.
  return met.value = Buffer.from(value);
}

/** From the end: what differs, differs there. */
function isAt(bytes: Uint8Array, at: number, length: number, known: Uint8Array): boolean {
  if (known.length !== length) return false;
  for (let i = length - 1; i >= 0; i--) if (known[i] !== bytes[at + i]) return false;
  return true;
}
