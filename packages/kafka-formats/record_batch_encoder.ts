/**
 * Writes Kafka record batches (format v2) in one pass into one buffer of the right size.
 *
 * kafkajs writes every record, and every header of every record, into a growing buffer of its own and copies them together:
 * a record with our four headers takes it about 75 µs, more than all other work on the record (docs/performance.md). The
 * format is Kafka's: https://kafka.apache.org/documentation/#recordbatch. The application replaces kafkajs's encoder
 * with this one; a test keeps the two equal, byte for byte.
 */
import { Buffer } from "node:buffer";
import {
  BATCH_HEAD_BYTES,
  type NewBatchHead,
  setChecksum,
  writeBatchHead,
} from "./record_batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/** A record as kafkajs hands it to its encoder. */
export interface BatchRecord {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, HeaderValue | HeaderValue[]>>;
  readonly offsetDelta?: number;
  /** Milliseconds since the batch's first timestamp. */
  readonly timestampDelta?: number;
}

type HeaderValue = Buffer | string | null | undefined;

/** The whole batch, base offset 0, uncompressed. */
export function encodeRecordBatch(
  head: NewBatchHead,
  records: readonly BatchRecord[],
): Buffer {
  const bodies = new Array<number>(records.length);
  let size = BATCH_HEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    const body = bodyBytes(records[i]!);
    bodies[i] = body;
    size += varintBytes(body) + body;
  }
  const out = Buffer.allocUnsafe(size);
  writeBatchHead(out, head, records.length);
  let at = BATCH_HEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    at = writeVarint(out, at, bodies[i]!);
    at = writeBody(out, at, records[i]!);
  }
  if (at !== size) {
    throw new Error(
      `a record batch of ${size} bytes came out as ${at}: this is a fault in the encoder`,
    );
  }
  setChecksum(out);
  return out;
}

function bodyBytes(record: BatchRecord): number {
  let bytes = 1 + varintBytes(record.timestampDelta ?? 0) + varintBytes(record.offsetDelta ?? 0) +
    sizedBytes(record.key) + sizedBytes(record.value);
  let headers = 0;
  for (const name in record.headers) {
    const value = record.headers[name];
    const nameBytes = sizedBytes(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      headers++;
      bytes += nameBytes + sizedBytes(one);
    }
  }
  return bytes + varintBytes(headers);
}

function writeBody(out: Buffer, at: number, record: BatchRecord): number {
  out[at++] = 0; // record attributes: none are defined
  at = writeVarint(out, at, record.timestampDelta ?? 0);
  at = writeVarint(out, at, record.offsetDelta ?? 0);
  at = writeSized(out, at, record.key);
  at = writeSized(out, at, record.value);
  let headers = 0;
  for (const name in record.headers) {
    const value = record.headers[name];
    headers += Array.isArray(value) ? value.length : 1;
  }
  at = writeVarint(out, at, headers);
  for (const name in record.headers) {
    const value = record.headers[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      at = writeSized(out, at, name);
      at = writeSized(out, at, one);
    }
  }
  return at;
}

/** Size of a value with its length as a varint before it; null is length -1. */
function sizedBytes(value: HeaderValue): number {
  if (value === null || value === undefined) return 1;
  const size = typeof value === "string" && !isShortAscii(value)
    ? Buffer.byteLength(value)
    : value.length;
  return varintBytes(size) + size;
}

function writeSized(out: Buffer, at: number, value: HeaderValue): number {
  if (value === null || value === undefined) return writeVarint(out, at, -1);
  if (typeof value !== "string") {
    at = writeVarint(out, at, value.length);
    out.set(value, at);
    return at + value.length;
  }
  if (isShortAscii(value)) {
    at = writeVarint(out, at, value.length);
    for (let i = 0; i < value.length; i++) out[at + i] = value.charCodeAt(i);
    return at + value.length;
  }
  const size = Buffer.byteLength(value);
  at = writeVarint(out, at, size);
  out.write(value, at, size, "utf8");
  return at + size;
}

/** Below this length a loop over char codes is faster than the runtime's UTF-8 encoder. */
const SHORT_CHARACTERS = 96;

function isShortAscii(text: string): boolean {
  if (text.length > SHORT_CHARACTERS) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
