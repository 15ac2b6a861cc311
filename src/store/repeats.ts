/**
 * Recognises records that repeat what the data store has by a digest, without looking at their values.
 *
 * The source keeps rewriting its files, a backfill reads them all, and nearly every row is unchanged. Such a record needs no
 * decoding, no COPY and no comparison of seventy columns. `meteor.value_digest` is the digest of the record that last changed the
 * row, and of how its values are stored (value_digest.ts), so another version of the schema gives another digest. Records
 * that are not recognised are written as usual, and merge.ts compares them.
 *
 * The query runs before the batch's transaction, and its result still holds in the transaction. The rows of a partition's keys are
 * changed only by the batches of that partition, and if one had been written in between, the fence would refuse this batch. A
 * record without a key may be in any partition; it has no defined order with a record that has a key anyway.
 */
import type { SessionSql } from "./loader_session.ts";
import type { Lineage, TrajectoryRepeat } from "./trajectory_batch.ts";

/** The properties by which the query recognises a record. */
export interface RecordMark {
  /** The trajectory, by the record's key. Without NUL, which PostgreSQL's `text` can't hold. */
  readonly id: string;
  readonly digest: bigint;
  readonly generatedAt: Date | null;
}

/**
 * `$1`: JSON list of ids; `$2` and `$3`: their digests and generations, as arrays in text form. Positions in the lists start at 0.
 *
 * LATERAL with a LIMIT, for the reason given in merge.ts with the session settings.
 */
export const FIND_REPEATS = `
SELECT
  coalesce(json_agg(at - 1), '[]') AS same,
  coalesce(json_agg(at - 1) FILTER (WHERE generation > coalesce(
    greatest(old_generation, (SELECT generated_at FROM meteor_generation AS g WHERE g.meteor_id = id)), '-infinity')), '[]') AS newer
FROM (
  SELECT t.at, t.generation, m.id, m.source_generated_at AS old_generation
  FROM ROWS FROM (json_array_elements_text($1::json), unnest($2::text::bigint[]), unnest($3::text::timestamptz[]))
    WITH ORDINALITY AS t (id, digest, generation, at)
  CROSS JOIN LATERAL (SELECT * FROM meteor WHERE meteor.id = t.id COLLATE "C" LIMIT 1) AS m
  WHERE m.value_digest = t.digest
    AND m.withdrawn_at IS NULL
    AND m.topic_offset >= 0
    AND (t.generation < m.source_generated_at) IS NOT TRUE
) AS repeat`;

/** Positions in the list of marks. */
export interface Repeats {
  readonly same: readonly number[];
  /** Those of `same` whose generation is newer than any seen. */
  readonly newer: readonly number[];
}

/** Which of these records say what the data store already has. */
export async function findRepeats(
  sql: SessionSql,
  marks: readonly RecordMark[],
): Promise<Repeats> {
  if (marks.length === 0) return { same: [], newer: [] };
  const [found] = await sql.run<{ same: number[]; newer: number[] }>(FIND_REPEATS, [
    marks.map(({ id }) => id),
    `{${marks.map(({ digest }) => digest).join(",")}}`,
    `{${generationsOf(marks).join(",")}}`,
  ]);
  return found ?? { same: [], newer: [] };
}

/** As text. Records of one file share their generation and mostly follow one another, so the last text is kept. */
function generationsOf(marks: readonly RecordMark[]): string[] {
  let last: Date | null = null;
  let text = "NULL";
  return marks.map(({ generatedAt }) => {
    if (generatedAt !== last) [last, text] = [generatedAt, generatedAt?.toISOString() ?? "NULL"];
    return text;
  });
}

/** Remembers newer generations of unchanged rows (see merge.ts). `$1`: JSON list of `{id, generated_at}`, by id. */
const REMEMBER_GENERATIONS = `
INSERT INTO meteor_generation AS g (meteor_id, generated_at)
SELECT id, max(generated_at) FROM json_to_recordset($1::json) AS t (id text, generated_at timestamptz)
GROUP BY id ORDER BY id COLLATE "C"
ON CONFLICT (meteor_id) DO UPDATE SET generated_at = excluded.generated_at
WHERE g.generated_at < excluded.generated_at`;

/** Records the newer generations of repeats, in the batch's transaction. */
export async function rememberRepeats(
  sql: SessionSql,
  repeats: readonly TrajectoryRepeat[],
): Promise<void> {
  const newer = repeats.filter(({ isNewer }) => isNewer)
    .map(({ id, lineage }) => ({ id, generated_at: isoOf(lineage) }));
  if (newer.length > 0) await sql.run(REMEMBER_GENERATIONS, [newer]);
}

function isoOf({ sourceGeneratedAt }: Lineage): string | null {
  return sourceGeneratedAt?.toISOString() ?? null;
}
