/**
 * PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"), written into one buffer that is reused.
 *
 * Everything is big-endian. A value is its length in bytes (int32, -1 for null) followed by its bytes, in the form that the
 * type's `…recv` function in the server reads.
 */
import { Buffer } from "node:buffer";

/** "PGCOPY\n\xff\r\n\0", flags 0, header extension of length 0. */
const HEADER = Uint8Array.from(Buffer.from(`PGCOPY\n\xff\r\n\0${"\0".repeat(8)}`, "latin1"));
/** Field count that ends the stream. */
const TRAILER = -1;
/** 2000-01-01T00:00:00Z, the server's epoch, in microseconds since 1970. */
const POSTGRES_EPOCH_MICROS = 946_684_800_000_000;
/** Object identifier of the type `text` (pg_type.dat), the element type in an array's header. */
const TEXT_OID = 25;
const TWO_TO_32 = 2 ** 32;
/** Initial size: a few rows. It doubles as needed. */
const BUFFER_BYTES = 64 * 1024;

/** Writes rows. The caller says how many values a row has and then writes exactly that many. */
export class CopyBinaryWriter {
  #bytes = new Uint8Array(BUFFER_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #encoder = new TextEncoder();

  /** Bytes written since `clear`. */
  get length(): number {
    return this.#at;
  }

  /** The bytes written since `clear`. Valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  clear(): void {
    this.#at = 0;
  }

  /** Starts the stream. */
  begin(): void {
    this.#reserve(HEADER.length);
    this.#bytes.set(HEADER, this.#at);
    this.#at += HEADER.length;
  }

  /** Ends the stream. */
  end(): void {
    this.#int16(TRAILER);
  }

  /** Starts a row of `values` values. */
  row(values: number): void {
    this.#int16(values);
  }

  null(): void {
    this.#int32(-1);
  }

  float8(value: number): void {
    this.#reserve(12);
    this.#view.setInt32(this.#at, 8);
    this.#view.setFloat64(this.#at + 4, value);
    this.#at += 12;
  }

  int4(value: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value);
    this.#at += 8;
  }

  /** An integer, exact as far as a double is. */
  int8(value: number): void {
    this.#reserve(12);
    this.#view.setInt32(this.#at, 8);
    const high = Math.floor(value / TWO_TO_32);
    this.#view.setInt32(this.#at + 4, high);
    this.#view.setUint32(this.#at + 8, value - high * TWO_TO_32);
    this.#at += 12;
  }

  bigint8(value: bigint): void {
    this.#reserve(12);
    this.#view.setInt32(this.#at, 8);
    this.#view.setBigInt64(this.#at + 4, value);
    this.#at += 12;
  }

  boolean(value: boolean): void {
    this.#reserve(5);
    this.#view.setInt32(this.#at, 1);
    this.#bytes[this.#at + 4] = value ? 1 : 0;
    this.#at += 5;
  }

  /** `timestamptz` from integer microseconds since 1970. */
  timestamptz(micros: number): void {
    this.int8(micros - POSTGRES_EPOCH_MICROS);
  }

  text(value: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.#reserve(4 + value.length * 3);
    const from = this.#at + 4;
    let to = from;
    for (let at = 0; at < value.length; at++) {
      const unit = value.charCodeAt(at);
      if (unit >= 0x80) {
        to = from + this.#encoder.encodeInto(value, this.#bytes.subarray(from)).written;
        break;
      }
      this.#bytes[to++] = unit;
    }
    this.#view.setInt32(this.#at, to - from);
    this.#at = to;
  }

  /** `text[]` with one dimension and no nulls. */
  textArray(values: readonly string[]): void {
    this.#reserve(24);
    const from = this.#at;
    this.#at += 4;
    this.#int32(values.length === 0 ? 0 : 1);
    this.#int32(0);
    this.#int32(TEXT_OID);
    if (values.length > 0) {
      this.#int32(values.length);
      // The lower bound of an SQL array is 1.
      this.#int32(1);
      for (const value of values) this.text(value);
    }
    this.#view.setInt32(from, this.#at - from - 4);
  }

  #int16(value: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  #int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
