/**
 * The parts of the database that derive from `schemas/trajectory_summary.avsc`: columns of `meteor` for fields added after the
 * numbered migrations were written, the comments on its columns, and the view `meteor_summary`.
 */
import { createHash } from "node:crypto";
import { PermanentError } from "@gmn/failures";
import type { TransactionSql } from "./connection.ts";
import {
  METEOR_COLUMNS,
  type MeteorColumn,
  quoteIdentifier,
  quoteLiteral,
} from "./meteor_columns.ts";

/** The flat view: exactly the schema's fields, in the schema's order. */
export const SUMMARY_VIEW = "meteor_summary";

/** Name under which the state of the derived parts is recorded in `schema_migration`. */
export const DERIVED_NAME = "derived from trajectory_summary.avsc";

/** The statements to run, and the checksum that records that they were run. */
export interface DerivedPlan {
  readonly statements: readonly string[];
  readonly checksum: string;
}

/**
 * The statements that bring `meteor` and its view in line with the schema, or none when they already are.
 * @param recorded the checksum recorded last time, or null
 * @throws PermanentError when the type of a column differs from that of its field: that needs a numbered migration
 */
export async function planDerived(
  sql: TransactionSql,
  recorded: string | null,
  columns: readonly MeteorColumn[] = METEOR_COLUMNS,
): Promise<DerivedPlan> {
  const there = await columnTypes(sql, "meteor");
  const missing = columns.filter(({ column }) => !there.has(column));
  for (const { column, field, catalogType } of columns) {
    const found = there.get(column);
    if (found !== undefined && found !== catalogType) {
      throw new PermanentError(
        `column meteor.${column} is of type ${found}, but the field ${field} needs ${catalogType}`,
        { hint: "write a numbered migration under src/store/migrations that converts it" },
      );
    }
  }
  const adding = missing.map(({ column, sqlType }) =>
    `ALTER TABLE meteor ADD COLUMN ${quoteIdentifier(column)} ${sqlType}`
  );
  const describing = [createView(columns), ...comments(columns)];
  const checksum = createHash("sha256").update(describing.join("\n")).digest("hex");
  const viewColumns = await columnTypes(sql, SUMMARY_VIEW);
  if (adding.length === 0 && recorded === checksum && viewColumns.size > 0) {
    return { statements: [], checksum };
  }
  // A view's columns can't be reordered or removed in place.
  const dropping = viewColumns.size === 0 ? [] : [`DROP VIEW ${SUMMARY_VIEW}`];
  return { statements: [...adding, ...dropping, ...describing], checksum };
}

async function columnTypes(sql: TransactionSql, relation: string): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; type: string }[]>`
    select attname as name, format_type(atttypid, atttypmod) as type
    from pg_attribute
    where attrelid = to_regclass(${relation}) and attnum > 0 and not attisdropped`;
  return new Map(rows.map(({ name, type }) => [name, type]));
}

function createView(columns: readonly MeteorColumn[]): string {
  const list = columns.map(({ column, field }) =>
    column === field
      ? quoteIdentifier(column)
      : `${quoteIdentifier(column)} AS ${quoteIdentifier(field)}`
  );
  return `CREATE VIEW ${SUMMARY_VIEW} AS\nSELECT\n  ${
    list.join(",\n  ")
  }\nFROM meteor\nWHERE withdrawn_at IS NULL`;
}

function comments(columns: readonly MeteorColumn[]): string[] {
  const text =
    "The trajectory summaries, flat: the fields of the topic trajectory_summary_raw under their own names and in their order. " +
    "Trajectories that the source has withdrawn are left out (meteor.withdrawn_at).";
  return [
    `COMMENT ON VIEW ${SUMMARY_VIEW} IS ${quoteLiteral(text)}`,
    ...columns.flatMap(({ column, field, doc, refersTo }) => [
      `COMMENT ON COLUMN meteor.${quoteIdentifier(column)} IS ${
        quoteLiteral(refersTo === null ? doc : `${doc} Refers to ${refersTo}.`)
      }`,
      `COMMENT ON COLUMN ${SUMMARY_VIEW}.${quoteIdentifier(field)} IS ${quoteLiteral(doc)}`,
    ]),
  ];
}
