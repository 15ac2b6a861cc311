/**
 * How the fields of a trajectory summary are stored in the table `meteor`. This is the only place that defines it: the migration's
 * check, the view, the staging table, the binary encoder and the merge statement all use this list.
 */
import { PermanentError } from "@gmn/failures";
import {
  type FieldKind,
  TRAJECTORY_FIELDS,
  type TrajectoryField,
  type TrajectoryFieldName,
} from "../trajectory/schema.ts";

/** One column that holds a field. */
export interface MeteorColumn {
  /** Name in the table. */
  readonly column: string;
  /** Name in the schema. */
  readonly field: TrajectoryFieldName;
  readonly kind: FieldKind;
  /** Type as written in DDL, collation included. */
  readonly sqlType: string;
  /** Type as `format_type` of the catalog prints it. */
  readonly catalogType: string;
  /** Meaning and unit of the value in the table, which the API returns unchanged. */
  readonly doc: string;
  /** The column that it refers to, as `table.column`; null for most. */
  readonly refersTo: string | null;
}

/** Columns whose name, type or values differ from those of the field. */
const EXCEPTIONS: Partial<
  Record<TrajectoryFieldName, { column: string; type?: string; refersTo?: string }>
> = {
  unique_trajectory_identifier: { column: "id" },
  iau_no: { column: "iau_shower_id", type: "integer", refersTo: "iau_shower.number" },
};

/**
 * What the field's doc says about a sporadic meteor in files and events, and what the tables have instead: null, because the number
 * refers to a row of iau_shower and no shower has the number -1 (`stage.ts` writes it).
 */
const SPORADIC_IN_EVENTS = "-1 for a sporadic meteor",
  SPORADIC_IN_TABLES = "null for a sporadic meteor";

/** The field's doc, adapted to the table. @throws PermanentError when the wording in the schema has changed */
export function storedDoc({ name, doc }: Pick<TrajectoryField, "name" | "doc">): string {
  if (name !== "iau_no") return doc;
  if (!doc.includes(SPORADIC_IN_EVENTS)) {
    throw new PermanentError(`the doc of ${name} does not say "${SPORADIC_IN_EVENTS}": ${doc}`, {
      hint: "Change src/store/meteor_columns.ts together with schemas/trajectory_summary.avsc.",
    });
  }
  return doc.replace(SPORADIC_IN_EVENTS, SPORADIC_IN_TABLES);
}

const TYPES: Record<FieldKind, string> = {
  string: "text",
  double: "double precision",
  long: "bigint",
  boolean: "boolean",
  timestamp_micros: "timestamp with time zone",
  string_array: "text[]",
};

/** All columns, in the order of the schema. */
export const METEOR_COLUMNS: readonly MeteorColumn[] = TRAJECTORY_FIELDS.map((field) => {
  const exception = EXCEPTIONS[field.name];
  const catalogType = exception?.type ?? TYPES[field.kind];
  return {
    column: exception?.column ?? field.name,
    field: field.name,
    kind: field.kind,
    catalogType,
    sqlType: catalogType.startsWith("text") ? `${catalogType} COLLATE "C"` : catalogType,
    doc: storedDoc(field),
    refersTo: exception?.refersTo ?? null,
  };
});

/** Columns of `meteor` that say where a row comes from, in the order of the table. */
export const LINEAGE_COLUMNS = [
  "source_file",
  "source_line",
  "source_generated_at",
  "run_id",
  "topic_partition",
  "topic_offset",
  "value_digest",
  "line_digest",
] as const;

/** A name, quoted for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text, quoted for SQL. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
