/**
 * The tables `dead_letter` (what could not go on) and `dead_letter_replay` (which of it went on later).
 *
 * The two are projections of two topics, read independently; a letter is replayed when both have it.
 */
import { storable } from "./storable.ts";
import { Buffer } from "node:buffer";
import type { Queryable, TransactionSql } from "./connection.ts";

/** Where in the way of the data a letter was given up, in its order (`stage`). */
export const LETTER_STAGES = ["read", "fetch", "decode", "load"] as const;

/** A letter as its topic has it (`schemas/dead_letter.avsc`). Times in microseconds since 1970, UTC. */
export interface DeadLetterRow {
  readonly id: string;
  readonly at: number;
  readonly stage: string;
  readonly reason: string;
  readonly field: string | null;
  readonly run_id: string | null;
  readonly source_file: string | null;
  readonly source_line: number | null;
  readonly source_generated_at: number | null;
  readonly text: string | null;
  readonly columns: readonly (string | null)[] | null;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly schema_id: number | null;
}

/** PostgreSQL takes 65,535 parameters a statement; a letter has 17. */
const LETTERS_PER_STATEMENT = 1_000;

/** Keeps letters. One that is there already takes the place of the earlier one: the same failure met again, or a failed replay. */
export async function writeDeadLetters(
  sql: TransactionSql,
  letters: readonly DeadLetterRow[],
): Promise<void> {
  // A statement can't write a row twice; the last one stands, as it would one by one.
  const last = [...new Map(letters.map((letter) => [storable(letter.id), letter])).values()];
  for (let from = 0; from < last.length; from += LETTERS_PER_STATEMENT) {
    const rows = last.slice(from, from + LETTERS_PER_STATEMENT).map((letter) => ({
      id: storable(letter.id),
      at: new Date(letter.at / 1000),
      stage: letter.stage,
      reason: storable(letter.reason),
      field: storable(letter.field),
      run_id: storable(letter.run_id),
      source_file: storable(letter.source_file),
      source_line: letter.source_line,
      source_generated_at: dateOf(letter.source_generated_at),
      text: storable(letter.text),
      columns: letter.columns as (string | null)[] | null,
      topic: storable(letter.topic),
      topic_partition: letter.partition,
      topic_offset: letter.offset,
      key: letter.key,
      value: letter.value,
      schema_id: letter.schema_id,
    }));
    await sql`
      insert into dead_letter ${sql(rows)}
      on conflict (id) do update set
        at = excluded.at, stage = excluded.stage, reason = excluded.reason, field = excluded.field,
        run_id = excluded.run_id, source_file = excluded.source_file, source_line = excluded.source_line,
        source_generated_at = excluded.source_generated_at, text = excluded.text, columns = excluded.columns,
        topic = excluded.topic, topic_partition = excluded.topic_partition, topic_offset = excluded.topic_offset,
        key = excluded.key, value = excluded.value, schema_id = excluded.schema_id`;
  }
}

/** Marks letters as replayed. `$1`: JSON list of `{letter_id, at, topic_offset}`, each letter once; `$2`: the partition. */
export const MARK_REPLAYED = `
INSERT INTO dead_letter_replay (letter_id, replayed_at, topic_partition, topic_offset)
SELECT letter_id, at, $2::integer, topic_offset
FROM json_to_recordset($1::json) AS t (letter_id text, at timestamptz, topic_offset bigint)
ON CONFLICT (letter_id) DO NOTHING`;

/** A letter as it is stored. */
export interface StoredLetter {
  readonly id: string;
  readonly at: Date;
  readonly stage: string;
  readonly reason: string;
  readonly field: string | null;
  readonly runId: string | null;
  readonly sourceFile: string | null;
  readonly sourceLine: number | null;
  readonly sourceGeneratedAt: Date | null;
  readonly text: string | null;
  readonly columns: readonly (string | null)[] | null;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: bigint | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly schemaId: number | null;
  /** When a replay of it was loaded; null while it waits. */
  readonly replayedAt: Date | null;
}

/** Which letters; what is left out does not matter. */
export interface LetterFilter {
  readonly ids?: readonly string[];
  readonly stage?: string;
  /** A part of the reason, in whatever case. */
  readonly reason?: string;
  readonly runId?: string;
  readonly sourceFile?: string;
  /** Given up at this time or later. */
  readonly from?: Date;
  /** Given up before this time. */
  readonly to?: Date;
  readonly isReplayed?: boolean;
}

/** A place in the list of letters, which goes by time and id. */
export interface LetterPlace {
  readonly at: Date;
  readonly id: string;
}

/** A page of letters. */
export interface LetterPage {
  readonly limit: number;
  readonly order: "oldest first" | "newest first";
  /** The last letter of the page before; null for the first page. */
  readonly after: LetterPlace | null;
}

/** Letters that the filter lets through, a page of them. */
export async function listDeadLetters(
  sql: Queryable,
  filter: LetterFilter,
  { limit, order, after }: LetterPage,
): Promise<StoredLetter[]> {
  const rows = order === "oldest first"
    ? await sql<LetterRow[]>`
      ${selectLetters(sql)} where ${conditions(sql, filter)}
        and ${after === null ? sql`true` : sql`(d.at, d.id) > (${after.at}, ${after.id})`}
      order by d.at, d.id limit ${limit}`
    : await sql<LetterRow[]>`
      ${selectLetters(sql)} where ${conditions(sql, filter)}
        and ${after === null ? sql`true` : sql`(d.at, d.id) < (${after.at}, ${after.id})`}
      order by d.at desc, d.id desc limit ${limit}`;
  return rows.map(toLetter);
}

