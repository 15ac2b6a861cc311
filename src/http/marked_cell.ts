/** Finds the wrong value in a rejected line, for display. */
import type { DeadLetter } from "../dead_letters/dead_letter.ts";

/** The cell of the wrong field, without surrounding blanks; null if the line has none. In characters, `end` not included. */
export function markedCell(
  { text, field, columns }: Pick<DeadLetter, "text" | "field" | "columns">,
): { start: number; end: number } | null {
  const column = field === null ? -1 : columns?.indexOf(field) ?? -1;
  if (text === null || column < 0) return null;
  const cells = text.split(";");
  const cell = cells[column];
  if (cell === undefined) return null;
  const before = cells.slice(0, column).reduce((length, one) => length + one.length + 1, 0);
  const blanks = cell.length - cell.trimStart().length;
  return { start: before + blanks, end: before + blanks + cell.trim().length };
}
