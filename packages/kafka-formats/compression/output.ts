/**
 * The bytes that come out of a decoder: a buffer that grows up to a limit, and can copy from itself.
 */

/** The bytes unpack to more than any real record batch, or are not what their codec says. */
export class CorruptDataError extends Error {
  override readonly name = "CorruptDataError";
}

/**
 * One compressed batch unpacks to no more than this. Brokers take batches of about 1 MB by default; a bomb of a few kilobytes
 * must not fill the reader's memory.
 */
export const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

/** What is thrown for more. */
export function unpacksToTooMuch(): CorruptDataError {
  return new CorruptDataError(`a batch unpacks to more than ${UNPACKED_BYTES_MAX} bytes`);
}

/** How much is taken at first for `n` bytes of input; text shrinks to a quarter or so. */
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

  /** Appends `length` bytes from `distance` before the end; the two may overlap, which repeats what is there. */
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

  /** What was written. */
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
