/**
 * The beginning of a line whose end is in a later chunk.
 *
 * Bounded: bytes beyond its capacity are counted but not kept, so a "line" of gigabytes (in a file that is not text) is harmless.
 */
import { Buffer } from "node:buffer";

/** Collects the pieces of one line. */
export class LineCarry {
  /** The first bytes of the line; meaningful up to `kept`. */
  readonly bytes: Buffer;
  #length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.alloc(capacity);
  }

  /** Bytes of the line so far, including those that were not kept. */
  get length(): number {
    return this.#length;
  }

  /** The number of bytes of the line that are in `bytes`. */
  get kept(): number {
    return Math.min(this.#length, this.bytes.length);
  }

  /** Adds `source[start, end)` to the line. */
  append(source: Buffer, start: number, end: number): void {
    if (this.#length < this.bytes.length) source.copy(this.bytes, this.#length, start, end);
    this.#length += end - start;
  }

  /** Starts the next line. */
  clear(): void {
    this.#length = 0;
  }
}
