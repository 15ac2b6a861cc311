/**
 * A text as PostgreSQL can store it: its `text` can't hold a NUL, which is shown as ␀. Use it for texts about data (names, reasons,
 * ids), never for the data itself: a NUL in a value is a reason to refuse the record.
 */
export function storable<Text extends string | null>(text: Text): Text {
  return (text !== null && text.includes("\0") ? text.replaceAll("\0", "␀") : text) as Text;
}
