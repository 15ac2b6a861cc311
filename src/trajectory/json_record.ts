/**
 * Reads one trajectory summary from JSON: an object with the schema's field names, as another producer or this service's own export
 * writes it. As strict as the reader of summary files, with the same ranges.
 *
 * - a missing field is null; a field that the schema does not have is refused, because it may be a misspelt one
 * - numbers are numbers, flags are true or false, stations a list of texts or one text separated by commas
 * - the time is an integer, in microseconds since 1970, or a text in UTC (`2024-08-12T22:00:00.123456Z`, or with a blank)
 * - the shower of a sporadic meteor is null, as in this service's exports, or number -1 and code `...`, as in the summary files. It
 *   becomes -1 and null, as in all events. In a record without the field the shower is unknown: it stays null
 */
import { Buffer } from "node:buffer";
import { isIdentifier, MALFORMED, readTime } from "./cell.ts";
import { IDENTIFIER_FIELD, VERSION_FIELD } from "./summary_header.ts";
import { type FieldValue, summaryOf } from "./record.ts";
import { NO_CODE, NO_SHOWER, RANGES, Rejection } from "./row.ts";
import { SCHEMA_VERSION, TRAJECTORY_FIELDS, type TrajectoryField } from "./schema.ts";
import type { TrajectorySummary } from "./summary.ts";
import { EXACT_LONG_MAX } from "./untrusted_types.ts";

/** Fields of exports that the schema does not have: the data store sets them, so they are ignored. */
const IGNORED: ReadonlySet<string> = new Set(["updated_at", "withdrawn_at"]);
const FIELD_NAMES: ReadonlySet<string> = new Set(TRAJECTORY_FIELDS.map(({ name }) => name));
/** Longest text of a field; codes and identifiers have 20 characters at most. */
const TEXT_LENGTH_MAX = 100;
/** More stations than any meteor has ever had. */
const STATIONS_MAX = 1_000;
const QUOTED_LENGTH_MAX = 60;
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x1f\x7f]/;

/** A value that does not fit its field, with the expected form. */
class Misfit {
  constructor(readonly expected: string) {}
}

/** The summary in a JSON value, or why it can't be read as one. */
export function readJsonRecord(json: unknown): TrajectorySummary | Rejection {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return new Rejection(`${quote(json)} is not an object with the schema's fields`, null);
  }
  const record = json as Record<string, unknown>;
  const unknown = Object.keys(record).find((key) => !FIELD_NAMES.has(key) && !IGNORED.has(key));
  if (unknown !== undefined) {
    return new Rejection(`the schema has no field ${quote(unknown)}`, null);
  }
  const values: FieldValue[] = [];
  for (const field of TRAJECTORY_FIELDS) {
    const given = record[field.name] ?? null;
    const value = isSporadic(record, field) ? NO_SHOWER : valueOf(field, given);
    if (value instanceof Misfit) {
      return new Rejection(
        `${field.name} is ${quote(given)}, expected ${value.expected}`,
        field.name,
      );
    }
    values.push(value);
  }
  return summaryOf(values);
}

/** Whether this is the shower number of a record without a shower, as exports write it. */
function isSporadic({ iau_no, iau_code }: Record<string, unknown>, { name }: TrajectoryField) {
  return name === "iau_no" && iau_no === null &&
    (iau_code === null || iau_code === "" || iau_code === NO_CODE);
}

function valueOf(field: TrajectoryField, given: unknown): FieldValue | Misfit {
  if (field.name === IDENTIFIER_FIELD) return identifier(given);
  if (given === null) return field.name === VERSION_FIELD ? SCHEMA_VERSION : null;
  switch (field.kind) {
    case "double":
      return inRange(field, given, Number.isFinite(given), "a number", Number.MAX_VALUE);
    case "long":
      return inRange(field, given, Number.isInteger(given), "a whole number", EXACT_LONG_MAX);
    case "boolean":
      return typeof given === "boolean" ? given : new Misfit("true, false or null");
    case "timestamp_micros":
      return time(given);
    case "string_array":
      return stations(given);
    case "string": {
      if (!isText(given)) {
        return new Misfit(`a text of at most ${TEXT_LENGTH_MAX} printable characters`);
      }
      return given === "" || given === NO_CODE ? null : given;
    }
  }
}

function identifier(given: unknown): string | Misfit {
  const bytes = typeof given === "string" ? Buffer.from(given) : Buffer.alloc(0);
  return isIdentifier(bytes, 0, bytes.length)
    ? given as string
    : new Misfit("a trajectory identifier (14 digits, _, 5 letters or digits)");
}

function inRange(
  { name }: TrajectoryField,
  given: unknown,
  isOfKind: boolean,
  kind: string,
  most: number,
): number | Misfit {
  const [least, greatest] = RANGES[name] ?? [-most, most];
  const value = given as number;
  if (!isOfKind) return new Misfit(kind);
  return value >= least && value <= greatest
    ? value
    : new Misfit(`a value from ${least} to ${greatest}`);
}

function time(given: unknown): number | null | Misfit {
  const expected = new Misfit(
    "a UTC time (2024-08-12T22:00:00.123456Z), or microseconds since 1970",
  );
  if (typeof given === "number") {
    return Number.isInteger(given) && Math.abs(given) <= EXACT_LONG_MAX ? given : expected;
  }
  if (typeof given !== "string") return expected;
  const bytes = Buffer.from(given);
  const value = readTime(bytes, 0, bytes.length);
  return value === MALFORMED ? expected : Number.isNaN(value) ? null : value;
}

function stations(given: unknown): string[] | null | Misfit {
  const codes = typeof given === "string" ? given.split(",").map((code) => code.trim()) : given;
  if (!Array.isArray(codes) || codes.length > STATIONS_MAX || !codes.every(isText)) {
    return new Misfit("a list of station codes");
  }
  const named = codes.filter((code) => code !== "");
  return named.length === 0 ? null : named;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_LENGTH_MAX && !CONTROL.test(value) &&
    value.isWellFormed();
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text;
}
