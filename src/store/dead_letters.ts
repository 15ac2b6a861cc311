/**
 * The tables `dead_letter` (records and lines that were given up) and `dead_letter_replay` (those that were loaded later).
 *
 * The two are projections of two topics, read independently. A dead letter is replayed when both tables have it.
 */
import type { DeadLetter, StoredDeadLetter } from "../dead_letters/dead_letter.ts";
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterTable,
  DeadLetterTrajectory,
} from "../dead_letters/dead_letter_table.ts";
import { COLLECTED } from "./build_schema.ts";
import type { Queryable, Sql, TransactionSql } from "./connection.ts";
import { storable } from "./storable.ts";

/** PostgreSQL takes 65,535 parameters per statement; a dead letter has 17. */
const ROWS_PER_STATEMENT = 1_000;

/** Runs a query: directly, or through the API's reader. */
type Ask = <Answer>(question: (sql: Queryable) => Promise<Answer>) => Promise<Answer>;

/** The table, queried through `ask`. */
export function deadLetterTable(ask: Ask): DeadLetterTable {
  return {
    read: (id) => ask((sql) => readDeadLetter(sql, id)),
    list: (filter, page) => ask((sql) => listDeadLetters(sql, filter, page)),
    count: (filter) => ask((sql) => countDeadLettersBy(sql, filter)),
    selectNew: (deadLetters) => ask((sql) => selectNew(sql, deadLetters)),
    selectSuperseded: (candidates) => ask((sql) => selectSuperseded(sql, candidates)),
  };
}

/** Stores dead letters. An earlier one with the same id is replaced: the same failure occurred again, or a replay failed. */
export async function writeDeadLetters(
  sql: TransactionSql,
  deadLetters: readonly DeadLetter[],
  table = "dead_letter",
): Promise<void> {
  // A statement can't write a row twice. The last one wins, as if they were written one by one.
  const last = [...new Map(deadLetters.map((one) => [storable(one.id), one])).values()];
  for (let from = 0; from < last.length; from += ROWS_PER_STATEMENT) {
    const rows = last.slice(from, from + ROWS_PER_STATEMENT).map((one) => ({
      id: storable(one.id),
      at: dateOf(one.at),
      stage: one.stage,
      reason: storable(one.reason),
      field: storable(one.field),
      run_id: storable(one.run_id),
      source_file: storable(one.source_file),
      source_line: one.source_line,
      source_generated_at: one.source_generated_at === null
        ? null
        : dateOf(one.source_generated_at),
      text: storable(one.text),
      columns: one.columns as (string | null)[] | null,
      topic: storable(one.topic),
      topic_partition: one.partition,
      topic_offset: one.offset,
      key: one.key,
      value: one.value,
      schema_id: one.schema_id,
    }));
    await sql`
      insert into ${sql(table)} ${sql(rows)}
      on conflict (id) do update set
        at = excluded.at, stage = excluded.stage, reason = excluded.reason, field = excluded.field,
        run_id = excluded.run_id, source_file = excluded.source_file, source_line = excluded.source_line,
        source_generated_at = excluded.source_generated_at, text = excluded.text, columns = excluded.columns,
        topic = excluded.topic, topic_partition = excluded.topic_partition, topic_offset = excluded.topic_offset,
        key = excluded.key, value = excluded.value, schema_id = excluded.schema_id`;
  }
}

/**
 * Keeps dead letters of a rebuild until it is decided whether they are published. Call it on a connection of the build.
 * @returns how many are kept now
 */
