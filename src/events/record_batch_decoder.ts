/**
 * The records of a batch as they come from a fetch, read when somebody looks at them.
 *
 * kafkajs 2.2.4 makes a decoder, a promise, four objects for numbers, and for every header a buffer, a string and a copy of all
 * the headers before it, for each record. Here a record is a few numbers that say where in the batch's bytes its parts are: one pass
 * over the lengths, and what waits in memory is little more than the bytes.
 *
 * The format is Kafka's (kafka.apache.org, "Message format", record batch version 2); integers of records are zigzag varints.
 */
import { Buffer } from "node:buffer";
import type { ConsumedRecord, HeaderValue } from "./consumed_record.ts";

/** What all records of a batch share, by the names that kafkajs gives it. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  /** 1: the broker's time stands for all records, `maxTimestamp`. */
  readonly timestampType: number;
  readonly isControlBatch: boolean;
  readonly producerId: string;
  readonly inTransaction: boolean;
  /** From the first offset to the last one, also of records that are no longer there. */
  readonly lastOffsetDelta: number;
}

/** The bytes of a batch are not what its head says. */
export class CorruptBatchError extends Error {
  override readonly name = "CorruptBatchError";
}

const LOG_APPEND_TIME = 1;
/** A length of -1 stands for null. */
const NULL_LENGTH = -1;

/** One record, as places in its batch's bytes. */
export class LogRecord implements ConsumedRecord {
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
      readHeaders(new Cursor(this.bytes, this.headersAt), headers);
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error;
    }
    return headers;
  }
}

/** A record as kafkajs's own code and other users of its consumers know one. */
export class FetchedMessage {
  readonly attributes = 0;
  readonly magicByte = 2;

  constructor(readonly record: LogRecord, readonly batchContext: BatchContext) {}

  get offset(): string {
    return this.record.offset.toString();
  }
  get timestamp(): string {
    return String(this.record.timestamp.getTime());
  }
  get key(): Buffer | null {
    return this.record.key;
  }
  get value(): Buffer | null {
    return this.record.value;
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.record.headers;
  }
  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
}

/**
 * The records of a batch.
 * @param bytes what follows the batch's record count, unpacked
 * @throws CorruptBatchError when a length leads out of them, bytes are left over, or offsets do not ascend within the batch's own
 */
export function decodeRecords(
  bytes: Buffer,
  count: number,
  context: BatchContext,
): FetchedMessage[] {
  const firstOffset = BigInt(context.firstOffset);
  const firstTimestamp = Number(context.firstTimestamp);
  const appendedAt = context.timestampType === LOG_APPEND_TIME
    ? Number(context.maxTimestamp)
    : null;
  const cursor = new Cursor(bytes, 0);
  const messages: FetchedMessage[] = [];
  let lastDelta = -1;
  for (let at = 0; at < count; at++) {
    const size = cursor.varint();
    const start = cursor.at;
    const end = start + size;
    if (size < 0 || end > bytes.length) throw corrupt(bytes, start, size);
    cursor.at++; // attributes, of no use so far
    const timestamp = firstTimestamp + cursor.varint();
    const delta = cursor.varint();
    // Elsewhere it would be taken for a record that was read before, or would carry the position over others.
    if (delta <= lastDelta || delta > context.lastOffsetDelta) {
      throw new CorruptBatchError(
        `record ${at} has the offset delta ${delta} behind ${lastDelta} in a batch up to ${context.lastOffsetDelta}`,
      );
    }
    lastDelta = delta;
    const offset = firstOffset + BigInt(delta);
    const keyLength = cursor.varint();
    const keyAt = cursor.at;
    if (keyLength > 0) cursor.at += keyLength;
    const valueLength = cursor.varint();
    const valueAt = cursor.at;
    if (valueLength > 0) cursor.at += valueLength;
    if (cursor.at > end) throw corrupt(bytes, start, size);
    const record = new LogRecord(
      offset,
      appendedAt ?? timestamp,
      bytes,
      keyAt,
      keyLength,
      valueAt,
      valueLength,
      cursor.at,
      size,
    );
    messages.push(new FetchedMessage(record, context));
    cursor.at = end;
  }
  if (cursor.at !== bytes.length) {
    throw new CorruptBatchError(
      `${bytes.length - cursor.at} bytes are left behind the ${count} records that it says it has`,
    );
  }
  return messages;
}

function corrupt(bytes: Buffer, at: number, size: number): CorruptBatchError {
  return new CorruptBatchError(
    `a record of ${size} bytes begins at byte ${at} of a batch whose records have ${bytes.length} bytes`,
  );
}

function slice(bytes: Buffer, at: number, length: number): Buffer | null {
  return length === NULL_LENGTH ? null : bytes.subarray(at, at + length);
}

/** Reads varints one after the other. */
class Cursor {
  constructor(readonly bytes: Buffer, public at: number) {}

  /** A zigzag varint of up to 64 bits; exact up to 2^53, which no length, offset delta or time comes near. */
  varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = bytes[this.at++]!;
      if (byte === undefined) throw new CorruptBatchError("a record batch ends inside a number");
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** Adds to `headers` what can be read: they are about a record, not of it, and no reason to lose it. */
function readHeaders(cursor: Cursor, headers: Record<string, HeaderValue>): void {
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
/** A longer value is not kept: it would be compared for nothing. */
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
