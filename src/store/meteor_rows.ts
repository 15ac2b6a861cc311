/**
 * Meteors for users: pages in a fixed order, all selected meteors as one stream, or one meteor with its lineage.
 *
 * A page begins after the last row of the page before (keyset), so it costs the same however deep it is. Orders:
 *
 *     time      beginning, then id; meteors without a time come last, in both directions
 *     updated   when the row was last stored or changed here, then id
 */
import type { PendingQuery, Row } from "postgres";
import { z } from "zod";
import type { Queryable, TransactionSql } from "./connection.ts";
import { isoMicros } from "./iso_times.ts";
import { METEOR_COLUMNS, quoteIdentifier } from "./meteor_columns.ts";
import { type MeteorConditions, whereMeteor } from "./meteor_conditions.ts";
import type { Reader } from "./reader.ts";

/** A meteor: the schema's fields under their names, in the schema's order. The time is a UTC text with microseconds. */
export type MeteorRow = Readonly<
  Record<string, string | number | boolean | readonly string[] | null>
>;

export interface MeteorOrder {
  readonly by: "time" | "updated";
  readonly isDescending: boolean;
}

/** A place in an order: the last row that was returned. `value` is null among the meteors without a time. */
export interface MeteorPlace {
  readonly value: string | null;
  readonly id: string;
}

export interface MeteorQuestion {
  readonly wanted: MeteorConditions;
  readonly order: MeteorOrder;
}

export interface MeteorPage {
  readonly rows: MeteorRow[];
  /** Where the next page begins; null when this is the last. */
  readonly next: MeteorPlace | null;
}

/** Additional columns beside the schema's fields, with these names. */
const EXTRA = { updated: "updated_at", withdrawn: "withdrawn_at" } as const;

const isoText = (column: string) => isoMicros(`m.${column}`);

/** The fields in types that lose nothing: no Date, which has no microseconds, and no bigint, which JSON does not support. */
const SELECTED = [
  ...METEOR_COLUMNS.map(({ column, field, kind }) => {
    const name = quoteIdentifier(column);
    const value = kind === "timestamp_micros"
      ? isoText(name)
      : kind === "long"
      ? `m.${name}::float8`
      : `m.${name}`;
    return `${value} as ${quoteIdentifier(field)}`;
  }),
  `${isoText("updated_at")} as ${EXTRA.updated}`,
  `${isoText("withdrawn_at")} as ${EXTRA.withdrawn}`,
].join(", ");

/** A page of at most `limit` meteors after the given place. */
export async function readMeteorPage(
  sql: TransactionSql,
  { wanted, order }: MeteorQuestion,
  { limit, after }: { readonly limit: number; readonly after: MeteorPlace | null },
): Promise<MeteorPage> {
  const rows: MeteorRow[] = [];
  // One row more than the limit shows whether there is a next page.
  for (const part of partsOf(order, wanted)) {
    const place = after !== null && (after.value === null) === (part === "without time")
      ? after
      : null;
    // The place is among the meteors without a time, so all others were already returned.
    if (part === "main" && after !== null && after.value === null && order.by === "time") continue;
    const found = await sql<MeteorRow[]>`
      ${select(sql, { wanted, order }, part, place)} limit ${limit + 1 - rows.length}`;
    rows.push(...found);
    if (rows.length > limit) break;
  }
  const isLast = rows.length <= limit;
  if (!isLast) rows.length = limit;
  return { rows, next: isLast ? null : placeOf(rows[limit - 1]!, order) };
}

/** All selected meteors, in portions, from one snapshot. A slow reader slows the query; a reader that leaves ends it. */
export function streamMeteors(
  reader: Pick<Reader, "stream">,
  question: MeteorQuestion,
): ReadableStream<readonly MeteorRow[]> {
  const { wanted, order } = question;
  return reader.stream<MeteorRow>((sql) =>
    partsOf(order, wanted).map((part) => select(sql, question, part, null))
  );
}

/** Where the row of a meteor comes from. Times are ISO 8601, UTC. */
export const lineageSchema = z.object({
  source_file: z.string().nullable(),
  source_line: z.int().nullable(),
  source_generated_at: z.string().nullable(),
  run_id: z.string().nullable(),
  topic_partition: z.int(),
  topic_offset: z.string().meta({ description: "As text: offsets have 64 bits." }),
  created_at: z.string(),
  updated_at: z.string(),
  withdrawn_at: z.string().nullable(),
});

/** A meteor with its lineage. */
export interface MeteorDetail {
  readonly row: MeteorRow;
  readonly shower_name: string | null;
  readonly lineage: z.infer<typeof lineageSchema>;
}

/** The meteor with this id, withdrawn or not, or null. */
export async function readMeteor(sql: TransactionSql, id: string): Promise<MeteorDetail | null> {
  const [row] = await sql<MeteorRow[]>`
    select ${sql.unsafe(SELECTED)} from meteor m where m.id = ${id}`;
  if (row === undefined) return null;
  const [more] = await sql<(MeteorDetail["lineage"] & Pick<MeteorDetail, "shower_name">)[]>`
    select m.source_file, m.source_line::float8 as source_line,
      ${sql.unsafe(isoText("source_generated_at"))} as source_generated_at,
      m.run_id, m.topic_partition, m.topic_offset::text as topic_offset,
      ${sql.unsafe(isoText("created_at"))} as created_at,
      ${sql.unsafe(isoText("updated_at"))} as updated_at,
      ${sql.unsafe(isoText("withdrawn_at"))} as withdrawn_at,
      s.name as shower_name
    from meteor m left join iau_shower s on s.number = m.iau_shower_id and s.code = m.iau_code
    where m.id = ${id}`;
  const { shower_name, ...lineage } = more!;
  return { row, shower_name, lineage };
}

type Part = "main" | "without time";

/** The queries to run, one after the other, to get all meteors in the order. */
function partsOf(order: MeteorOrder, { from, to }: MeteorConditions): Part[] {
  const onlyTimed = order.by === "updated" || from !== null || to !== null;
  return onlyTimed ? ["main"] : ["main", "without time"];
}

function select(
  sql: Queryable,
  { wanted, order }: MeteorQuestion,
  part: Part,
  after: MeteorPlace | null,
): PendingQuery<Row[]> {
  const direction = sql.unsafe(order.isDescending ? "desc" : "asc");
  const comparison = sql.unsafe(order.isDescending ? "<" : ">");
  const columns = sql.unsafe(SELECTED);
  if (part === "without time") {
    const more = [sql`m.beginning_utc_time is null`];
    if (after !== null) more.push(sql`m.id ${comparison} ${after.id}`);
    return sql`select ${columns} from meteor m ${whereMeteor(sql, wanted, more)}
      order by m.id ${direction}`;
  }
  const key = sql.unsafe(order.by === "time" ? "m.beginning_utc_time" : "m.updated_at");
  const more = order.by === "time" ? [sql`m.beginning_utc_time is not null`] : [];
  if (after !== null) {
    more.push(sql`(${key}, m.id) ${comparison} (${after.value}::text::timestamptz, ${after.id})`);
  }
  return sql`select ${columns} from meteor m ${whereMeteor(sql, wanted, more)}
    order by ${key} ${direction}, m.id ${direction}`;
}

function placeOf(row: MeteorRow, order: MeteorOrder): MeteorPlace {
  const value = order.by === "time" ? row.beginning_utc_time : row[EXTRA.updated];
  return { value: value as string | null, id: row.unique_trajectory_identifier as string };
}
