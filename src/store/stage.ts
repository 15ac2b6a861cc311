/**
 * The staging table of a loader, and its rows in COPY's binary format.
 *
 * The table is temporary: its pages are in the session's own memory and not in the WAL, and it disappears with the connection. All
 * rows of a batch are copied at once, before its transaction takes any lock that others wait for. A process that hangs in the
 * middle of a COPY can't be made to release a lock (the server checks statement and idle time-outs only between messages).
 */
import { storable } from "./storable.ts";
import { CopyBinaryWriter } from "./copy_binary.ts";
import { DataRefusedError } from "./database_errors.ts";
import { METEOR_COLUMNS, type MeteorColumn, quoteIdentifier } from "./meteor_columns.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { type TrajectoryUpsert, upsertId } from "./trajectory_batch.ts";

export const STAGE = "meteor_stage";

/** The lineage columns that differ from row to row (the partition is the batch's). */
const STAGE_LINEAGE = [
  { column: "source_file", sqlType: "text" },
  { column: "source_line", sqlType: "bigint" },
  { column: "source_generated_at", sqlType: "timestamptz" },
  { column: "run_id", sqlType: "text" },
  { column: "topic_offset", sqlType: "bigint" },
  { column: "value_digest", sqlType: "bigint" },
  { column: "line_digest", sqlType: "bigint" },
  { column: "pass", sqlType: "integer" },
  // Which of the batch's counts the row is for (run_tally.ts); null for a record that counts for no run.
  { column: "counted_for", sqlType: "integer" },
] as const;

/** Number of columns of the staging table. */
const STAGE_WIDTH = METEOR_COLUMNS.length + STAGE_LINEAGE.length;

/** Empties itself at each commit, without the catalogue entries that TRUNCATE makes. */
export const CREATE_STAGE = `CREATE TEMPORARY TABLE ${STAGE} (${
  [...METEOR_COLUMNS, ...STAGE_LINEAGE]
    .map(({ column, sqlType }) => `${quoteIdentifier(column)} ${sqlType}`).join(", ")
}) ON COMMIT DELETE ROWS`;

/** Which of the batch's counts a row is for; null for none. */
export type CountedFor = (row: TrajectoryUpsert) => number | null;

export const COPY_STAGE = `COPY ${STAGE} FROM STDIN (FORMAT binary)`;

/** Bytes passed to the socket at a time: large enough that overhead is negligible, small enough that the server starts soon. */
const CHUNK_BYTES = 256 * 1024;
/** Range of PostgreSQL's `integer`, which iau_shower.number is. */
const INT4_MAX = 2 ** 31 - 1;
/** Years that PostgreSQL's timestamps support (documentation, "Date/Time Types"), in microseconds since 1970. */
const TIMESTAMP_MICROS_MIN = Date.UTC(-4712, 0, 1) * 1000;
const TIMESTAMP_MICROS_MAX = Date.UTC(9999, 11, 31) * 1000;
/** The source's text for "no shower". Other producers publish it unchanged. */
const NO_SHOWER_CODE = "...";

/** Encodes rows and collects the showers and stations that they name. One per loader; its buffer is reused. */
export class StageEncoder {
  readonly #writer = new CopyBinaryWriter();
  /** Codes by number, since `clear`. */
  readonly showers = new Map<number, Set<string>>();
  /** Station codes, since `clear`. */
  readonly stations = new Set<string>();

  clear(): void {
    this.#writer.clear();
    this.showers.clear();
    this.stations.clear();
  }

  /**
   * The rows as COPY data, in chunks that are valid until the next one is requested. The column `pass` has the number of each pass,
   * from 0.
   * @throws DataRefusedError, with offset and field, for a value that PostgreSQL can't store
   */
  *encode(
    passes: readonly (readonly TrajectoryUpsert[])[],
    countedFor: CountedFor,
  ): Generator<Uint8Array> {
    const writer = this.#writer;
    writer.clear();
    writer.begin();
    for (const [pass, rows] of passes.entries()) {
      for (const row of rows) {
        this.#row(row, pass, countedFor(row));
        if (writer.length >= CHUNK_BYTES) {
          yield writer.bytes();
          writer.clear();
        }
      }
    }
    writer.end();
    yield writer.bytes();
  }

