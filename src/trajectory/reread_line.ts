/** Reads one line of a summary file again without its file: for dead letters, after the reader has been fixed. */
import { Buffer } from "node:buffer";
import { type SummaryHeader, VERSION_FIELD } from "./summary_header.ts";
import { Rejection, RowReader } from "./row.ts";
import { TRAJECTORY_FIELDS, type TrajectoryFieldName } from "./schema.ts";
import type { TrajectorySummary } from "./summary.ts";

/**
 * The columns of every file since the source added the identifier (2022-03-16): those of the schema, except the version. Used for
 * dead letters written before column names were stored.
 */
const WRITER_COLUMNS: readonly TrajectoryFieldName[] = TRAJECTORY_FIELDS.map(({ name }) => name)
  .filter((name) => name !== VERSION_FIELD);

/**
 * The line as a summary, or why it can't be read as one.
 * @param columns the field of each column (null: not in the schema); null for the columns in `WRITER_COLUMNS`
 */
export function rereadLine(
  text: string,
  columns: readonly (string | null)[] | null,
): TrajectorySummary | Rejection {
  const header = headerOf(columns ?? WRITER_COLUMNS);
  if (!header.columns.some(({ field }) => field === "unique_trajectory_identifier")) {
    return new Rejection("none of the line's columns is the unique trajectory identifier", null);
  }
  const bytes = Buffer.from(text);
  return new RowReader(header).read(bytes, 0, bytes.length);
}

function headerOf(names: readonly (string | null)[]): SummaryHeader {
  const columns = names.map((name) => {
    const field = TRAJECTORY_FIELDS.find((known) => known.name === name)?.name ?? null;
    return { name: name ?? "", field };
  });
  return {
    columns,
    unknownColumns: [],
    missingColumns: WRITER_COLUMNS.filter((name) =>
      !columns.some((column) => column.field === name)
    ),
  };
}
