/**
 * What a confirm record changes: nothing but what repeats of all the rows it stands for would have changed.
 *
 * Such a record says that a generation of a file still has certain trajectories with the values that the log already has (decision
 * 21). So, in the order of the log, for each of them:
 *
 * - the generation is remembered if it is newer than any seen, so that older records stay stale;
 * - a trajectory that was withdrawn is returned, unless the tombstone is of a newer generation. The row still has the values. No
 *   single record says both them and that the row stands, so its topic_offset becomes -1, and the next generation publishes it;
 * - the file is recorded to have had it (source_file_member), and the run to have found it (run_loaded.rows_unchanged).
 *
 * A confirm record without a source file (of a refill or repair of the log) only carries the generation: it returns nothing.
 */
import type { SessionSql } from "./loader_session.ts";
import { storable } from "./storable.ts";
import type { Lineage } from "./trajectory_batch.ts";

/** Trajectories that one confirm record stands for. */
export interface Confirmation {
  readonly ids: string[];
  readonly lineage: Lineage;
}

/**
 * Applies confirmations. `$1`: JSON list of `{at, generated_at, source_file, run_id, ids}`, `at` being the order; `$2`: the partition.
 * An id may occur in several; no other change of the batch may come between them.
 *
 * LATERAL with a LIMIT, for the reason given in merge.ts with the session settings.
 */
export const CONFIRM_METEORS = `
WITH confirmed AS MATERIALIZED (
  SELECT c.at, c.generated_at, c.source_file, c.run_id, u.id COLLATE "C" AS id
  FROM json_to_recordset($1::json) AS c (at integer, generated_at timestamptz, source_file text, run_id text, ids text[])
  CROSS JOIN LATERAL unnest(c.ids) AS u (id)
), latest AS MATERIALIZED (
  SELECT id, max(generated_at) AS generation FROM confirmed GROUP BY id
), known AS MATERIALIZED (
  SELECT l.id, l.generation, m.source_generated_at AS old_generation, m.withdrawn_at,
    (SELECT generated_at FROM meteor_generation WHERE meteor_id = l.id) AS remembered
  FROM latest AS l
  CROSS JOIN LATERAL (
    SELECT source_generated_at, withdrawn_at FROM meteor WHERE meteor.id = l.id LIMIT 1
  ) AS m
), back AS MATERIALIZED (
  SELECT k.id, first.*
  FROM known AS k
  CROSS JOIN LATERAL (
    SELECT c.generated_at, c.source_file, c.run_id FROM confirmed AS c
    WHERE c.id = k.id AND c.source_file IS NOT NULL
      AND (c.generated_at < greatest(k.old_generation, k.remembered)) IS NOT TRUE
    ORDER BY c.at LIMIT 1
  ) AS first
  WHERE k.withdrawn_at IS NOT NULL
), returned AS (
  UPDATE meteor AS m SET
    withdrawn_at = NULL,
    updated_at = now(),
    source_file = r.source_file,
    source_line = NULL,
    source_generated_at = r.generated_at,
    run_id = r.run_id,
    topic_partition = $2::integer,
    topic_offset = -1,
    value_digest = NULL,
    line_digest = NULL
  FROM back AS r
  WHERE m.id = r.id
    -- So that there is no plan that reads all meteors.
    AND m.id = ANY (ARRAY(SELECT id FROM back))
), remembered AS (
  INSERT INTO meteor_generation AS g (meteor_id, generated_at)
  SELECT id, generation
  FROM (
    SELECT *, CASE WHEN withdrawn_at IS NULL THEN old_generation
      ELSE coalesce((SELECT r.generated_at FROM back AS r WHERE r.id = known.id), old_generation) END AS row_generation
    FROM known
  ) AS k
  WHERE generation > coalesce(row_generation, '-infinity') AND generation > coalesce(remembered, '-infinity')
  ORDER BY id
  ON CONFLICT (meteor_id) DO UPDATE SET generated_at = excluded.generated_at
  WHERE g.generated_at < excluded.generated_at
)
SELECT (SELECT count(*) FROM latest)::integer - (SELECT count(*) FROM known)::integer AS unknown`;

/** Applies confirmations, in their order. Returns how many of their trajectories the data store does not have. */
export async function confirm(
  sql: SessionSql,
  partition: number,
  confirmations: readonly Confirmation[],
): Promise<number> {
  if (confirmations.length === 0) return 0;
  const rows = confirmations.map(({ ids, lineage }, at) => ({
    at,
    generated_at: lineage.sourceGeneratedAt?.toISOString() ?? null,
    source_file: storable(lineage.sourceFile),
    run_id: storable(lineage.runId),
    ids: ids.map(storable),
  }));
  const [result] = await sql.run<{ unknown: number }>(CONFIRM_METEORS, [rows, partition]);
  return result?.unknown ?? 0;
}
