/**
 * How much of the log the database has: `consumer_offset`, one row per partition, moved in the transaction that writes the rows.
 * All sinks move it with `advanceOffset`, which is also the fence against a second consumer.
 */
import { PermanentError } from "@gmn/failures";
import type { Queryable, Sql, TransactionSql } from "./connection.ts";

/** For each partition, the offset of the first record of a topic that is not in the database. */
export async function readOffsets(
  sql: Queryable,
  topic: string,
): Promise<ReadonlyMap<number, bigint>> {
  const rows = await sql<{ partition: number; next_offset: bigint }[]>`
    select partition, next_offset from consumer_offset where topic = ${topic}`;
  return new Map(rows.map((row) => [row.partition, row.next_offset]));
}

/** A range of a partition. */
export interface OffsetStep {
  readonly topic: string;
  readonly partition: number;
  /** The offset that the database must be at for this range to be the next one. */
  readonly firstOffset: bigint;
  /** The offset after the last record of the range. The database is at this offset afterwards. */
  readonly nextOffset: bigint;
}

/** The fence refused the write: another consumer has written this partition in the meantime. */
export class OffsetMismatchError extends PermanentError {
  override readonly name = "OffsetMismatchError";
  constructor(topic: string, partition: number, readonly expected: bigint, readonly found: bigint) {
    super(`${topic}-${partition}: the database is at offset ${found}, not at ${expected}`, {
      hint: "go on from the database's offset",
    });
  }
}

/** Runs a statement in the transaction that writes the rows. */
type RunStatement = <Row extends object>(
  text: string,
  parameters: readonly unknown[],
) => Promise<readonly Row[]>;

/** Returns no row when the offset is not at `$3`. A partition that has no offset yet may start at any offset. */
const ADVANCE_OFFSET = `
INSERT INTO consumer_offset AS o (topic, partition, next_offset)
VALUES ($1, $2, $4)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset, updated_at = now()
WHERE o.next_offset = $3
RETURNING true AS moved`;

/**
 * The fence: moves a partition's offset from first to next, and locks it until the transaction ends.
 * @throws OffsetMismatchError when the offset is not at first: another consumer moved it, and nothing may be written
 */
export async function advanceOffset(run: RunStatement, step: OffsetStep): Promise<void> {
  const { topic, partition, firstOffset, nextOffset } = step;
  const [moved] = await run(ADVANCE_OFFSET, [topic, partition, firstOffset, nextOffset]);
  if (moved !== undefined) return;
  const [row] = await run<{ next_offset: bigint }>(
    "SELECT next_offset FROM consumer_offset WHERE topic = $1 AND partition = $2",
    [topic, partition],
  );
  throw new OffsetMismatchError(topic, partition, firstOffset, row?.next_offset ?? 0n);
}

/**
 * Runs `write` and moves the partition's offset over the step, in one transaction.
 * @throws OffsetMismatchError when the database is not at the step's first offset; nothing is written then
 * @throws TransientError, PermanentError when the database fails
 */
export async function writeAtOffset(
  sql: Sql,
  step: OffsetStep,
  write: (transaction: TransactionSql) => Promise<void>,
): Promise<void> {
  await sql.begin(async (transaction) => {
    const run: RunStatement = async <Row extends object>(
      text: string,
      parameters: readonly unknown[],
    ) => await transaction.unsafe<Row[]>(text, parameters as never[], { prepare: true });
    await advanceOffset(run, step);
    await write(transaction);
  });
}

/**
 * Sets a partition's offset to `to` if it is still at `from` (null: there is none). If another consumer has moved it, it stays.
 * Used when the log no longer has the record that the database needs next.
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
