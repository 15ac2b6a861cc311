/**
 * Where the wrong value stands in a rejected line, to mark it for people.
 */

/** What is needed to find it. */
export interface MarkableLine {
  readonly text: string | null;
  readonly field: string | null;
  /** The field of each column. */
  readonly columns: readonly (string | null)[] | null;
}

/** Where the field's cell is, without the blanks around it, in characters, `end` excluded; null if the line has none. */
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
