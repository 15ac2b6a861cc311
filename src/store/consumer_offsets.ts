/**
 * How far into the log the database goes: `consumer_offset`, one row a partition, moved in the transaction that writes the rows.
 */
import type { Queryable, TransactionSql } from "./connection.ts";

/** The offset of the first record that is not in the database, or null when nothing of the partition is. */
export async function readOffset(
  sql: Queryable,
  topic: string,
  partition: number,
): Promise<bigint | null> {
  const [row] = await sql<{ next_offset: bigint }[]>`
    select next_offset from consumer_offset where topic = ${topic} and partition = ${partition}`;
  return row?.next_offset ?? null;
}

/** The same for all partitions of a topic that have one. */
export async function readOffsets(
  sql: Queryable,
  topic: string,
): Promise<ReadonlyMap<number, bigint>> {
  const rows = await sql<{ partition: number; next_offset: bigint }[]>`
    select partition, next_offset from consumer_offset where topic = ${topic}`;
  return new Map(rows.map((row) => [row.partition, row.next_offset]));
}

/** A stretch of a partition. */
export interface OffsetStep {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
}

/**
 * Moves a partition's offset from first to next, and locks it until the transaction ends.
 * @returns null when done; else the offset the database is at: another consumer went on, and nothing may be written
 */
export async function advanceOffset(sql: TransactionSql, step: OffsetStep): Promise<bigint | null> {
  const { topic, partition, firstOffset, nextOffset } = step;
  const moved = await sql`
    insert into consumer_offset as o (topic, partition, next_offset)
    values (${topic}, ${partition}, ${nextOffset})
    on conflict (topic, partition) do update set next_offset = excluded.next_offset, updated_at = now()
    where o.next_offset = ${firstOffset}`;
  return moved.count === 1 ? null : await readOffset(sql, topic, partition);
}

/**
 * Sets a partition's offset to `to`, if it still is at `from` (null: there is none); what somebody else did in between stands.
 * For a log that no longer has what the database would go on with.
 */
export async function repositionOffset(
  sql: Queryable,
  topic: string,
  partition: number,
  from: bigint | null,
  to: bigint,
): Promise<void> {
  if (from === null) {
    await sql`
      insert into consumer_offset (topic, partition, next_offset) values (${topic}, ${partition}, ${to})
      on conflict do nothing`;
  } else {
    await sql`
      update consumer_offset set next_offset = ${to}, updated_at = now()
      where topic = ${topic} and partition = ${partition} and next_offset = ${from}`;
  }
}
