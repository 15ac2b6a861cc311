/**
 * The SQL that carries staged rows into the tables, and the rules it keeps:
 *
 * - A record of an older file generation than any seen for its trajectory is stale and changes nothing. Records without a
 *   generation (from other producers) are applied in log order.
 * - The same values again change nothing: not the row, not its lineage, not even a lock on it (so no dead tuples). That is why
 *   rows are compared before INSERT … ON CONFLICT, which locks every row it conflicts with.
 *   Two exceptions, which no reader of the values sees: a row whose record is in no log (topic_offset -1) gets the lineage of the
 *   record that says the same, and a row whose digests are outdated (of another version of the schema, or none) gets new ones.
 * - The generation must still be remembered: values A of generation 1, again A of generation 3, then B of generation 2 must
 *   leave A. When newer values equal the old ones, the generation is stored in the narrow table `meteor_generation`. The row,
 *   which is seventy times as wide and has indexes, is left alone.
 * - When a file has an id twice, the row with the most stations is meant (the writer does the same since January 2025). Two
 *   records of one generation are from one file, whose stamp has microseconds. Of these, the record with fewer stations is a
 *   duplicate and changes nothing, however often the file is read again. Of equals, the last one wins.
 * - A trajectory's stations are exactly those of the row that won.
 */
import { LINEAGE_COLUMNS, METEOR_COLUMNS, quoteIdentifier } from "./meteor_columns.ts";
import { STAGE } from "./stage.ts";

/** Columns that hold values, except the key. */
const VALUES = METEOR_COLUMNS.map(({ column }) => column).filter((column) => column !== "id");
const list = (prefix: string, columns: readonly string[]): string =>
  columns.map((column) => `${prefix}${quoteIdentifier(column)}`).join(", ");

/**
 * Settings of the session. The merge must look up each staged row in the large tables by index, whatever the statistics say.
 * When an import starts they are those of an empty table, and a plan made then (a hash join that reads all of `meteor`) would
 * take longer with every batch. With the alternatives disabled there is one plan, good for every size, with one exception: for
 * a table that was vacuumed while it was empty, the planner estimates that reading the whole index is as cheap as looking up one
 * row. So `meteor` is looked up by `LATERAL (… LIMIT 1)`, which has no other plan.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_seqscan: "off",
  plan_cache_mode: "force_generic_plan",
  jit: "off",
  // A batch in the staging table fits: 10,000 rows of 1 KB.
  temp_buffers: "32MB",
  work_mem: "32MB",
};

/** The result of `MERGE_METEORS`. Rows in none of the counts were unchanged. */
export interface Merged {
  inserted: number;
  updated: number;
  stale: number;
  duplicates: number;
  /** Meteors whose stations must still be replaced. */
  restationed: string[];
  /** The previous showers of changed meteors. */
  left_showers: number[];
  /** `[counted_for, verdict, rows]`, of the rows that are counted for a run. */
  outcomes: [number, Verdict, number][];
}

/** What a staged row is. */
export type Verdict = "new" | "changed" | "unchanged" | "stale" | "duplicate";

/**
 * Merges the staged rows of a pass (ids are unique) into `meteor` and `meteor_generation`, and inserts the stations of new
 * meteors into `participating_station`. Their showers and stations must exist. `$1` is the partition, `$2` the pass.
 *
 * Stations of a new meteor are written by plain INSERT (unless somebody has deleted the meteor by hand and left its stations):
 * ON CONFLICT writes each row speculatively and confirms it in the WAL, three times the work (docs/performance.md).
 *
 * The conditions of DO UPDATE repeat the verdict in case another loader has inserted the row since. That can only happen for
 * records without a key, which Kafka may spread over partitions.
 */
