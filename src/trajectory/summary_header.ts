/**
 * The header of a summary file: maps each column to its field by name.
 *
 * Every comment line starts with `#`. The header has four of them: the generation stamp, two lines of column names (name above,
 * unit or second name below), and a ruler. A column's name is both cells together:
 *
 *     #  Unique trajectory;      Beginning      ;  …  RAgeo  ;   +/-  ;  …
 *     #      identifier   ;     Julian date     ;  …   deg   ;  sigma ;  …
 *
 * Columns have come and gone over the years (78 to 86 of them), so nothing here depends on position or width. The field of a
 * column is its name in lower case, with `_` for everything except letters and digits ("Azim +E" "of N  deg" →
 * `azim_e_of_n_deg`), which is how the schema's names were made. Two names need special treatment: "Q AU" is the aphelion,
 * `q_au_`, beside "q AU", the perihelion, `q_au`; and "+/- sigma", which occurs 34 times, belongs to the column before it.
 */
import { TRAJECTORY_FIELDS, type TrajectoryFieldName } from "./schema.ts";

/** One column of a file. */
export interface SummaryColumn {
  /** Both header cells, white space collapsed: `RAgeo deg`. */
  readonly name: string;
  /** The schema's field; null for a column the schema does not have. */
  readonly field: TrajectoryFieldName | null;
}

/** The content of a file's header. It is plain data: it can be stored as JSON and used to resume inside the file. */
export interface SummaryHeader {
  readonly columns: readonly SummaryColumn[];
  /** Names of columns that are not in the schema. They are ignored, and reported so that a person checks them. */
  readonly unknownColumns: readonly string[];
  /** Fields without a column. They are null in every row. */
  readonly missingColumns: readonly TrajectoryFieldName[];
}

/** The column that identifies a row. */
export const IDENTIFIER_FIELD: TrajectoryFieldName = "unique_trajectory_identifier";
/** Not in the files: the reader adds this constant. */
export const VERSION_FIELD: TrajectoryFieldName = "schema_version";

/** Two comment lines with a semicolon are column names if they have at least this many known columns. */
const KNOWN_COLUMNS_MIN = 2;
/** Characters of a header cell that are kept; the longest real one has 17. */
const CELL_LENGTH_MAX = 60;
const UNCERTAINTY = "+/-";
/** Column names that differ from another name only by case. */
const FIELD_BY_EXACT_NAME: ReadonlyMap<string, string> = new Map([["Q AU", "q_au_"]]);

const FIELD_BY_NAME = new Map(TRAJECTORY_FIELDS.map((field) => [field.name as string, field]));
const SIGMA_OF = new Map(
  TRAJECTORY_FIELDS.flatMap((field) => field.sigmaOf === null ? [] : [[field.sigmaOf, field.name]]),
);

/** The cells of a comment line, or null if it has none (no semicolon). */
export function commentCells(comment: string): string[] | null {
  if (!comment.includes(";")) return null;
  // Names appear in messages and in the database, so unprintable characters (and NUL, which can't be stored) are replaced.
  // deno-lint-ignore no-control-regex
  const printable = comment.replace(/^\s*#/, "").replace(/[\0-\x1f\x7f]/g, "\ufffd");
  return printable.split(";").map((cell) => cell.trim().slice(0, CELL_LENGTH_MAX));
}

/** The header in two lines of column names, or null if they are not column names. */
export function headerOf(
  firstLine: readonly string[],
  secondLine: readonly string[],
): SummaryHeader | null {
  if (firstLine.length !== secondLine.length) return null;
  const columns: SummaryColumn[] = [];
  const taken = new Set<TrajectoryFieldName>();
  for (let i = 0; i < firstLine.length; i++) {
    const name = `${firstLine[i]} ${secondLine[i]}`.trim().replace(/\s+/g, " ");
    const isUncertainty = firstLine[i] === UNCERTAINTY;
    const before = columns.at(-1)?.field ?? null;
    const field = isUncertainty
      ? (before === null ? null : SIGMA_OF.get(before) ?? null)
      : fieldNamed(name);
    // The first column with a name gets the field; a second one with the same name is unknown.
    const known = field !== null && !taken.has(field) ? field : null;
    if (known !== null) taken.add(known);
    columns.push({
      name: isUncertainty ? `${name} of ${columns.at(-1)?.name ?? "nothing"}` : name,
      field: known,
    });
  }
  if (taken.size < KNOWN_COLUMNS_MIN) return null;
  return {
    columns,
    unknownColumns: columns.filter((column) => column.field === null).map((column) => column.name),
    missingColumns: TRAJECTORY_FIELDS.map((field) => field.name)
      .filter((name) => name !== VERSION_FIELD && !taken.has(name)),
  };
}

function fieldNamed(name: string): TrajectoryFieldName | null {
  const field = FIELD_BY_NAME.get(
    FIELD_BY_EXACT_NAME.get(name) ??
      name.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, ""),
  );
  // A sigma is identified by the column before it, never by its own name; the version is not a column.
  return field === undefined || field.sigmaOf !== null || field.name === VERSION_FIELD
    ? null
    : field.name;
}

/** Whether the rows under this header have an identifier. */
export function hasIdentifier(header: SummaryHeader): boolean {
  return !header.missingColumns.includes(IDENTIFIER_FIELD);
}

const STAMP =
  /Summary generated on (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00:00)? UTC/;

/**
 * The generation stamp in a comment line, to the millisecond, or null. UTC. It was printed without an offset before 2024-08 and has
 * had `+00:00` since. It has no fraction in the one case in a million in which the fraction is zero.
 */
export function stampOf(comment: string): Date | null {
  const match = STAMP.exec(comment);
  if (match === null) return null;
  const [, day, time, fraction = ""] = match;
  const stamp = new Date(`${day}T${time}.${fraction.padEnd(3, "0").slice(0, 3)}Z`);
  return Number.isNaN(stamp.getTime()) ? null : stamp;
}
