/**
 * Reads a data line as a trajectory summary, with the columns of a given header.
 *
 * It makes two passes over the bytes. The first finds the semicolons and anything that is not printable ASCII, so that a line with
 * the wrong number of fields is refused for that and not for the first value in a wrong column. The second reads the cells.
 *
 * What a cell may contain:
 * - numbers: see `cell.ts`; `None`, `nan`, `inf` are null, an empty cell is an error
 * - flags: `True`, `False`; `None`, `nan` are null
 * - times: UTC, fraction optional; the source's year-1 sentinel is null
 * - texts: unchanged (the code `NAN` is a shower); empty or `...` is null, whereas the shower number -1 beside it stays
 * - the identifier: exactly in its form, or the line is refused, because everything downstream relies on it
 * - stations: separated by commas, an empty list is null
 *
 * Values are refused for their range only where they are impossible: a latitude or declination beyond ±90 degrees, a longitude
 * below -180 or above 360, a shower number below -1, a number of stations below 0, and a shower number or number of stations
 * with more than nine digits. Unlikely values are accepted.
 */
import type { Buffer } from "node:buffer";
import { isIdentifier, MALFORMED, readFlag, readNumber, readTime } from "./cell.ts";
import { IDENTIFIER_FIELD, type SummaryHeader, VERSION_FIELD } from "./summary_header.ts";
import { type FieldValue, summaryOf } from "./record.ts";
import {
  type FieldKind,
  SCHEMA_VERSION,
  TRAJECTORY_FIELDS,
  type TrajectoryFieldName,
} from "./schema.ts";
import type { TrajectorySummary } from "./summary.ts";
import { EXACT_LONG_MAX } from "./untrusted_types.ts";

/** Why a line can't be read. */
export class Rejection {
  constructor(readonly reason: string, readonly field: TrajectoryFieldName | null) {}
}

const SEMICOLON = 0x3b, COMMA = 0x2c, SPACE = 0x20, DELETE = 0x7f;
/** What the source writes as the shower code of a sporadic meteor. */
export const NO_CODE = "...";
/** What the source writes as the shower number of a sporadic meteor. Events have it too. */
export const NO_SHOWER = -1;

/** How to read a column: as the kind of its field, as the identifier, or not at all (if the schema does not have it). */
type Read = FieldKind | "identifier" | "nothing";

const RIGHT_ANGLE = [-90, 90] as const, LONGITUDE = [-180, 360] as const;
const ANY_NUMBER = [-Number.MAX_VALUE, Number.MAX_VALUE] as const;
/** The range that the codec accepts; see `untrusted_types.ts`. */
const ANY_LONG = [-EXACT_LONG_MAX, EXACT_LONG_MAX] as const;
/** The only ranges that are checked. */
export const RANGES: Partial<Record<TrajectoryFieldName, readonly [number, number]>> = {
  decgeo_deg: RIGHT_ANGLE,
  betgeo_deg: RIGHT_ANGLE,
  bethel_deg: RIGHT_ANGLE,
  b_deg: RIGHT_ANGLE,
  decapp_deg: RIGHT_ANGLE,
  elev_deg: RIGHT_ANGLE,
  latbeg_n_deg: RIGHT_ANGLE,
  latend_n_deg: RIGHT_ANGLE,
  lonbeg_e_deg: LONGITUDE,
  lonend_e_deg: LONGITUDE,
  iau_no: [NO_SHOWER, 999_999_999],
  num_stat: [0, 999_999_999],
};

/** The expected form of a malformed cell, for the reason. */
const EXPECTED: Partial<Record<Read, string>> = {
  double: "a number",
  long: "a whole number",
  timestamp_micros: "a UTC time (YYYY-MM-DD HH:MM:SS.ffffff)",
  boolean: "True, False or None",
  identifier: "a trajectory identifier (14 digits, _, 5 letters or digits)",
};

/** A complete station code, as all of the source's are. Only the last code of a line without an end is tested. */
const WHOLE_STATION = /^[A-Z]{2}[A-Z0-9]{4}$/;