export const MERGE_METEORS = `
WITH verdict AS MATERIALIZED (
  SELECT s.ctid AS at, s.id, s.source_generated_at AS generation, m.source_generated_at AS old_generation,
    CASE
      WHEN m.id IS NULL THEN 'new'
      WHEN s.source_generated_at < m.source_generated_at THEN 'stale'
      WHEN m.withdrawn_at IS NULL AND (${list("s.", VALUES)}) IS NOT DISTINCT FROM (${
  list("m.", VALUES)
})
        THEN CASE WHEN m.topic_offset >= 0 THEN 'unchanged' ELSE 'changed' END
      WHEN s.source_generated_at < (SELECT generated_at FROM meteor_generation WHERE meteor_id = s.id) THEN 'stale'
      WHEN s.num_stat < m.num_stat AND m.withdrawn_at IS NULL AND s.source_generated_at IS NOT NULL
        AND s.source_generated_at =
          greatest(m.source_generated_at, (SELECT generated_at FROM meteor_generation WHERE meteor_id = s.id))
        THEN 'duplicate'
      ELSE 'changed'
    END AS verdict,
    m.iau_shower_id AS old_shower, s.counted_for,
    -- Never for a record that repeats.ts would recognise: whether a batch has it decoded must make no difference.
    s.value_digest IS NOT NULL AND (m.value_digest IS NULL
      OR s.line_digest IS NOT NULL AND m.value_digest <> s.value_digest) AS has_new_digest
  FROM ${STAGE} AS s LEFT JOIN LATERAL (SELECT * FROM meteor WHERE meteor.id = s.id LIMIT 1) AS m ON true
  WHERE s.pass = $2::integer
), won AS (
  INSERT INTO meteor AS m (id, ${list("", VALUES)}, ${list("", LINEAGE_COLUMNS)})
  SELECT s.id, ${
  list("s.", VALUES)
}, s.source_file, s.source_line, s.source_generated_at, s.run_id, $1::integer, s.topic_offset, s.value_digest, s.line_digest
  FROM verdict AS v JOIN ${STAGE} AS s ON s.ctid = v.at
  WHERE v.verdict IN ('new', 'changed')
  ON CONFLICT (id) DO UPDATE SET
    ${
  [...VALUES, ...LINEAGE_COLUMNS].map(quoteIdentifier).map((c) => `${c} = excluded.${c}`).join(", ")
},
    updated_at = now(),
    withdrawn_at = NULL
  WHERE (excluded.source_generated_at < m.source_generated_at) IS NOT TRUE
    AND (m.withdrawn_at IS NOT NULL OR m.topic_offset < 0 OR (${
  list("m.", VALUES)
}) IS DISTINCT FROM (${list("excluded.", VALUES)}))
  RETURNING m.id, m.participating_stations AS stations, m.xmax = 0 AS inserted
), newcomer AS MATERIALIZED (
  SELECT w.*, w.inserted AND NOT EXISTS (SELECT FROM participating_station AS p WHERE p.meteor_id = w.id) AS alone
  FROM won AS w
), taking_part AS (
  INSERT INTO participating_station (meteor_id, station_code)
  SELECT id, unnest(stations) FROM newcomer WHERE alone
), digested AS (
  UPDATE meteor AS m SET value_digest = s.value_digest, line_digest = coalesce(s.line_digest, m.line_digest)
  FROM verdict AS v JOIN ${STAGE} AS s ON s.ctid = v.at
  WHERE v.verdict = 'unchanged' AND v.has_new_digest AND m.id = v.id
    -- So that there is no plan that reads all meteors.
    AND m.id = ANY (ARRAY(SELECT id FROM verdict WHERE verdict = 'unchanged' AND has_new_digest))
), remembered AS (
  INSERT INTO meteor_generation AS g (meteor_id, generated_at)
  SELECT id, CASE verdict WHEN 'unchanged' THEN generation ELSE old_generation END
  FROM verdict
  WHERE verdict = 'unchanged' AND generation > coalesce(old_generation, '-infinity')
      AND generation > coalesce((SELECT generated_at FROM meteor_generation WHERE meteor_id = id), '-infinity')
    OR verdict = 'changed' AND generation IS NULL AND old_generation IS NOT NULL
  ON CONFLICT (meteor_id) DO UPDATE SET generated_at = excluded.generated_at
  WHERE g.generated_at < excluded.generated_at
)
SELECT
  (SELECT count(*) FROM won WHERE inserted)::integer AS inserted,
  (SELECT count(*) FROM won WHERE NOT inserted)::integer AS updated,
  (SELECT count(*) FROM verdict WHERE verdict = 'stale')::integer AS stale,
  (SELECT count(*) FROM verdict WHERE verdict = 'duplicate')::integer AS duplicates,
  (SELECT coalesce(json_agg(id), '[]') FROM newcomer WHERE NOT alone) AS restationed,
  (SELECT coalesce(json_agg(DISTINCT old_shower), '[]') FROM verdict
    WHERE verdict = 'changed' AND old_shower IS NOT NULL) AS left_showers,
  (SELECT coalesce(json_agg(json_build_array(counted_for, verdict, rows)), '[]') FROM (
    SELECT counted_for, verdict, count(*) AS rows FROM verdict WHERE counted_for IS NOT NULL GROUP BY counted_for, verdict
  ) AS counted) AS outcomes`;

