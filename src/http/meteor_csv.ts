/**
 * Meteors as CSV (RFC 4180): a line of field names, then a line each.
 *
 * Values are formatted as in the GMN's own REST interface, so that programs written for it can read this: times as `2024-08-12
 * 22:00:00.123456`, flags as 1 and 0, stations as one text separated by commas, an empty cell for a missing value. Numbers have
 * enough digits to restore the same double.
 *
 * Hand-written, in one pass over the row: it is the hot path of an export.
 */
import type { MeteorRow } from "../store/meteor_rows.ts";
import { TRAJECTORY_FIELDS } from "../trajectory/schema.ts";

const NEEDS_QUOTES = /[",\r\n]/;

/** Description of the format in the API. */
export const CSV_DESCRIPTION =
  "A line of the schema's field names, then one line per meteor (RFC 4180). Empty where JSON has null: iau_no and iau_code of a " +
  "sporadic meteor, for example. Times as 2024-08-12 22:00:00.123456 in UTC, flags as 1 and 0, stations as one text separated by commas.";

/** The first line, with its line end. */
export const CSV_HEADER: string = `${TRAJECTORY_FIELDS.map(({ name }) => name).join(",")}\r\n`;

/** The line of a meteor, with its line end. */
export function csvLine(row: MeteorRow): string {
  let line = "";
  for (let at = 0; at < TRAJECTORY_FIELDS.length; at++) {
    const { name, kind } = TRAJECTORY_FIELDS[at]!;
    if (at > 0) line += ",";
    const value = row[name];
    if (value === null || value === undefined) continue;
    // Neither JSON nor CSV can represent NaN or infinity.
    if (typeof value === "number") line += Number.isFinite(value) ? value : "";
    else if (typeof value === "boolean") line += value ? "1" : "0";
    else if (typeof value !== "string") line += quoted(value.join(","));
    else line += kind === "timestamp_micros" ? sqlTime(value) : quoted(value);
  }
  return `${line}\r\n`;
}

/** `2024-08-12T22:00:00.123456Z` as `2024-08-12 22:00:00.123456`. */
function sqlTime(iso: string): string {
  return iso.replace("T", " ").replace("Z", "");
}

function quoted(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