/** Maximum number of characters of a cell that a reason quotes. */
const QUOTED_LENGTH_MAX = 60;

/** Reads the rows with the columns of one header. */
export class RowReader {
  readonly #header: SummaryHeader;
  readonly #reads: readonly Read[];
  /** Index of each column's field in the schema. */
  readonly #slots: Int32Array;
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  /** Where each cell of the current line ends (at its semicolon, or at the line's end). */
  readonly #ends: Int32Array;
  /** The initial values of a row, before its columns are read: null, and the version. */
  readonly #blank: readonly FieldValue[];

  constructor(header: SummaryHeader) {
    const fields = header.columns.map((column) =>
      TRAJECTORY_FIELDS.find((field) => field.name === column.field) ?? null
    );
    const ranges = fields.map((field) =>
      field === null
        ? ANY_NUMBER
        : RANGES[field.name] ?? (field.kind === "long" ? ANY_LONG : ANY_NUMBER)
    );
    this.#header = header;
    this.#reads = fields.map((field) =>
      field === null ? "nothing" : field.name === IDENTIFIER_FIELD ? "identifier" : field.kind
    );
    this.#slots = Int32Array.from(fields, (f) => f === null ? -1 : TRAJECTORY_FIELDS.indexOf(f));
    this.#least = Float64Array.from(ranges, ([least]) => least);
    this.#most = Float64Array.from(ranges, ([, most]) => most);
    this.#ends = new Int32Array(header.columns.length);
    this.#blank = TRAJECTORY_FIELDS.map(({ name }) =>
      name === VERSION_FIELD ? SCHEMA_VERSION : null
    );
  }

  /** Reads the line `bytes[start, end)`, without its line end. */
  read(bytes: Buffer, start: number, end: number): TrajectorySummary | Rejection {
    const ends = this.#ends, reads = this.#reads, slots = this.#slots;
    const found = this.#split(bytes, start, end);
    if (found instanceof Rejection) return found;
    if (found !== ends.length) {
      return new Rejection(`${found} fields where the header has ${ends.length} columns`, null);
    }
    // A fresh array: storing numbers into a long-lived one would cost a write barrier each.
    const values = this.#blank.slice();
    let from = start;
    for (let column = 0; column < ends.length; column++) {
      const stop = ends[column];
      let to = stop;
      while (from < to && bytes[from] === SPACE) from++;
      while (to > from && bytes[to - 1] === SPACE) to--;
      const read = reads[column];
      if (read === "double") {
        const value = readNumber(bytes, from, to);
        // False for MALFORMED, which is infinite, and for MISSING, which leaves the null in place.
        if (value >= this.#least[column] && value <= this.#most[column]) {
          values[slots[column]] = value;
        } else if (!Number.isNaN(value)) return this.#refused(value, bytes, from, to, column);
      } else if (read !== "nothing") {
        const value = this.#cell(read, bytes, from, to);
        if (typeof value === "number" && !this.#isPossible(value, column)) {
          return this.#refused(value, bytes, from, to, column);
        }
        values[slots[column]] = value;
      }
      from = stop + 1;
    }
    return summaryOf(values);
  }

  /**
   * Finds the cells and returns their number (the ends of those beyond the header's are not kept), or the error if the line has
   * forbidden bytes. Every byte passes through this loop, so it has one branch. All bytes are checked at once at the end: the sign
   * bit of `seen` shows a byte below space, and bit 7 a delete or a byte beyond it.
   */
  #split(bytes: Buffer, start: number, end: number): number | Rejection {
    const ends = this.#ends;
    let cells = 0;
    let seen = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at];
      seen |= (byte - SPACE) | (byte + 1);
      if (byte === SEMICOLON) {
        if (cells < ends.length) ends[cells] = at;
        cells++;
      }
    }
    if (cells < ends.length) ends[cells] = end;
    if (seen < 0 || (seen & 0x80) !== 0) {
      const rejection = unprintable(bytes, start, end);
      if (rejection !== null) return rejection;
    }
    return cells + 1;
  }

  /**
   * Whether this line, which has no end, may be incomplete: fewer fields than columns, fewer stations than it says, or an
   * incomplete last station. When the stations are not the last column, nothing marks the end of a line, so it counts as cut.
   */
  isCut(bytes: Buffer, start: number, end: number): boolean {
    const width = this.#ends.length;
    const found = this.#split(bytes, start, end);
    if (found instanceof Rejection || found > width) return false;
    const count = this.#header.columns.findIndex((column) => column.field === "num_stat");
    const last = this.#header.columns[width - 1].field;
    if (found < width || count < 1 || last !== "participating_stations") return true;
    const announced = Number(
      bytes.toString("latin1", this.#ends[count - 1] + 1, this.#ends[count]),
    );
    const stations = stationsIn(bytes, this.#ends[width - 2] + 1, end) ?? [];
    return stations.length !== announced || !WHOLE_STATION.test(stations.at(-1) ?? "");
  }

  /** The value of a cell that is not a double; MALFORMED if the cell does not have the expected form. */
  #cell(read: Read, bytes: Buffer, start: number, end: number): FieldValue {
    switch (read) {
      case "long": {
        const value = readNumber(bytes, start, end);
        return Number.isNaN(value) ? null : Number.isInteger(value) ? value : MALFORMED;
      }
      case "timestamp_micros": {
        const value = readTime(bytes, start, end);
        return Number.isNaN(value) ? null : value;
      }
      case "boolean": {
        const value = readFlag(bytes, start, end);
        return Number.isNaN(value) ? null : value === MALFORMED ? MALFORMED : value === 1;
      }
      case "identifier":
        return isIdentifier(bytes, start, end) ? bytes.toString("latin1", start, end) : MALFORMED;
      case "string_array":
        return stationsIn(bytes, start, end);
      default: {
        const text = bytes.toString("utf8", start, end);
        return text === "" || text === NO_CODE ? null : text;
      }
    }
  }

  #isPossible(value: number, column: number): boolean {
    return value >= this.#least[column] && value <= this.#most[column];
  }

  /** Why a cell with this value is refused. */
  #refused(value: number, bytes: Buffer, start: number, end: number, column: number): Rejection {
    const { name, field } = this.#header.columns[column];
    const least = this.#least[column], most = this.#most[column];
    const text = bytes.toString("utf8", start, Math.min(end, start + QUOTED_LENGTH_MAX));
    const says = start === end ? "is empty" : `says ${JSON.stringify(text)}`;
    const expected = value === MALFORMED
      ? EXPECTED[this.#reads[column]]
      : `a value from ${least} to ${most}`;
    return new Rejection(`column ${column + 1} (${name}) ${says}, expected ${expected}`, field);
  }
}

