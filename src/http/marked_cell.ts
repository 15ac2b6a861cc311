/**
 * Where in a rejected line the value stands that was wrong, for people to see.
 */

/** What it takes to find it. */
export interface MarkableLine {
  readonly text: string | null;
  readonly field: string | null;
  /** The fields that the columns of the line stand for. */
  readonly columns: readonly (string | null)[] | null;
}

/** The cell of the field, without the blanks around it; null where the line has none. In characters, `end` not included. */
export function markedCell(
  { text, field, columns }: MarkableLine,
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
