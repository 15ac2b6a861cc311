/**
 * The table `dead_letter`: what could not go on, kept until it is replayed.
 */
import type { Buffer } from "node:buffer";
import type { Queryable, TransactionSql } from "./connection.ts";

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
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly schema_id: number | null;
}

/** PostgreSQL takes 65,535 parameters a statement; a letter has 16. */
const LETTERS_PER_STATEMENT = 1_000;

/** Keeps letters; one that is there already (the same failure met again) stays as it is. */
export async function insertDeadLetters(
  sql: TransactionSql,
  letters: readonly DeadLetterRow[],
): Promise<void> {
  for (let from = 0; from < letters.length; from += LETTERS_PER_STATEMENT) {
    const rows = letters.slice(from, from + LETTERS_PER_STATEMENT).map((letter) => ({
      id: storable(letter.id),
      at: new Date(letter.at / 1000),
      stage: letter.stage,
      reason: storable(letter.reason),
      field: storable(letter.field),
      run_id: storable(letter.run_id),
      source_file: storable(letter.source_file),
      source_line: letter.source_line,
      source_generated_at: letter.source_generated_at === null
        ? null
        : new Date(letter.source_generated_at / 1000),
      text: storable(letter.text),
      topic: storable(letter.topic),
      topic_partition: letter.partition,
      topic_offset: letter.offset,
      key: letter.key,
      value: letter.value,
      schema_id: letter.schema_id,
    }));
    await sql`insert into dead_letter ${sql(rows)} on conflict (id) do nothing`;
  }
}

/** Letters that were not replayed with success. */
export async function countDeadLetters(sql: Queryable): Promise<number> {
  const [row] = await sql<
    { count: bigint }[]
  >`select count(*) as count from dead_letter where replayed_at is null`;
  return Number(row?.count ?? 0n);
}

/** PostgreSQL's text can't hold NUL; the bytes as they were are in `value`, or in the topic. */
function storable<Text extends string | null>(text: Text): Text {
  return (text === null ? null : text.replaceAll("\0", "␀")) as Text;
}