/** The letter, or null. */
export async function readDeadLetter(sql: Queryable, id: string): Promise<StoredLetter | null> {
  const [row] = await sql<LetterRow[]>`${selectLetters(sql)} where d.id = ${id}`;
  return row === undefined ? null : toLetter(row);
}

/** How many letters the filter lets through. */
export async function countDeadLettersBy(sql: Queryable, filter: LetterFilter): Promise<number> {
  const [row] = await sql<{ count: bigint }[]>`
    select count(*) as count from dead_letter as d left join dead_letter_replay as r on r.letter_id = d.id
    where ${conditions(sql, filter)}`;
  return Number(row?.count ?? 0n);
}

/** Letters that were not replayed with success. */
export function countDeadLetters(sql: Queryable): Promise<number> {
  return countDeadLettersBy(sql, { isReplayed: false });
}

/** What is known of a letter: enough to tell whether another one of the same id says anything new. */
export interface KnownLetter {
  readonly reason: string;
  readonly value: Buffer | null;
}

/** Those of these letters that the table has, by id. */
export async function readKnownLetters(
  sql: Queryable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, KnownLetter>> {
  const rows = await sql<{ id: string; reason: string; value: Uint8Array | null }[]>`
    select id, reason, value from dead_letter where id = any(${ids.map(storable)})`;
  return new Map(rows.map(({ id, reason, value }) => [id, {
    reason,
    value: value === null ? null : Buffer.from(value),
  }]));
}

/** Whether the letter says what is known already. */
export function saysNothingNew(
  letter: Pick<DeadLetterRow, "reason" | "value">,
  known: KnownLetter | undefined,
): boolean {
  return known !== undefined && known.reason === storable(letter.reason) &&
    (letter.value === null || known.value === null
      ? letter.value === known.value
      : letter.value.equals(known.value));
}

/**
 * Those of these letters whose trajectory has a later record in the data store: later in the same partition for a letter of a
 * record, loaded later for one of a line.
 */
export async function readSuperseded(
  sql: Queryable,
  letters: readonly { readonly letterId: string; readonly trajectoryId: string }[],
): Promise<ReadonlySet<string>> {
  if (letters.length === 0) return new Set();
  const rows = await sql<{ id: string }[]>`
    select d.id
    from unnest(
      ${letters.map(({ letterId }) => storable(letterId))}::text[],
      ${letters.map(({ trajectoryId }) => storable(trajectoryId))}::text[]
    ) as t (letter_id, meteor_id)
    join dead_letter as d on d.id = t.letter_id
    join meteor as m on m.id = t.meteor_id
    where case when d.topic_offset is null then m.updated_at > d.at
      else m.topic_partition = d.topic_partition and m.topic_offset > d.topic_offset end`;
  return new Set(rows.map(({ id }) => id));
}

interface LetterRow {
  id: string;
  at: Date;
  stage: string;
  reason: string;
  field: string | null;
  run_id: string | null;
  source_file: string | null;
  source_line: bigint | null;
  source_generated_at: Date | null;
  text: string | null;
  columns: (string | null)[] | null;
  topic: string | null;
  topic_partition: number | null;
  topic_offset: bigint | null;
  key: Uint8Array | null;
  value: Uint8Array | null;
  schema_id: number | null;
  replayed_at: Date | null;
}

function selectLetters(sql: Queryable) {
  return sql`
    select d.*, r.replayed_at from dead_letter as d left join dead_letter_replay as r on r.letter_id = d.id`;
}

function conditions(sql: Queryable, filter: LetterFilter) {
  const { ids, stage, reason, runId, sourceFile, from, to, isReplayed } = filter;
  return sql`
    ${ids === undefined ? sql`true` : sql`d.id = any(${ids.map(storable)})`}
    and ${stage === undefined ? sql`true` : sql`d.stage = ${stage}`}
    and ${
    reason === undefined ? sql`true` : sql`strpos(lower(d.reason), lower(${storable(reason)})) > 0`
  }
    and ${runId === undefined ? sql`true` : sql`d.run_id = ${storable(runId)}`}
    and ${sourceFile === undefined ? sql`true` : sql`d.source_file = ${storable(sourceFile)}`}
    and ${from === undefined ? sql`true` : sql`d.at >= ${from}`}
    and ${to === undefined ? sql`true` : sql`d.at < ${to}`}
    and ${
    isReplayed === undefined
      ? sql`true`
      : isReplayed
      ? sql`r.letter_id is not null`
      : sql`r.letter_id is null`
  }`;
}

function toLetter(row: LetterRow): StoredLetter {
  return {
    id: row.id,
    at: row.at,
    stage: row.stage,
    reason: row.reason,
    field: row.field,
    runId: row.run_id,
    sourceFile: row.source_file,
    sourceLine: row.source_line === null ? null : Number(row.source_line),
    sourceGeneratedAt: row.source_generated_at,
    text: row.text,
    columns: row.columns,
    topic: row.topic,
    partition: row.topic_partition,
    offset: row.topic_offset,
    key: row.key === null ? null : Buffer.from(row.key),
    value: row.value === null ? null : Buffer.from(row.value),
    schemaId: row.schema_id,
    replayedAt: row.replayed_at,
  };
}

function dateOf(micros: number | null): Date | null {
  return micros === null ? null : new Date(micros / 1000);
}
