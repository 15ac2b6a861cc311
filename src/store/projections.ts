/**
 * The tables that are projections of each topic: those that a rebuild empties, and those that must be equal afterwards.
 *
 * Left out because no topic has them: `schema_migration`, the log that the database is bound to (`log_binding`), the settings that operators
 * make at run time (`schedule_pause`), and the times at which the shower list was fetched (`shower_list_fetch`).
 * `consumer_offset` says how far the projections are; it is moved, not emptied (see `emptyProjections`).
 */
import type { Queryable, TransactionSql } from "./connection.ts";
import { quoteIdentifier } from "./meteor_columns.ts";

/** Tables by the topic that they are built from. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  trajectory_summary_raw: [
    "meteor",
    "participating_station",
    "station",
    "iau_shower",
    "meteor_generation",
    "run_loaded",
    "dead_letter_replay",
  ],
  trajectory_summary_dead_letter: ["dead_letter"],
  ingestion_run: ["ingestion_run", "ingestion_run_file", "ingestion_run_event", "ingestion_file"],
  iau_shower: ["iau_shower_list"],
};

/**
 * Tables that a rebuild empties too, but that are never compared: their content depends on how the log was cut into batches and on
 * which files were compared before.
 */
const SCRATCH: Readonly<Record<string, readonly string[]>> = {
  trajectory_summary_raw: ["source_file_member"],
};

/** Columns with the time at which a row was written here. A rebuild writes it at another time. */
const WRITTEN_AT = ["created_at", "updated_at"] as const;

/** The topics that have projections. */
export const PROJECTED_TOPICS: readonly string[] = Object.keys(TABLES);

/** A partition and the offset at which its projection starts again. */
export interface PartitionStart {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/**
 * Empties the projections of `topics` and sets their partitions back to `starts`, in the caller's transaction.
 *
 * The offsets are set first, and are set rather than removed. A consumer that is still working on a batch (a zombie, or one that
 * joined since the check) then finds another offset than the one it left, and writes nothing, whereas a partition without an
 * offset accepts any. A running load has its partition's row locked, so this waits for the load to end.
 */
export async function emptyProjections(
  sql: TransactionSql,
  topics: readonly string[],
  starts: readonly PartitionStart[],
): Promise<void> {
  const inOrder = starts.toSorted((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  );
  for (const { topic, partition, offset } of inOrder) {
    await sql`
      insert into consumer_offset (topic, partition, next_offset, log_start_offset)
      values (${topic}, ${partition}, ${offset}, ${offset})
      on conflict (topic, partition) do update set
        next_offset = excluded.next_offset, log_start_offset = excluded.log_start_offset,
        witness_offset = null, witness_digest = null, updated_at = now()`;
  }
  const tables = topics.flatMap((topic) => [...TABLES[topic] ?? [], ...SCRATCH[topic] ?? []]);
  if (tables.length > 0) {
    await sql.unsafe(`truncate ${tables.map(quoteIdentifier).join(", ")}`);
    // Listed showers are normally in `iau_shower` already; a rebuild of only the trajectories would not list them again.
    if (tables.includes("iau_shower")) {
      await sql`insert into iau_shower (number, code, name) select number, code, name from iau_shower_list`;
    }
  }
}

/** The content of a table in two numbers. */
export interface TableChecksum {
  readonly table: string;
  readonly rows: number;
  /** Equal for equal rows, whatever their order and place. */
  readonly checksum: string;
}

/**
 * A summary of the projections of `topics`, without the times at which rows were written here. Reads every row.
 *
 * A row's checksum is the first 64 bits of the MD5 of its JSON (column names included, doubles to the last bit). The checksums are
 * added up, so the order does not matter and no memory is needed for sorting.
 */
export async function checksumProjections(
  sql: Queryable,
  topics: readonly string[] = PROJECTED_TOPICS,
): Promise<TableChecksum[]> {
  const sums: TableChecksum[] = [];
  for (const table of topics.flatMap((topic) => TABLES[topic] ?? [])) {
    const [row] = await sql<{ rows: bigint; checksum: string }[]>`
      select count(*) as rows,
        coalesce(sum(('x' || left(md5((to_jsonb(t) - ${[
      ...WRITTEN_AT,
    ]}::text[])::text), 16))::bit(64)::bigint::numeric), 0)::text
          as checksum
      from ${sql(table)} as t`;
    sums.push({ table, rows: Number(row?.rows ?? 0n), checksum: row?.checksum ?? "0" });
  }
  return sums;
}

/** Describes the tables whose content differs. */
export function differences(
  before: readonly TableChecksum[],
  after: readonly TableChecksum[],
): string[] {
  return before.flatMap((was) => {
    const is = after.find(({ table }) => table === was.table);
    if (is !== undefined && is.rows === was.rows && is.checksum === was.checksum) return [];
    return [
      `${was.table}: ${was.rows} rows (checksum ${was.checksum}) before, ` +
      `${is?.rows ?? 0} rows (checksum ${is?.checksum ?? "0"}) after`,
    ];
  });
}