/** What is wrong with a line that is not only printable ASCII; null if it is UTF-8 text. */
function unprintable(bytes: Buffer, start: number, end: number): Rejection | null {
  for (let at = start; at < end; at++) {
    if (bytes[at] < SPACE || bytes[at] === DELETE) {
      const code = bytes[at].toString(16).padStart(2, "0");
      return new Rejection(`control character 0x${code} at byte ${at - start + 1}`, null);
    }
  }
  return utf8Text(bytes, start, end) === null ? new Rejection("not UTF-8 text", null) : null;
}

/** The station codes of a cell, or null if there are none. */
function stationsIn(bytes: Buffer, start: number, end: number): string[] | null {
  const stations: string[] = [];
  let from = start;
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== COMMA) continue;
    let to = at;
    while (from < to && bytes[from] === SPACE) from++;
    while (to > from && bytes[to - 1] === SPACE) to--;
    if (to > from) stations.push(bytes.toString("utf8", from, to));
    from = at + 1;
  }
  return stations.length === 0 ? null : stations;
}

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The text of these bytes, or null if they are not UTF-8. */
export function utf8Text(bytes: Buffer, start: number, end: number): string | null {
  try {
    return STRICT_UTF8.decode(bytes.subarray(start, end));
  } catch {
    return null;
  }
}
