/**
 * The trajectories as they are stored, for whoever tells the log again what it lost (recovery/republish.ts): values, lineage, and what is
 * remembered of their file generations.
 *
 * Rows are read in pages by id, each by a query of its own: reading takes minutes, and a snapshot that old would keep PostgreSQL from
 * removing what the updates leave behind.
 */
import { type FieldValue, summaryOf } from "../trajectory/record.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { NO_SHOWER } from "../trajectory/row.ts";
import type { Queryable, Sql } from "./connection.ts";
import { METEOR_COLUMNS, type MeteorColumn, quoteIdentifier } from "./meteor_columns.ts";
import { streamRows } from "./row_stream.ts";

/** A trajectory as it is stored. */
export interface StoredRow {
  readonly id: string;
  /** The values as a record has them: -1 is the number of no shower. */
  readonly summary: TrajectorySummary;
  readonly sourceFile: string | null;
  readonly sourceLine: number | null;
  readonly sourceGeneratedAt: Date | null;
  readonly runId: string | null;
  /** Place in the log of the record that last changed the row; offset -1: it is not in the log. */
  readonly partition: number;
  readonly offset: bigint;
  /** When the row was last changed here. */
  readonly updatedAt: Date;
  readonly withdrawnAt: Date | null;
  /** Digest of the line that it was made from (value_digest.ts); null when it is not known. */
  readonly lineDigest: bigint | null;
}

/**
 * Which rows: all, those whose record is not in the log (offset -1), those whose record is in a range (both ends inclusive), or some by
 * their ids.
 */
export type RowSelection =
  | { readonly kind: "all" }
  | { readonly kind: "not in the log" }
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  | {
    readonly kind: "offsets";
    readonly partition: number;
    readonly first: bigint;
    readonly last: bigint;
  };

/** About 4 MB of summaries, and fewer bytes per partition than a request may have. */
export const PAGE_ROWS = 2_000;

/** What the encoder needs of a column: times as microseconds, counts as numbers. Both are exact up to 2^53. */
function selected({ column, kind }: MeteorColumn): string {
  const name = quoteIdentifier(column);
  if (kind === "timestamp_micros") return `(extract(epoch from ${name}) * 1000000)::float8`;
  return kind === "long" ? `${name}::float8` : name;
}

const VALUES = METEOR_COLUMNS.map((column, at) => `${selected(column)} AS v${at}`).join(", ");
const LINEAGE =
  `source_file, source_line::float8, source_generated_at, run_id, topic_partition, topic_offset, updated_at,
  withdrawn_at, line_digest`;

/** A row as it is selected; `v0`, `v1`, … are the values in the order of the schema. */
interface SelectedRow {
  readonly [value: `v${number}`]: FieldValue;
  readonly source_file: string | null;
  readonly source_line: number | null;
  readonly source_generated_at: Date | null;
  readonly run_id: string | null;
  readonly topic_partition: number;
  readonly topic_offset: bigint;
  readonly updated_at: Date;
  readonly withdrawn_at: Date | null;
  readonly line_digest: bigint | null;
}

const ID_AT = METEOR_COLUMNS.findIndex(({ column }) => column === "id");
const SHOWER_AT = METEOR_COLUMNS.findIndex(({ field }) => field === "iau_no");

function storedRow(row: SelectedRow): StoredRow {
  const values = METEOR_COLUMNS.map((_, at) => row[`v${at}`]!);
  // The table has null for "no shower" (stage.ts); files and events have -1.
  values[SHOWER_AT] ??= NO_SHOWER;
  return {
    id: String(values[ID_AT]),
    summary: summaryOf(values),
    sourceFile: row.source_file,
    sourceLine: row.source_line,
    sourceGeneratedAt: row.source_generated_at,
    runId: row.run_id,
    partition: row.topic_partition,
    offset: row.topic_offset,
    updatedAt: row.updated_at,
    withdrawnAt: row.withdrawn_at,
    lineDigest: row.line_digest,
  };
}

function conditionOf(sql: Queryable, selection: RowSelection) {
  switch (selection.kind) {
    case "all":
      return sql`true`;
    case "not in the log":
      return sql`topic_offset = -1`;
    case "ids":
      return sql`id = any(${[...selection.ids]})`;
    case "offsets":
      return sql`topic_partition = ${selection.partition}
        and topic_offset between ${selection.first} and ${selection.last}`;
  }
}

/** The selected rows after the id `after` ("": from the first), by id, in pages of at most `PAGE_ROWS`. */
export async function* readStoredRows(
  sql: Queryable,
  selection: RowSelection,
  after = "",
): AsyncGenerator<readonly StoredRow[]> {
  for (let last = after;;) {
    const rows = await sql<SelectedRow[]>`
      select ${sql.unsafe(VALUES)}, ${sql.unsafe(LINEAGE)} from meteor
      where id > ${last} and ${conditionOf(sql, selection)}
      order by id limit ${PAGE_ROWS}`;
    if (rows.length > 0) yield rows.map(storedRow);
    if (rows.length < PAGE_ROWS) return;
    last = String(rows.at(-1)![`v${ID_AT}`]);
  }
}

/** The number of selected rows after the id `after`. */
export async function countStoredRows(
  sql: Queryable,
  selection: RowSelection,
  after = "",
): Promise<number> {
  const [row] = await sql<{ count: bigint }[]>`
    select count(*) as count from meteor where id > ${after} and ${conditionOf(sql, selection)}`;
  return Number(row?.count ?? 0n);
}

/** The rows with these ids; those that there are, in any order. */
export async function readStoredRowsById(
  sql: Queryable,
  ids: readonly string[],
): Promise<StoredRow[]> {
  const rows = await sql<SelectedRow[]>`
    select ${sql.unsafe(VALUES)}, ${sql.unsafe(LINEAGE)} from meteor where id = any(${[...ids]})`;
  return rows.map(storedRow);
}