export async function collectDeadLetters(
  sql: Sql,
  deadLetters: readonly DeadLetter[],
): Promise<number> {
  await sql.begin((transaction) => writeDeadLetters(transaction, deadLetters, COLLECTED));
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from ${sql(COLLECTED)}`;
  return row?.count ?? 0;
}

/** Collected dead letters in the order of their ids, after the id `after`. Call it on a connection of the build. */
export async function readCollectedDeadLetters(
  sql: Queryable,
  after: string,
  limit: number,
): Promise<DeadLetter[]> {
  const rows = await sql<StoredDeadLetter[]>`
    select ${sql.unsafe(COLUMNS)}
    from ${
    sql(COLLECTED)
  } as d left join (select null::text as letter_id, null::timestamptz as replayed_at) as r on false
    where d.id > ${after} order by d.id limit ${limit}`;
  return rows.map(({ replayed_at: _, ...deadLetter }) => deadLetter);
}

/** Marks dead letters as replayed. `$1`: JSON list of `{letter_id, at, topic_offset}`, ids unique; `$2`: the partition. */
export const MARK_REPLAYED = `
INSERT INTO dead_letter_replay (letter_id, replayed_at, topic_partition, topic_offset)
SELECT letter_id, at, $2::integer, topic_offset
FROM json_to_recordset($1::json) AS t (letter_id text, at timestamptz, topic_offset bigint)
ON CONFLICT (letter_id) DO NOTHING`;

/** A page of the dead letters that match the filter. */
export async function listDeadLetters(
  sql: Queryable,
  filter: DeadLetterFilter,
  { limit, order, after }: DeadLetterPage,
): Promise<StoredDeadLetter[]> {
  const [isBehind, direction] = order === "oldest first" ? [sql`>`, sql`asc`] : [sql`<`, sql`desc`];
  return await sql<StoredDeadLetter[]>`
    ${selectDeadLetters(sql)} where ${conditions(sql, filter)}
      and ${
    after === null ? sql`true` : sql`(d.at, d.id) ${isBehind} (${dateOf(after.at)}, ${after.id})`
  }
    order by d.at ${direction}, d.id ${direction} limit ${limit}`;
}

/** The dead letter, or null. */
export async function readDeadLetter(sql: Queryable, id: string): Promise<StoredDeadLetter | null> {
  const [row] = await sql<StoredDeadLetter[]>`${selectDeadLetters(sql)} where d.id = ${id}`;
  return row ?? null;
}

async function countDeadLettersBy(sql: Queryable, filter: DeadLetterFilter): Promise<number> {
  const [row] = await sql<{ count: bigint }[]>`
    select count(*) as count from dead_letter as d left join dead_letter_replay as r on r.letter_id = d.id
    where ${conditions(sql, filter)}`;
  return Number(row?.count ?? 0n);
}

/** The number of dead letters that were not successfully replayed. */
export function countDeadLetters(sql: Queryable): Promise<number> {
  return countDeadLettersBy(sql, { isReplayed: false });
}

async function selectNew(
  sql: Queryable,
  deadLetters: readonly DeadLetter[],
): Promise<DeadLetter[]> {
  const rows = await sql<{ id: string; reason: string; value: Uint8Array | null }[]>`
    select id, reason, value from dead_letter where id = any(${
    deadLetters.map(({ id }) => storable(id))
  })`;
  const known = new Map(rows.map((row) => [row.id, row]));
  return deadLetters.filter(({ id, reason, value }) => {
    const row = known.get(storable(id));
    if (row === undefined || row.reason !== storable(reason)) return true;
    return value === null || row.value === null ? value !== row.value : !value.equals(row.value);
  });
}

/** "Later" means at a higher offset of the same partition for a record's dead letter, and loaded later for a line's. */
async function selectSuperseded(
  sql: Queryable,
  candidates: readonly DeadLetterTrajectory[],
): Promise<ReadonlySet<string>> {
  if (candidates.length === 0) return new Set();
  const rows = await sql<{ id: string }[]>`
    select d.id
    from unnest(
      ${candidates.map(({ deadLetterId }) => storable(deadLetterId))}::text[],
      ${candidates.map(({ trajectoryId }) => storable(trajectoryId))}::text[]
    ) as t (dead_letter_id, meteor_id)
    join dead_letter as d on d.id = t.dead_letter_id
    join meteor as m on m.id = t.meteor_id
    where case
      -- Its offset is one of an earlier log.
      when d.topic_offset is null or d.at < (select bound_at from log_binding) then m.updated_at > d.at
      else m.topic_partition = d.topic_partition and m.topic_offset > d.topic_offset end`;
  return new Set(rows.map(({ id }) => id));
}

/** Whether a batch that began at the offset `first` of the log is a dead letter. A copy may have a gap there. */
export async function hasUnreadableBatch(
  sql: Queryable,
  { topic, partition, first }: {
    readonly topic: string;
    readonly partition: number;
    readonly first: bigint;
  },
): Promise<boolean> {
  const found = await sql`
    select from dead_letter
    where stage = 'fetch' and topic = ${topic} and topic_partition = ${partition} and topic_offset = ${first}
    limit 1`;
  return found.length > 0;
}

/** A dead letter as users see it. Names are those of the fields; times are microseconds since 1970. */
const COLUMNS = `
  d.id, ${micros("d.at")} as at, d.stage, d.reason, d.field, d.run_id, d.source_file,
  d.source_line::float8, ${
  micros("d.source_generated_at")
} as source_generated_at, d.text, d.columns,
  d.topic, d.topic_partition as partition, d.topic_offset::float8 as "offset", d.key, d.value,
  d.schema_id, r.replayed_at`;

function micros(column: string): string {
  return `(extract(epoch from ${column}) * 1000000)::float8`;
}

function selectDeadLetters(sql: Queryable) {
  return sql`
    select ${sql.unsafe(COLUMNS)}
    from dead_letter as d left join dead_letter_replay as r on r.letter_id = d.id`;
}

function conditions(sql: Queryable, filter: DeadLetterFilter) {
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

function dateOf(micros: number): Date {
  return new Date(micros / 1000);
}
