/** The first cell of a line, for lines whose other cells are not read. */
import type { Buffer } from "node:buffer";
import { isIdentifier } from "./cell.ts";

const SEMICOLON = 0x3b, SPACE = 0x20;
/** An identifier has 20 characters; the source writes spaces around it. */
const FIRST_CELL_BYTES_MAX = 64;

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