  #row(row: TrajectoryUpsert, pass: number, countedFor: number | null): void {
    const writer = this.#writer;
    const { summary } = row;
    writer.row(STAGE_WIDTH);
    for (const column of METEOR_COLUMNS) {
      const value = summary[column.field];
      if (value === null || value === undefined) writer.null();
      else this.#value(row, column, value);
    }
    const { sourceFile, sourceLine, sourceGeneratedAt, runId, offset } = row.lineage;
    if (sourceFile === null) writer.null();
    else writer.text(storable(sourceFile));
    if (sourceLine === null) writer.null();
    else writer.int8(sourceLine);
    if (sourceGeneratedAt === null) writer.null();
    else writer.timestamptz(sourceGeneratedAt.getTime() * 1000);
    if (runId === null) writer.null();
    else writer.text(storable(runId));
    writer.bigint8(offset);
    if (row.digest === undefined) writer.null();
    else writer.bigint8(row.digest);
    if (row.lineDigest === undefined) writer.null();
    else writer.bigint8(row.lineDigest);
    writer.int4(pass);
    if (countedFor === null) writer.null();
    else writer.int4(countedFor);
    this.#mentionShower(summary);
  }

  #value(
    row: TrajectoryUpsert,
    column: MeteorColumn,
    value: string | number | boolean | readonly (string | null)[],
  ): void {
    const writer = this.#writer;
    switch (column.kind) {
      case "double":
        if (typeof value !== "number") throw refused(row, column, value, "is not a number");
        return Number.isNaN(value) ? writer.null() : writer.float8(value);
      case "long":
        if (!isWhole(value)) throw refused(row, column, value, "is not a whole number");
        return column.field === "iau_no"
          ? this.#showerNumber(row, column, value)
          : writer.int8(value);
      case "timestamp_micros":
        if (!isWhole(value) || value < TIMESTAMP_MICROS_MIN || value > TIMESTAMP_MICROS_MAX) {
          throw refused(row, column, value, "is not a time that PostgreSQL can store");
        }
        return writer.timestamptz(value);
      case "boolean":
        if (typeof value !== "boolean") throw refused(row, column, value, "is not a boolean");
        return writer.boolean(value);
      case "string":
        if (column.field === "iau_code" && value === NO_SHOWER_CODE) return writer.null();
        return writer.text(text(row, column, value));
      case "string_array":
        return writer.textArray(this.#stationCodes(row, column, value));
    }
  }

  /** The source's -1 (no shower) is null. */
  #showerNumber(row: TrajectoryUpsert, column: MeteorColumn, value: number): void {
    if (value < 0) return this.#writer.null();
    if (value > INT4_MAX) throw refused(row, column, value, "is not a shower number");
    this.#writer.int4(value);
  }

  #mentionShower({ iau_no, iau_code }: TrajectorySummary): void {
    if (iau_no === null || iau_no < 0) return;
    let codes = this.showers.get(iau_no);
    if (codes === undefined) this.showers.set(iau_no, codes = new Set());
    if (iau_code !== null && iau_code !== NO_SHOWER_CODE) codes.add(iau_code);
  }

  /** Sorted and without repetition, as the source writes them, so that equal sets are equal arrays. */
  #stationCodes(row: TrajectoryUpsert, column: MeteorColumn, value: unknown): string[] {
    if (!Array.isArray(value)) throw refused(row, column, value, "is not a list");
    const codes: string[] = [];
    let inOrder = true;
    for (const code of value) {
      if (code === null || code === "") continue;
      const last = codes.at(-1);
      if (last !== undefined && last >= code) inOrder = false;
      codes.push(text(row, column, code));
    }
    const sorted = inOrder ? codes : [...new Set(codes)].sort();
    for (const code of sorted) this.stations.add(code);
    return sorted;
  }
}

/** An integer as a double: beyond 2^53 only multiples of powers of two are exact, and year 1 in microseconds is one. */
function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value);
}

function text(row: TrajectoryUpsert, column: MeteorColumn, value: unknown): string {
  if (typeof value !== "string") throw refused(row, column, value, "is not a text");
  if (value.includes("\0")) throw refused(row, column, value, "has a NUL character");
  return value;
}

function refused(
  row: TrajectoryUpsert,
  { field }: MeteorColumn,
  value: unknown,
  why: string,
): DataRefusedError {
  const { lineage } = row;
  const id = upsertId(row);
  return new DataRefusedError(
    `trajectory ${id} at offset ${lineage.offset}: ${field} ${why}: ${JSON.stringify(value)}`,
    { offset: lineage.offset, field },
  );
}