/**
 * Replaces the stations of meteors by those of their rows. `$1`: JSON list of ids, as `MERGE_METEORS` returns them.
 *
 * These are separate statements, so that they see what another loader has committed for the same meteor while the merge waited
 * for its row. The rows are locked from then on.
 */
export const REPLACE_STATIONS = [
  `
DELETE FROM participating_station AS p
USING json_array_elements_text($1::json) AS t (id) JOIN meteor AS m ON m.id = t.id COLLATE "C"
WHERE p.meteor_id = m.id AND p.station_code <> ALL (coalesce(m.participating_stations, '{}'))`,
  `
INSERT INTO participating_station (meteor_id, station_code)
SELECT m.id, unnest(m.participating_stations)
FROM json_array_elements_text($1::json) AS t (id) JOIN meteor AS m ON m.id = t.id COLLATE "C"
ON CONFLICT DO NOTHING`,
] as const;

/** One tombstone, as in `$1` of `WITHDRAW_METEORS`. */
export interface WithdrawalRow {
  id: string;
  at: string;
  generated_at: string | null;
  source_file: string | null;
  source_line: number | null;
  run_id: string | null;
  topic_offset: string;
}

/**
 * Marks rows as withdrawn. `$1`: JSON list of `WithdrawalRow`, ids unique; `$2`: the partition. Rows that are not in the counts
 * were already withdrawn or never existed.
 */
export const WITHDRAW_METEORS = `
WITH verdict AS MATERIALIZED (
  SELECT t.*,
    CASE
      WHEN t.generated_at < m.source_generated_at
        OR t.generated_at < (SELECT g.generated_at FROM meteor_generation AS g WHERE g.meteor_id = t.id) THEN 'stale'
      WHEN m.withdrawn_at IS NOT NULL THEN 'unchanged'
      ELSE 'withdrawn'
    END AS verdict
  FROM json_to_recordset($1::json) AS t (
    id text, at timestamptz, generated_at timestamptz, source_file text, source_line bigint, run_id text, topic_offset bigint
  )
  CROSS JOIN LATERAL (SELECT * FROM meteor WHERE meteor.id = t.id COLLATE "C" LIMIT 1) AS m
), won AS (
  UPDATE meteor AS m SET
    withdrawn_at = v.at,
    updated_at = now(),
    source_file = v.source_file,
    source_line = v.source_line,
    source_generated_at = coalesce(v.generated_at, m.source_generated_at),
    run_id = v.run_id,
    topic_partition = $2::integer,
    topic_offset = v.topic_offset,
    value_digest = NULL,
    line_digest = NULL
  FROM verdict AS v
  WHERE m.id = v.id COLLATE "C" AND v.verdict = 'withdrawn'
    -- So that there is no plan that reads all meteors.
    AND m.id = ANY (ARRAY(SELECT id COLLATE "C" FROM verdict))
  RETURNING m.id
), remembered AS (
  INSERT INTO meteor_generation AS g (meteor_id, generated_at)
  SELECT id, generated_at FROM verdict WHERE verdict = 'unchanged' AND generated_at IS NOT NULL
  ON CONFLICT (meteor_id) DO UPDATE SET generated_at = excluded.generated_at
  WHERE g.generated_at < excluded.generated_at
)
SELECT
  (SELECT count(*) FROM won)::integer AS withdrawn,
  (SELECT count(*) FROM verdict WHERE verdict = 'stale')::integer AS stale`;

/** Adds missing stations. `$1`: JSON list of codes, in order. */
export const ADD_STATIONS = `
INSERT INTO station (code)
SELECT code FROM json_array_elements_text($1::json) AS code
ON CONFLICT (code) DO NOTHING`;
