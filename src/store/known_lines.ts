/**
 * Which lines of files the data store has already, for the producer: it does not publish them again (decision 21).
 *
 * `meteor.line_digest` is the digest of the line that the row's record was made from. A row that is withdrawn, that somebody has
 * changed, or whose record is in no log, is not known: its next record must be published.
 */
import type { Sql } from "./connection.ts";

/** What a line is recognised by. */
export interface LineMark {
  readonly id: string;
  readonly digest: bigint;
}

/** What one snapshot of the database says. */
export interface KnownLines {
  /** For each partition, the offset of the first record of the topic that is not in it. */
  readonly offsets: ReadonlyMap<number, bigint>;
  /**
   * For each line: `same` when its row was made from the same line; else the digest of the value that the row was made from, or null
   * when there is no such row or its digest is not known.
   */
  readonly lines: readonly ("same" | bigint | null)[];
}

/**
 * `$1`: JSON list of ids; `$2`: their digests, as an array in text form; `$3`: the topic. Positions in the lists start at 0.
 *
 * LATERAL with a LIMIT, for the reason given in merge.ts with the session settings.
 */
export const FIND_KNOWN_LINES = `
SELECT
  (SELECT coalesce(json_object_agg(partition, next_offset::text), '{}')
    FROM consumer_offset WHERE topic = $3) AS offsets,
  coalesce(json_agg(at - 1) FILTER (WHERE is_same), '[]') AS same,
  coalesce(json_agg(json_build_array(at - 1, value_digest::text))
    FILTER (WHERE NOT is_same AND value_digest IS NOT NULL), '[]') AS others
FROM (
  SELECT t.at, m.value_digest, m.line_digest IS NOT DISTINCT FROM t.digest AS is_same
  FROM ROWS FROM (json_array_elements_text($1::json), unnest($2::text::bigint[]))
    WITH ORDINALITY AS t (id, digest, at)
  CROSS JOIN LATERAL (SELECT * FROM meteor WHERE meteor.id = t.id COLLATE "C" LIMIT 1) AS m
  WHERE m.withdrawn_at IS NULL AND m.topic_offset >= 0
) AS known`;

/** A database that takes longer is overloaded or hangs; the lines are published then. */
const ANSWER_MS_MAX = 10_000;

/** Looks the lines up. @throws TransientError when the database is unavailable or too slow */
export async function findKnownLines(
  sql: Sql,
  topic: string,
  marks: readonly LineMark[],
): Promise<KnownLines> {
  const [found] = await sql.begin("read only", async (transaction) => {
    const [, rows] = await Promise.all([
      // Rows are looked up by index, whatever the statistics say.
      transaction`select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('statement_timeout', ${String(ANSWER_MS_MAX)}, true)`,
      transaction.unsafe<
        { offsets: Record<string, string>; same: number[]; others: [number, string][] }[]
      >(
        FIND_KNOWN_LINES,
        [
          marks.map(({ id }) => id),
          `{${marks.map(({ digest }) => digest).join(",")}}`,
          topic,
        ] as never[],
        { prepare: true },
      ),
    ]);
    return rows;
  });
  const { offsets = {}, same = [], others = [] } = found ?? {};
  const lines: ("same" | bigint | null)[] = new Array(marks.length).fill(null);
  for (const at of same) lines[at] = "same";
  for (const [at, digest] of others) lines[at] = BigInt(digest);
  return {
    offsets: new Map(
      Object.entries(offsets).map(([partition, next]) => [Number(partition), BigInt(next)]),
    ),
    lines,
  };
}