/** Any row of a partition that is not withdrawn, or null. */
export async function readAnyStoredRow(
  sql: Queryable,
  partition: number,
): Promise<StoredRow | null> {
  const [row] = await sql<SelectedRow[]>`
    select ${sql.unsafe(VALUES)}, ${sql.unsafe(LINEAGE)} from meteor
    where topic_partition = ${partition} and withdrawn_at is null limit 1`;
  return row === undefined ? null : storedRow(row);
}

/** A generation that is remembered of a trajectory, newer than its row's. */
export interface StoredGeneration {
  readonly id: string;
  readonly partition: number;
  readonly generatedAt: Date;
  readonly isWithdrawn: boolean;
}

/** The remembered generations, by partition, generation and id. */
export function streamGenerations(sql: Sql): ReadableStream<readonly StoredGeneration[]> {
  return streamRows(sql, (transaction) => [
    transaction`
      select g.meteor_id as id, m.topic_partition as partition, g.generated_at as "generatedAt",
        m.withdrawn_at is not null as "isWithdrawn"
      from meteor_generation g join meteor m on m.id = g.meteor_id
      where (g.generated_at <= m.source_generated_at) is not true
      order by m.topic_partition, g.generated_at, g.meteor_id`,
  ]);
}

/** A trajectory that a generation of a file has. */
export interface StoredMember {
  readonly file: string;
  readonly generatedAt: Date;
  readonly partition: number;
  readonly id: string;
  readonly isWithdrawn: boolean;
}

/**
 * The trajectories of all recorded file generations, by file, generation, partition and id. Those are left out that were withdrawn by this
 * generation or an older one: a record of the generation would restore them.
 */
export async function* readMembers(sql: Queryable): AsyncGenerator<readonly StoredMember[]> {
  // A file at a time: one has some ten thousand trajectories at most, all of them have every trajectory several times.
  const files = await sql<{ file: string }[]>`
    select distinct file from source_file_member order by file`;
  for (const { file } of files) {
    yield await sql<StoredMember[]>`
      select distinct ${file}::text as file, s.generated_at as "generatedAt", m.topic_partition as partition, m.id,
        m.withdrawn_at is not null as "isWithdrawn"
      from source_file_member s cross join unnest(s.ids) as u (id)
      join meteor m on m.id = u.id collate "C"
      left join meteor_generation g on g.meteor_id = m.id
      where s.file = ${file}
        and (m.withdrawn_at is null or s.generated_at < greatest(m.source_generated_at, g.generated_at))
      order by 2, 3, 4`;
  }
}

/** A dead letter whose replay was loaded. */
export interface StoredReplay {
  readonly deadLetterId: string;
  readonly replayedAt: Date;
  readonly partition: number;
  readonly offset: bigint;
}

/** Replays after the dead letter `after` ("": from the first), by dead letter, at most `PAGE_ROWS`. */
export async function readReplays(sql: Queryable, after: string): Promise<StoredReplay[]> {
  return await sql<StoredReplay[]>`
    select r.letter_id as "deadLetterId", r.replayed_at as "replayedAt", r.topic_partition as partition,
      r.topic_offset as "offset"
    from dead_letter_replay r where r.letter_id > ${after} order by r.letter_id limit ${PAGE_ROWS}`;
}

/** A row's record that was published again, with its new place in the log. */
export interface RowPlace {
  readonly id: string;
  readonly from: { readonly partition: number; readonly offset: bigint };
  readonly to: { readonly partition: number; readonly offset: bigint };
  /** Of the record's value; null for a withdrawn row. */
  readonly digest: bigint | null;
}

/** Records the new places of rows. A row that has got another record since it was read stays as it is. */
export async function moveRows(sql: Queryable, places: readonly RowPlace[]): Promise<void> {
  if (places.length === 0) return;
  const list = (of: (place: RowPlace) => bigint | number | null) =>
    `{${places.map((place) => of(place) ?? "NULL").join(",")}}`;
  await sql`
    update meteor as m set topic_partition = t.partition, topic_offset = t.next, value_digest = t.digest
    from unnest(
      ${places.map(({ id }) => id)}::text[], ${list(({ from }) => from.partition)}::text::integer[],
      ${list(({ from }) => from.offset)}::text::bigint[], ${
    list(({ to }) => to.partition)
  }::text::integer[],
      ${list(({ to }) => to.offset)}::text::bigint[], ${
    list(({ digest }) => digest)
  }::text::bigint[]
    ) as t (id, old_partition, old_offset, partition, next, digest)
    where m.id = t.id collate "C" and m.topic_partition = t.old_partition and m.topic_offset = t.old_offset
      -- A row with the same place and digest would lose its digest, as one that was changed by hand.
      and (m.topic_partition, m.topic_offset, m.value_digest) is distinct from (t.partition, t.next, t.digest)`;
}

/** A replay whose record was published again, with its new place in the log. */
export interface ReplayPlace {
  readonly deadLetterId: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Records the new places of replays. */
export async function moveReplays(sql: Queryable, places: readonly ReplayPlace[]): Promise<void> {
  if (places.length === 0) return;
  await sql`
    update dead_letter_replay as r set topic_partition = t.partition, topic_offset = t.next
    from unnest(
      ${places.map(({ deadLetterId }) => deadLetterId)}::text[],
      ${`{${places.map(({ partition }) => partition).join(",")}}`}::text::integer[],
      ${`{${places.map(({ offset }) => offset).join(",")}}`}::text::bigint[]
    ) as t (letter_id, partition, next)
    where r.letter_id = t.letter_id collate "C"`;
}
