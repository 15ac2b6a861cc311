/**
 * Reads the primitive types of the Kafka protocol (https://kafka.apache.org/protocol#protocol_types) from one request.
 *
 * Nothing that a client sends is trusted: each read checks that the bytes are present, each length and count is
 * checked against the bytes that remain, and any violation is a `MalformedRequest`. Strings and byte fields are views into the
 * request, never copies.
 */

/** The request violates the protocol. Its connection is closed, as Kafka does. */
export class MalformedRequest extends Error {
  override readonly name = "MalformedRequest";
}

const UTF8 = new TextDecoder("utf-8");
const TWO_32 = 2 ** 32;

/** A cursor over one request's bytes; big-endian, classic (not flexible) encoding. */
export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are left to read. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  /** Consumes `size` bytes and returns the position of the first. */
  private take(size: number): number {
    const from = this.at;
    if (size > this.bytes.length - from) {
      throw new MalformedRequest(`${size} bytes wanted at ${from}, ${this.remaining} left`);
    }
    this.at = from + size;
    return from;
  }

  /** All remaining bytes. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.take(this.remaining));
  }

  int8(): number {
    return this.view.getInt8(this.take(1));
  }
  boolean(): boolean {
    return this.int8() !== 0;
  }
  int16(): number {
    return this.view.getInt16(this.take(2));
  }
  int32(): number {
    return this.view.getInt32(this.take(4));
  }

  /**
   * A 64-bit integer as a number. Exact up to 2^53 either way; offsets, timestamps and producer ids of this broker
   * stay far below that, and a value beyond it is only ever compared and refused.
   */
  int64(): number {
    const from = this.take(8);
    return this.view.getInt32(from) * TWO_32 + this.view.getUint32(from + 4);
  }

  string(): string {
    const value = this.nullableString();
    if (value === null) throw new MalformedRequest("a string is null where it must not be");
    return value;
  }

  nullableString(): string | null {
    const length = this.int16();
    if (length === -1) return null;
    if (length < -1) throw new MalformedRequest(`string of length ${length}`);
    const from = this.take(length);
    return UTF8.decode(this.bytes.subarray(from, from + length));
  }

  bytesField(): Uint8Array {
    const value = this.nullableBytes();
    if (value === null) throw new MalformedRequest("bytes are null where they must not be");
    return value;
  }

  nullableBytes(): Uint8Array | null {
    const length = this.int32();
    if (length === -1) return null;
    if (length < -1) throw new MalformedRequest(`bytes of length ${length}`);
    const from = this.take(length);
    return this.bytes.subarray(from, from + length);
  }

  array<T>(element: (reader: Reader) => T): T[] {
    return this.nullableArray(element) ?? [];
  }

  /** An array, or null for the count -1. Every element takes at least one byte, which bounds the count. */
  nullableArray<T>(element: (reader: Reader) => T): T[] | null {
    const count = this.int32();
    if (count === -1) return null;
    if (count < -1 || count > this.remaining) {
      throw new MalformedRequest(`array of ${count} elements with ${this.remaining} bytes left`);
    }
    const elements: T[] = [];
    for (let i = 0; i < count; i++) elements.push(element(this));
    return elements;
  }
}
