/**
 * How much of the log the database has: `consumer_offset`, one row per partition, moved in the transaction that writes the rows.
 * All sinks move it with `advanceOffset`, which is also the fence against a second consumer.
 */
import { PermanentError } from "@gmn/failures";
import type { Queryable, Sql, TransactionSql } from "./connection.ts";
import { pipelined } from "./pipelined.ts";

/** For each partition, the offset of the first record of a topic that is not in the database. */
export async function readOffsets(
  sql: Queryable,
  topic: string,
): Promise<ReadonlyMap<number, bigint>> {
  const rows = await sql<{ partition: number; next_offset: bigint }[]>`
    select partition, next_offset from consumer_offset where topic = ${topic}`;
  return new Map(rows.map((row) => [row.partition, row.next_offset]));
}

/** What the database knows of one partition. */
export interface StoredPosition {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the first record that is not in the database. */
  readonly nextOffset: bigint;
  /** The first offset that the log must have. */
  readonly logStart: bigint;
  /** The last record that was loaded; null when it is not known. */
  readonly witness: { readonly offset: bigint; readonly digest: bigint } | null;
}

/** All positions, ordered by topic and partition. */
export async function readPositions(sql: Queryable): Promise<StoredPosition[]> {
  const rows = await sql<PositionRow[]>`
    select topic, partition, next_offset, log_start_offset, witness_offset, witness_digest from consumer_offset
    order by topic, partition`;
  return rows.map(toPosition);
}

/** The position of a partition; null when no record of it was ever stored. */
export async function readPosition(
  sql: Queryable,
  topic: string,
  partition: number,
): Promise<StoredPosition | null> {
  const [row] = await sql<PositionRow[]>`
    select topic, partition, next_offset, log_start_offset, witness_offset, witness_digest from consumer_offset
    where topic = ${topic} and partition = ${partition}`;
  return row === undefined ? null : toPosition(row);
}

interface PositionRow {
  readonly topic: string;
  readonly partition: number;
  readonly next_offset: bigint;
  readonly log_start_offset: bigint;
  readonly witness_offset: bigint | null;
  readonly witness_digest: bigint | null;
}

function toPosition(row: PositionRow): StoredPosition {
  const { topic, partition, witness_offset: offset, witness_digest: digest } = row;
  return {
    topic,
    partition,
    nextOffset: row.next_offset,
    logStart: row.log_start_offset,
    witness: offset === null || digest === null ? null : { offset, digest },
  };
}

/** A range of a partition. */
export interface OffsetStep {
  readonly topic: string;
  readonly partition: number;
  /** The offset that the database must be at for this range to be the next one. */
  readonly firstOffset: bigint;
  /** The offset after the last record of the range. The database is at this offset afterwards. */
  readonly nextOffset: bigint;
  /**
   * The last record of the range and its digest (events/witness.ts), by which the log is recognised. Without one the earlier witness
   * stays valid.
   */
  readonly witness?: { readonly offset: bigint; readonly digest: bigint } | null;
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

/**
 * Returns no row when the offset is not at `$3`. A partition that has no offset yet may start at any offset, which is then the
 * beginning of the log for this database.
 */
const ADVANCE_OFFSET = `
INSERT INTO consumer_offset AS o (topic, partition, next_offset, log_start_offset, witness_offset, witness_digest)
VALUES ($1, $2, $4, $3, $5, $6)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset, updated_at = now(),
  witness_offset = coalesce(excluded.witness_offset, o.witness_offset),
  witness_digest = CASE WHEN excluded.witness_offset IS NULL THEN o.witness_digest ELSE excluded.witness_digest END
WHERE o.next_offset = $3
RETURNING true AS moved`;

/**
 * The fence: moves a partition's offset from first to next, and locks it until the transaction ends.
 * @throws OffsetMismatchError when the offset is not at first: another consumer moved it, and nothing may be written
 */
export async function advanceOffset(run: RunStatement, step: OffsetStep): Promise<void> {
  const { topic, partition, firstOffset, nextOffset, witness } = step;
  const [moved] = await run(ADVANCE_OFFSET, [
    topic,
    partition,
    firstOffset,
    nextOffset,
    witness?.offset ?? null,
    witness?.digest ?? null,
  ]);
  if (moved !== undefined) return;
  const [row] = await run<{ next_offset: bigint }>(
    "SELECT next_offset FROM consumer_offset WHERE topic = $1 AND partition = $2",
    [topic, partition],
  );
  throw new OffsetMismatchError(topic, partition, firstOffset, row?.next_offset ?? 0n);
}

/**
 * Runs `write` and moves the partition's offset over the step, in one transaction. `write` begins before it is known whether the
 * offset could be moved; what it has written is rolled back if not.
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
    // On the server, what is written comes after the fence, and the fence's failure says more than one of what follows.
    await pipelined([advanceOffset(run, step), write(transaction)]);
  });
}

/** Where reading begins: sets the offset of a partition that has none. If another consumer has set it in the meantime, it stays. */
export async function beginAtOffset(
  sql: Queryable,
  topic: string,
  partition: number,
  at: bigint,
): Promise<void> {
  await sql`
    insert into consumer_offset (topic, partition, next_offset, log_start_offset)
    values (${topic}, ${partition}, ${at}, ${at})
    on conflict do nothing`;
}
