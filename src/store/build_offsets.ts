/** The offsets of a rebuild and of the live tables, side by side: how the one waits for the other. */
import type { BuildSchema } from "./build_schema.ts";
import type { Queryable, TransactionSql } from "./connection.ts";

/** The offset of a partition: the first record that a set of tables does not have. */
export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: bigint;
}

/** The offsets of `topics` in a schema. */
export async function readSchemaOffsets(
  sql: Queryable,
  schema: string,
  topics: readonly string[],
): Promise<PartitionOffset[]> {
  return await sql.unsafe<PartitionOffset[]>(
    `SELECT topic, partition, next_offset AS "nextOffset" FROM ${schema}.consumer_offset
     WHERE topic = ANY ($1) ORDER BY topic, partition`,
    [topics as string[]],
  );
}

/** A row that somebody else has locked for longer than this makes the transaction fail; it is tried again after a pause. */
const LOCK_TIMEOUT = "30s";

/**
 * Locks the live offsets until the transaction ends: consumers finish what they are writing, and write nothing more. Partitions
 * that were never consumed get the offset `starts` has for them, so that they are locked too.
 *
 * The order is that of all who write offsets (consumer_offsets.ts, log_binding.ts): first the table in the mode of the later writes,
 * then rows, then other tables. `FOR UPDATE` alone takes a weaker lock on the table, beside which a rebinding gets its own; the
 * rebinding then waits for our rows, and our first write to the table for the rebinding.
 */
export async function lockLiveOffsets(
  sql: TransactionSql,
  { live }: BuildSchema,
  starts: readonly PartitionOffset[],
): Promise<PartitionOffset[]> {
  await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
  await sql.unsafe(`LOCK TABLE ${live}.consumer_offset IN ROW EXCLUSIVE MODE`);
  const inOrder = starts.toSorted((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  );
  const locked: PartitionOffset[] = [];
  for (const { topic, partition, nextOffset } of inOrder) {
    const lock = () =>
      sql.unsafe<PartitionOffset[]>(
        `SELECT topic, partition, next_offset AS "nextOffset" FROM ${live}.consumer_offset
         WHERE topic = $1 AND partition = $2 FOR UPDATE`,
        [topic, partition],
      );
    let [row] = await lock();
    if (row === undefined) {
      await sql.unsafe(
        `INSERT INTO ${live}.consumer_offset (topic, partition, next_offset, log_start_offset) VALUES ($1, $2, $3, $3)
         ON CONFLICT DO NOTHING`,
        [topic, partition, nextOffset.toString()],
      );
      [row] = await lock();
    }
    if (row !== undefined) locked.push(row);
  }
  return locked;
}

/** Where the build begins to read. */
export async function beginBuiltOffsets(
  sql: Queryable,
  { built }: BuildSchema,
  starts: readonly PartitionOffset[],
): Promise<void> {
  for (const { topic, partition, nextOffset } of starts) {
    await sql.unsafe(
      `INSERT INTO ${built}.consumer_offset (topic, partition, next_offset, log_start_offset) VALUES ($1, $2, $3, $3)`,
      [topic, partition, nextOffset.toString()],
    );
  }
}

/** Locks the offsets of the build: its loaders write nothing more until the transaction ends. */
export async function lockBuiltOffsets(sql: TransactionSql, { built }: BuildSchema): Promise<void> {
  await sql.unsafe(`SELECT FROM ${built}.consumer_offset ORDER BY topic, partition FOR UPDATE`);
}

/**
 * Takes over the build's offsets where they differ, with what else the row says of the log: where it begins now, and the last record
 * that was loaded.
 */
export async function takeBuiltOffsets(
  sql: TransactionSql,
  { live, built }: BuildSchema,
): Promise<void> {
  const columns = await sql<{ name: string }[]>`
    select quote_ident(attname) as name from pg_attribute
    where attrelid = ${`${built}.consumer_offset`}::regclass and attnum > 0 and not attisdropped
      and attname not in ('topic', 'partition')`;
  const names = columns.map(({ name }) => name);
  await sql.unsafe(`
    UPDATE ${live}.consumer_offset AS l SET ${names.map((name) => `${name} = b.${name}`).join(", ")}
    FROM ${built}.consumer_offset AS b
    WHERE l.topic = b.topic AND l.partition = b.partition
      AND (l.next_offset, l.log_start_offset) IS DISTINCT FROM (b.next_offset, b.log_start_offset)`);
}
