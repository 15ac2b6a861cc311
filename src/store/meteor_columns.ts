/**
 * How the fields of a trajectory summary are kept in the table `meteor`: the one place that says so. The migration's check,
 * the view, the staging table, the binary encoder and the merge statement all go by this list.
 */
import {
  type FieldKind,
  TRAJECTORY_FIELDS,
  type TrajectoryFieldName,
} from "../trajectory/schema.ts";

/** One column that holds a field. */
export interface MeteorColumn {
  /** Name in the table. */
  readonly column: string;
  /** Name in the schema. */
  readonly field: TrajectoryFieldName;
  readonly kind: FieldKind;
  /** As it is written in DDL, collation included. */
  readonly sqlType: string;
  /** As `format_type` of the catalog gives it. */
  readonly catalogType: string;
  /** Meaning and unit. */
  readonly doc: string;
}

/** Columns whose name or type is not the field's. */
const EXCEPTIONS: Partial<
  Record<TrajectoryFieldName, { column: string; type?: string; doc?: string }>
> = {
  unique_trajectory_identifier: { column: "id" },
  iau_no: {
    column: "iau_shower_id",
    type: "integer",
    doc: "Refers to iau_shower.number. In the source -1, here null, for a sporadic meteor.",
  },
};

const TYPES: Record<FieldKind, string> = {
  string: "text",
  double: "double precision",
  long: "bigint",
  boolean: "boolean",
  timestamp_micros: "timestamp with time zone",
  string_array: "text[]",
};

/** All of them, in the order of the schema. */
export const METEOR_COLUMNS: readonly MeteorColumn[] = TRAJECTORY_FIELDS.map((field) => {
  const exception = EXCEPTIONS[field.name];
  const catalogType = exception?.type ?? TYPES[field.kind];
  return {
    column: exception?.column ?? field.name,
    field: field.name,
    kind: field.kind,
    catalogType,
    sqlType: catalogType.startsWith("text") ? `${catalogType} COLLATE "C"` : catalogType,
    doc: exception?.doc === undefined ? field.doc : `${field.doc} ${exception.doc}`,
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
] as const;

/** A name as it is written in SQL, quoted. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as it is written in SQL, quoted. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
