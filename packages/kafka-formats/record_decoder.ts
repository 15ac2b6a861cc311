/**
 * The records of a batch, read on access.
 *
 * A record is a few numbers that locate its parts in the batch's bytes. Decoding is one pass over the lengths, and waiting records
 * take little more memory than the bytes. (For each record, kafkajs 2.2.4 creates a decoder, a promise and four number objects, and
 * for each header a buffer, a string and a copy of all the headers before it.)
 */
import { Buffer } from "node:buffer";
import type { BatchHead } from "./record_batch.ts";
import { CorruptBatchError, RecordWalk } from "./record_walk.ts";
import { VarintReader } from "./varint.ts";

/** Header values: bytes, or an array when a name occurs several times. */
export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;

/** A length of -1 stands for null. */
const NULL_LENGTH = -1;

/** One record, as positions in its batch's bytes. */
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
    /** Size of the record, headers included. */
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

  /** Read on each access, usually once: kept, they would cost every waiting record five objects. */
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
 * The records of a batch, each mapped by `wrap`.
 * @param bytes what follows the batch's head, uncompressed
 * @throws CorruptBatchError when a length points outside the bytes, bytes are left over, or offsets do not ascend within the batch
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

/** Adds the readable headers to `headers`. They only describe the record, so a malformed one is no reason to lose it. */
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

/** A header name that was seen before, with its last value while that keeps repeating. */
interface MetHeader {
  readonly name: string;
  readonly bytes: Uint8Array;
  value: Buffer | null;
  /** Number of consecutive changes of the value. */
  changes: number;
}

/**
 * Every record has the same few headers, and most (run, file, generation) repeat their value. Comparing bytes is cheaper than
 * creating a string or a buffer, and thousands of waiting records share the same values.
 */
const metHeaders: MetHeader[] = [];
/** A producer may put a new name into every record, so new names reuse the back half, and a name seen again moves forward. */
const MET_HEADERS_MAX = 16;
const FRONT = MET_HEADERS_MAX / 2;
let turn = 0;
/** A longer value is not shared: comparing it costs more than it saves. */
const SHARED_VALUE_BYTES_MAX = 256;
/** A header that changed this often in a row (a line number) probably always changes; it is compared only now and then. */
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

/** The value; when it equals that of the previous record, the same buffer. */
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

/** Compares from the end, where values usually differ. */
function isAt(bytes: Uint8Array, at: number, length: number, known: Uint8Array): boolean {
  if (known.length !== length) return false;
  for (let i = length - 1; i >= 0; i--) if (known[i] !== bytes[at + i]) return false;
  return true;
}
