/**
 * The tables that are projections of each topic: those that a rebuild builds and compares.
 *
 * Left out because no topic has them: `schema_migration`, the log that the database is bound to (`log_binding`), the settings that operators
 * make at run time (`schedule_pause`), heartbeats (`lease`), the times at which the shower list was fetched (`shower_list_fetch`),
 * and which file generations were found complete (`source_file_witness`).
 * `consumer_offset` says how far the projections are (build_offsets.ts).
 */
import type { Queryable } from "./connection.ts";

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
 * Tables that a rebuild builds too, but that are never compared: their content depends on how the log was cut into batches and on
 * which files were compared before (`source_file_member`), or it goes on although the log has lost records (`run_leader`).
 */
const SCRATCH: Readonly<Record<string, readonly string[]>> = {
  trajectory_summary_raw: ["source_file_member"],
  ingestion_run: ["run_leader"],
};

/** Columns with the time at which a row was written here. A rebuild writes it at another time. */
export const WRITTEN_AT = ["created_at", "updated_at"] as const;

/** The topics that have projections. */
export const PROJECTED_TOPICS: readonly string[] = Object.keys(TABLES);

/** The tables of these topics, in the order in which their rows refer to each other; `SCRATCH` ones are left out. */
export function tablesOf(topics: readonly string[]): string[] {
  return topics.flatMap((topic) => TABLES[topic] ?? []);
}

/** The tables of these topics that are rebuilt but never compared. */
export function scratchTablesOf(topics: readonly string[]): string[] {
  return topics.flatMap((topic) => SCRATCH[topic] ?? []);
}

/**
 * The topics whose projections a rebuild of `topics` makes: the codes and names of showers (`iau_shower`) depend on the trajectories
 * and on the list, so the list comes with the trajectories.
 */
export function topicsToBuild(topics: readonly string[]): string[] {
  const all = new Set(topics);
  if (all.has("trajectory_summary_raw")) all.add("iau_shower");
  return [...all];
}

/** The tables that are built from a topic, those that are never compared included. */
export function tablesBuiltFrom(topic: string): readonly string[] {
  return [...TABLES[topic] ?? [], ...SCRATCH[topic] ?? []];
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
