/**
 * Lines that are kept beyond their chunk, whose memory may be reused.
 *
 * They are copied one after the other into blocks. A buffer for each would cost more than the copy, and the garbage collector does
 * not look into blocks. A block lives as long as one of its lines does.
 */
import { Buffer } from "node:buffer";
import { isIdentifier } from "./cell.ts";

/** Some 270 lines. */
const BLOCK_BYTES = 256 * 1024;
const SEMICOLON = 0x3b, SPACE = 0x20;
/** An identifier has 20 characters; the source writes spaces around it. */
const FIRST_CELL_BYTES_MAX = 64;

export class LineBlocks {
  #block = Buffer.alloc(0);
  #at = 0;

  /** A copy of `source[start, end)`. */
  copy(source: Buffer, start: number, end: number): Buffer {
    const length = end - start;
    if (this.#block.length - this.#at < length) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, length));
      this.#at = 0;
    }
    const from = this.#at;
    source.copy(this.#block, from, start, end);
    this.#at += length;
    return this.#block.subarray(from, this.#at);
  }
}

/** The identifier in the first cell of the line `bytes[start, end)`; null when the cell has none, so the line can't be read. */
export function identifierAtStart(bytes: Buffer, start: number, end: number): string | null {
  let to = start;
  const last = Math.min(end, start + FIRST_CELL_BYTES_MAX);
  while (to < last && bytes[to] !== SEMICOLON) to++;
  if (to === last) return null;
  while (start < to && bytes[start] === SPACE) start++;
  while (to > start && bytes[to - 1] === SPACE) to--;
  return isIdentifier(bytes, start, to) ? bytes.toString("latin1", start, to) : null;
}
