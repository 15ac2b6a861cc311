/**
 * Makes record batches (format 2) from scratch, for tests and benches that need to say exactly what is in them.
 */
import { setChecksum } from "../record_batch.ts";

/** One record; times in milliseconds since 1970. */
export interface TestRecord {
  readonly key?: string | null;
  readonly value?: string | Uint8Array | null;
  readonly timestamp_ms?: number;
}

/** Other fields of a batch's head. */
export interface BatchOptions {
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly attributes?: number;
  /** Overrides the header with a wrong value. */
  readonly recordCount?: number;
  readonly lastOffsetDelta?: number;
}

const UTF8 = new TextEncoder();

function zigzag(value: number): number[] {
  let left = BigInt(value) >= 0n ? BigInt(value) * 2n : BigInt(value) * -2n - 1n;
  const bytes: number[] = [];
  while (left > 0x7fn) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  return [...bytes, Number(left)];
}

function field(value: string | Uint8Array | null | undefined): (number[] | Uint8Array)[] {
  if (value === null || value === undefined) return [zigzag(-1)];
  const bytes = typeof value === "string" ? UTF8.encode(value) : value;
  return [zigzag(bytes.length), bytes];
}

function concat(parts: readonly (number[] | Uint8Array)[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Encodes the records of a batch, before compression. */
export function encodeRecords(records: readonly TestRecord[]): Uint8Array {
  const base_ms = records[0]?.timestamp_ms ?? 0;
  return concat(records.map(({ key, value, timestamp_ms }, i) => {
    const body = concat([
      [0],
      zigzag((timestamp_ms ?? 0) - base_ms),
      zigzag(i),
      ...field(key),
      ...field(value),
      [0],
    ]);
    return concat([zigzag(body.length), body]);
  }));
}

/** A batch around `payload`: encoded records, compressed according to `options.attributes`. */
export function wrapBatch(
  payload: Uint8Array,
  records: readonly TestRecord[],
  options: BatchOptions = {},
): Uint8Array {
  const batch = new Uint8Array(61 + payload.length);
  const view = new DataView(batch.buffer);
  const times = records.map(({ timestamp_ms }) => timestamp_ms ?? 0);
  view.setInt32(8, batch.length - 12);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt16(21, options.attributes ?? 0);
  view.setInt32(23, options.lastOffsetDelta ?? records.length - 1);
  view.setBigInt64(27, BigInt(times[0] ?? 0));
  view.setBigInt64(35, BigInt(Math.max(0, ...times)));
  view.setBigInt64(43, BigInt(options.producerId ?? -1));
  view.setInt16(51, options.producerEpoch ?? -1);
  view.setInt32(53, options.baseSequence ?? -1);
  view.setInt32(57, options.recordCount ?? records.length);
  batch.set(payload, 61);
  return withCrc(batch);
}

/** An uncompressed batch of `records`. */
export function makeBatch(records: readonly TestRecord[], options: BatchOptions = {}): Uint8Array {
  return wrapBatch(encodeRecords(records), records, options);
}

/** Recomputes the checksum. Changes `batch` in place. */
export function withCrc(batch: Uint8Array): Uint8Array {
  setChecksum(batch);
  return batch;
}
