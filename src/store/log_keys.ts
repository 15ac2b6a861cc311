/** Compares the keys of a log with the rows of the database, without holding them in memory. */
import type { Sql } from "./connection.ts";
import { storable } from "./storable.ts";

/** Rows that have a record in the log, and those that don't. */
export interface KeyComparison {
  readonly all: number;
  /** Rows whose key the log does not have. */
  readonly onlyInStore: number;
}

/** Tables whose ids are keys of a topic's records. */
export type KeyedTable = "meteor" | "ingestion_run" | "dead_letter";

/**
 * Collects the keys of a log in a temporary table.
 * @param collect calls `add` for some keys at a time; repeated keys are harmless
 */
export async function compareKeys(
  sql: Sql,
  table: KeyedTable,
  collect: (add: (keys: readonly string[]) => Promise<void>) => Promise<void>,
): Promise<KeyComparison> {
  return await sql.begin(async (transaction) => {
    // The log is read meanwhile; nobody waits for this transaction.
    await transaction`select set_config('idle_in_transaction_session_timeout', '0', true)`;
    await transaction`create temporary table log_key (id text collate "C") on commit drop`;
    await collect(async (keys) => {
      if (keys.length === 0) return;
      await transaction`
        insert into log_key select distinct id from unnest(${
        keys.map((key) => storable(key))
      }::text[]) as k (id)`;
    });
    await transaction`analyze log_key`;
    const [row] = await transaction<KeyComparison[]>`
      select count(*)::float8 as "all",
        (count(*) filter (where not exists (select from log_key k where k.id = t.id)))::float8 as "onlyInStore"
      from ${transaction(table)} t`;
    return { ...row! };
  }) as KeyComparison;
}

/** The trajectory whose record has the highest offset below `end` in a partition, to tell an older copy from another log. */
export async function rowBefore(
  sql: Sql,
  partition: number,
  end: bigint,
): Promise<{ readonly id: string; readonly offset: bigint } | null> {
  const [row] = await sql<{ id: string; offset: bigint }[]>`
    select id, topic_offset as "offset" from meteor
    where topic_partition = ${partition} and topic_offset >= 0 and topic_offset < ${end}
    order by topic_offset desc limit 1`;
  return row === undefined ? null : { ...row };
}
