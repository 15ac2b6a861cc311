/**
 * The output of a decoder: a buffer that grows up to a limit and can copy from itself.
 */

/** The bytes unpack to more than any real record batch, or are not in their codec's format. */
export class CorruptDataError extends Error {
  override readonly name = "CorruptDataError";
}

/**
 * The most that one compressed batch may unpack to. Brokers accept batches of about 1 MB by default; a decompression bomb of a
 * few kilobytes must not fill the reader's memory.
 */
export const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

/** The error for output beyond the limit. */
export function unpacksToTooMuch(): CorruptDataError {
  return new CorruptDataError(`a batch unpacks to more than ${UNPACKED_BYTES_MAX} bytes`);
}

/** Initial size of the buffer per byte of input; text compresses to about a quarter. */
const GROWTH = 4;

export class Output {
  #bytes: Uint8Array;
  #length = 0;

  constructor(inputBytes: number) {
    this.#bytes = new Uint8Array(Math.min(inputBytes * GROWTH, UNPACKED_BYTES_MAX));
  }

  get length(): number {
    return this.#length;
  }

  /** Appends `bytes`. */
  write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends `length` bytes, copied from `distance` before the end. The ranges may overlap: the bytes then repeat. */
  copy(distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) {
      throw new CorruptDataError(`a reference ${distance} bytes back from byte ${this.#length}`);
    }
    this.#reserve(length);
    const bytes = this.#bytes;
    let to = this.#length;
    if (distance >= length) bytes.copyWithin(to, to - distance, to - distance + length);
    else for (let from = to - distance, end = to + length; to < end;) bytes[to++] = bytes[from++]!;
    this.#length += length;
  }

  /** The bytes written so far. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    if (needed > UNPACKED_BYTES_MAX) {
      throw unpacksToTooMuch();
    }
    const larger = new Uint8Array(
      Math.min(Math.max(needed, this.#bytes.length * 2), UNPACKED_BYTES_MAX),
    );
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
