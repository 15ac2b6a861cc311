/**
 * A text as PostgreSQL can keep it: its `text` has no NUL, which is shown as ␀. For what is said about data (names, reasons, ids),
 * never for the data: a NUL in a value is a reason to refuse the record.
 */
export function storable<Text extends string | null>(text: Text): Text {
  return (text !== null && text.includes("\0") ? text.replaceAll("\0", "␀") : text) as Text;
}
