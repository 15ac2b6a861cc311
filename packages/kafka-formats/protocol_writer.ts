/**
 * Writes the primitive types of the Kafka protocol into one response.
 *
 * A response is a list of chunks: small fields go into a growing buffer, while stored record batches are added
 * uncopied, so a fetch of megabytes does not copy them.
 */

const UTF8 = new TextEncoder();
const TWO_32 = 2 ** 32;
/** Most responses are smaller than this; larger ones double until they fit. */
const INITIAL_BYTES = 256;

/** Builds one response; `chunks()` returns it, preceded by its length. */
export class Writer {
  private buffer = new Uint8Array(INITIAL_BYTES);
  private view = new DataView(this.buffer.buffer);
  /** Position of the next byte. The first four are reserved for the length. */
  private at = 4;
  /** Start of the part of `buffer` that is not in `done` yet. */
  private from = 0;
  private readonly done: Uint8Array[] = [];
  private doneBytes = 0;

  private take(size: number): number {
    const from = this.at;
    this.at = from + size;
    if (this.at > this.buffer.length) {
      const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.at));
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return from;
  }

  // Space is reserved before `view` is read, because reserving may replace it.
  int8(value: number): void {
    const at = this.take(1);
    this.view.setInt8(at, value);
  }
  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }
  int16(value: number): void {
    const at = this.take(2);
    this.view.setInt16(at, value);
  }
  int32(value: number): void {
    const at = this.take(4);
    this.view.setInt32(at, value);
  }
  /** A 64-bit integer from a number (see `Reader.int64`). */
  int64(value: number): void {
    const from = this.take(8);
    const high = Math.floor(value / TWO_32);
    this.view.setInt32(from, high);
    this.view.setUint32(from + 4, value - high * TWO_32);
  }

  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const encoded = UTF8.encode(value);
    this.int16(encoded.length);
    this.raw(encoded);
  }

  bytesField(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }

  array<T>(elements: readonly T[], element: (value: T) => void): void {
    this.int32(elements.length);
    for (const value of elements) element(value);
  }

  /** Bytes as they are, copied. */
  raw(value: Uint8Array): void {
    const from = this.take(value.length);
    this.buffer.set(value, from);
  }

  /** A BYTES field that concatenates `parts`; they are not copied and must not change until they are sent. */
  bytesOf(parts: readonly Uint8Array[]): void {
    this.int32(parts.reduce((sum, part) => sum + part.length, 0));
    this.closeChunk();
    for (const part of parts) {
      this.done.push(part);
      this.doneBytes += part.length;
    }
  }

  private closeChunk(): void {
    this.done.push(this.buffer.subarray(this.from, this.at));
    this.doneBytes += this.at - this.from;
    this.from = this.at;
  }

  /** The whole response, its int32 length first. Nothing may be written afterwards. */
  chunks(): Uint8Array[] {
    this.closeChunk();
    // The length belongs to the very first chunk, which may lie in an older, smaller buffer than `view` has now.
    const first = this.done[0];
    new DataView(first.buffer, first.byteOffset, 4).setInt32(0, this.doneBytes - 4);
    return this.done;
  }
}
