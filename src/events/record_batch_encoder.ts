/**
 * Kafka record batches (format v2) written in one pass into one buffer of the right size.
 *
 * kafkajs writes every record, and every header of every record, into a growing buffer of its own and copies them together:
 * a record with our four headers costs it about 75 µs, more than all the rest of its way (see docs/performance.md). The
 * format is Kafka's: https://kafka.apache.org/documentation/#recordbatch. `kafkajs/encode_batches.ts` puts this in the place of kafkajs's
 * encoder; a test keeps the two equal, byte for byte.
 */
import { Buffer } from "node:buffer";
import { crc32c } from "../checksum/crc32c.ts";

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

/** What stands before the records. Times in milliseconds since 1970, as numbers or in digits. */
export interface BatchHead {
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: number | string;
  readonly maxTimestamp: number | string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

/** Bytes before the records: base offset 8, length 4, leader epoch 4, magic 1, CRC 4, then what the CRC covers. */
const OFFSET_AND_LENGTH_BYTES = 12;
const CRC_AT = 17;
const CRC_COVERS_FROM = 21;
const HEAD_BYTES = 61;
const MAGIC = 2;

/** The whole batch, base offset 0, uncompressed. */
export function encodeRecordBatch(
  head: BatchHead,
  records: readonly BatchRecord[],
): Buffer {
  const bodies = new Array<number>(records.length);
  let size = HEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    const body = bodyBytes(records[i]!);
    bodies[i] = body;
    size += varintBytes(body) + body;
  }
  const out = Buffer.allocUnsafe(size);
  out.writeBigInt64BE(0n, 0);
  out.writeInt32BE(size - OFFSET_AND_LENGTH_BYTES, 8);
  out.writeInt32BE(0, 12);
  out.writeInt8(MAGIC, 16);
  out.writeInt16BE(head.attributes, 21);
  out.writeInt32BE(head.lastOffsetDelta, 23);
  out.writeBigInt64BE(BigInt(head.firstTimestamp), 27);
  out.writeBigInt64BE(BigInt(head.maxTimestamp), 35);
  out.writeBigInt64BE(head.producerId, 43);
  out.writeInt16BE(head.producerEpoch, 51);
  out.writeInt32BE(head.firstSequence, 53);
  out.writeInt32BE(records.length, 57);
  let at = HEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    at = writeVarint(out, at, bodies[i]!);
    at = writeBody(out, at, records[i]!);
  }
  if (at !== size) {
    throw new Error(
      `a record batch of ${size} bytes came out as ${at}: this is a fault in the encoder`,
    );
  }
  out.writeUInt32BE(crc32c(out, CRC_COVERS_FROM), CRC_AT);
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
  out[at++] = 0; // attributes of a record: none are defined
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

/** Bytes of a value behind its length as a varint; null is length -1. */
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

/** Below this length a loop over char codes beats the call into the runtime's UTF-8 encoder. */
const SHORT_CHARACTERS = 96;

function isShortAscii(text: string): boolean {
  if (text.length > SHORT_CHARACTERS) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** A signed integer of up to 53 bits as zigzag varint, Kafka's `varint` and `varlong`. */
function varintBytes(value: number): number {
  let rest = zigzag(value);
  let bytes = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    bytes++;
  }
  return bytes;
}

function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  while (rest >= 0x80) {
    out[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[at++] = rest;
  return at;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
