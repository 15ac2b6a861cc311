/**
 * Parses the selection of a requested run, and describes a selection in words.
 *
 * Requests are parsed by hand, not with the schema, for better messages: each error names the field, its value and the allowed
 * values.
 */
import { PermanentError } from "@gmn/failures";
import type { Selection } from "./run_event.ts";
import { selectionSchema } from "./run_schemas.ts";

/** GMN's first trajectories are from December 2018, so nothing older can be requested. */
export const FIRST_YEAR = 2018;
/** Longest range of daily files. A year of them takes an hour of polite requests; use monthly or yearly files for more. */
export const MAX_RANGE_DAYS = 366;
/** Longest daily window, for the same reason. */
export const MAX_WINDOW_DAYS = 366;
/** A file name must fit into one log line. */
const MAX_UPLOAD_NAME = 255;

const DAY_MS = 86_400_000;

/** The requested selection is invalid; `field` names the invalid part. */
export class SelectionError extends PermanentError {
  override readonly name = "SelectionError";
  readonly field: string;
  constructor(field: string, message: string, hint?: string) {
    super(message, { hint });
    this.field = field;
  }
}

/**
 * Parses a selection from a JSON value: exactly one of `{"days":10}`, `{"all":true}`, `{"year":2024}`, `{"month":"2024-08"}`,
 * `{"from":"2024-08-01","to":"2024-08-31"}`, `{"upload":"name"}`. Dates are UTC, and none may be after `now`.
 * @throws SelectionError with the field, its value and the allowed values
 */
export function parseSelection(json: unknown, now: Date = new Date()): Selection {
  const given = fieldsOf(json);
  const today = isoDate(now);
  switch (Object.keys(given).sort().join(",")) {
    case "days":
      return { days: whole("days", given.days, 1, MAX_WINDOW_DAYS) };
    case "all":
      if (given.all !== true) throw wrong("all", given.all, "true");
      return { all: true };
    case "year":
      return { year: whole("year", given.year, FIRST_YEAR, Number(today.slice(0, 4))) };
    case "month":
      return { month: month(given.month, today) };
    case "from,to":
      return range(date("from", given.from, today), date("to", given.to, today));
    case "upload":
      return { upload: uploadName(given.upload) };
    case "from":
    case "to":
      throw new SelectionError(
        "from" in given ? "to" : "from",
        `a range needs both from and to, got only ${JSON.stringify(json)}`,
        `for one day send it twice: {"from":"2024-08-12","to":"2024-08-12"}`,
      );
    default:
      throw new SelectionError(
        Object.keys(given)[0] ?? "selection",
        `${
          JSON.stringify(json)?.slice(0, 200)
        } is not a selection: exactly one of days, all, year, month, from with to is needed`,
        `send for example {"year":2024} or {"from":"2024-08-01","to":"2024-08-31"}`,
      );
  }
}

/**
 * Parses the selection in a run event's text; null if this version does not know it. Unlike `parseSelection` it has no
 * limits, so that selections accepted earlier stay readable when the limits change.
 */
export function selectionOf(text: string | null): Selection | null {
  if (text === null) return null;
  try {
    return selectionSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The selection in words, as in "a backfill of …". */
export function describeSelection(selection: Selection): string {
  if ("days" in selection) {
    return selection.days === 1 ? "the last day" : `the last ${selection.days} days`;
  }
  if ("all" in selection) return "everything";
  if ("year" in selection) return `the year ${selection.year}`;
  if ("month" in selection) return `the month ${selection.month}`;
  if ("upload" in selection) return `the file ${selection.upload}`;
  if ("retry" in selection) {
    return `what is left of run ${selection.retry}: ${selection.files.length} file(s)`;
  }
  return selection.from === selection.to
    ? `the day ${selection.from}`
    : `${selection.from} to ${selection.to}`;
}

/** The UTC date `YYYY-MM-DD` of an instant. */
export function isoDate(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The UTC date `days` days after `date` (before it if negative); both dates are `YYYY-MM-DD`. */
export function addDays(date: string, days: number): string {
  return isoDate(new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS));
}

function fieldsOf(json: unknown): Record<string, unknown> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new SelectionError(
    "selection",
    `a selection is a JSON object, got ${JSON.stringify(json)?.slice(0, 200)}`,
    `send for example {"year":2024}`,
  );
}

function whole(field: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw wrong(field, value, `a whole number from ${min} to ${max}`);
}

function month(value: unknown, today: string): string {
  const allowed = `a month YYYY-MM from ${FIRST_YEAR}-01 to ${today.slice(0, 7)}`;
  if (typeof value !== "string" || !/^\d{4}-(0[1-9]|1[0-2])$/.test(value)) {
    throw wrong("month", value, allowed);
  }
  if (value < `${FIRST_YEAR}-01` || value > today.slice(0, 7)) throw wrong("month", value, allowed);
  return value;
}

function date(field: string, value: unknown, today: string): string {
  const allowed = `a real date YYYY-MM-DD from ${FIRST_YEAR}-01-01 to ${today} (UTC)`;
  const isReal = typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) &&
    !Number.isNaN(Date.parse(`${value}T00:00:00Z`)) && addDays(value, 0) === value;
  if (!isReal || value < `${FIRST_YEAR}-01-01` || value > today) throw wrong(field, value, allowed);
  return value;
}

function range(from: string, to: string): Selection {
  if (from > to) throw new SelectionError("from", `from ${from} is after to ${to}`);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days > MAX_RANGE_DAYS) {
    throw new SelectionError(
      "to",
      `${from} to ${to} are ${days} days; a range of daily files has at most ${MAX_RANGE_DAYS}`,
      `ask for whole years or months instead, {"year":${
        from.slice(0, 4)
      }} or {"all":true}: far fewer files for the source to serve`,
    );
  }
  return { from, to };
}

function uploadName(value: unknown): string {
  if (
    typeof value === "string" && value.length >= 1 && value.length <= MAX_UPLOAD_NAME &&
    // deno-lint-ignore no-control-regex
    !/[\x00-\x1f\x7f]/.test(value)
  ) return value;
  throw wrong("upload", value, `a file name of 1 to ${MAX_UPLOAD_NAME} printable characters`);
}

function wrong(field: string, value: unknown, allowed: string): SelectionError {
  return new SelectionError(
    field,
    `${field} is ${JSON.stringify(value)?.slice(0, 100)}; allowed: ${allowed}`,
  );
}
