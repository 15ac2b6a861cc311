/**
 * The showers that meteors name: rows of `iau_shower` built from the data, and their codes.
 *
 * A provisional number (from 9001) may be reused for another shower, with another code. The code of a number is then that of the
 * latest meteor that has the number now, by its time. If the whole log has a single code, it is that one. So the code depends on
 * the content of the tables and the log, not on the order in which partitions are read or on how batches are cut, and a rebuild
 * gives the same showers. Showers on the IAU's list have their code from the list (`iau_showers.ts`). The codes that the data has
 * had for them are stored as well, so that it does not matter whether the list or the data came first.
 *
 * To settle a number with several codes, all its meteors must be visible, so only one loader at a time does it, with `LOCK_SHOWERS`
 * in exclusive mode; all other batches share the lock. That is rare, and the batch is restarted for it.
 */
import { BUILD_SCHEMA } from "./build_schema.ts";
import type { SessionSql } from "./loader_session.ts";

/** The second key is "shw" in hexadecimal; one more for the tables of a rebuild, which must not wait for the live ones. */
const LOCK_KEYS =
  `x'676d6e'::integer, x'736877'::integer + (current_schema() = '${BUILD_SCHEMA}')::integer`;

/** Taken first in the transaction. */
export const LOCK_SHOWERS = {
  shared: `SELECT pg_advisory_xact_lock_shared(${LOCK_KEYS})`,
  exclusive: `SELECT pg_advisory_xact_lock(${LOCK_KEYS})`,
} as const;

/** The codes that records name, by number. */
export type ShowerMentions = ReadonlyMap<number, ReadonlySet<string>>;

/** Thrown to restart a batch with the exclusive lock. */
export class ContestedShower extends Error {}

/** `$1`: JSON list of `{number, codes}`, in the order of numbers. */
const ADD_SHOWERS = `
INSERT INTO iau_shower (number, code, codes)
SELECT number, codes[1], codes[:1] FROM json_to_recordset($1::json) AS t (number integer, codes text[])
ON CONFLICT (number) DO NOTHING`;

/** A number whose code must be settled or remembered. */
interface Contested {
  readonly number: number;
  /** The data has not had this code for it before. */
  readonly is_new_code: boolean;
  /** It is on the list, which provides its code. */
  readonly is_listed: boolean;
}

/**
 * The numbers in `$1` (JSON list of `{number, codes}`) that are mentioned with a new code, or that have several codes and are not
 * on the list.
 */
const CONTESTED_SHOWERS = `
SELECT * FROM (
  SELECT s.number, cardinality(s.codes) > 1 AS has_several, NOT t.codes COLLATE "C" <@ s.codes AS is_new_code,
    EXISTS (SELECT FROM iau_shower_list AS l WHERE l.number = t.number) AS is_listed
  FROM json_to_recordset($1::json) AS t (number integer, codes text[]) JOIN iau_shower AS s ON s.number = t.number
) AS mentioned
WHERE is_new_code OR has_several AND NOT is_listed`;

/**
 * Adds codes to those that numbers already had. `$1`: JSON list of `{number, codes}`. Rows are locked in the order of their
 * numbers, because loaders that share the lock may add codes to the same rows.
 */
const ADD_CODES = `
WITH locked AS MATERIALIZED (
  SELECT s.number
  FROM json_to_recordset($1::json) AS t (number integer, codes text[]) JOIN iau_shower AS s ON s.number = t.number
  WHERE NOT t.codes COLLATE "C" <@ s.codes
  ORDER BY s.number FOR UPDATE OF s
)
UPDATE iau_shower AS s
SET codes = (SELECT array_agg(DISTINCT code ORDER BY code) FROM unnest(s.codes || t.codes COLLATE "C") AS u (code))
FROM locked JOIN json_to_recordset($1::json) AS t (number integer, codes text[]) ON t.number = locked.number
WHERE s.number = locked.number`;

/** Settles the codes of the numbers in `$1` (JSON list). */
export const SETTLE_SHOWERS = `
UPDATE iau_shower AS s SET code = settled.code, updated_at = now()
FROM (
  SELECT o.number, coalesce(
    CASE WHEN cardinality(o.codes) > 1 THEN (
      SELECT one.code
      FROM unnest(o.codes) AS one (code) CROSS JOIN LATERAL (
        SELECT m.beginning_utc_time, m.id FROM meteor AS m
        WHERE m.iau_code = one.code AND m.iau_shower_id = o.number
        ORDER BY m.beginning_utc_time DESC NULLS LAST, m.id DESC
        LIMIT 1
      ) AS last
      ORDER BY last.beginning_utc_time DESC NULLS LAST, last.id DESC
      LIMIT 1
    ) END,
    o.codes[1], o.code) AS code
  FROM json_array_elements_text($1::json) AS t (number) JOIN iau_shower AS o ON o.number = t.number::integer
  WHERE NOT EXISTS (SELECT FROM iau_shower_list AS l WHERE l.number = o.number)
) AS settled
WHERE s.number = settled.number AND s.code IS DISTINCT FROM settled.code`;

/** Whether a batch is written under the exclusive lock, and which showers it must settle at its end. */
export class ShowerSettlement {
  readonly #numbers = new Set<number>();
  constructor(readonly exclusive: boolean) {}

  /**
   * Adds missing showers, before their meteors are written.
   * @throws ContestedShower when a shower must be settled and the lock is shared
   */
  async mention(sql: SessionSql, mentions: ShowerMentions): Promise<void> {
    if (mentions.size === 0) return;
    const rows = [...mentions].sort(([a], [b]) => a - b)
      .map(([number, codes]) => ({ number, codes: [...codes].sort() }));
    await sql.run(ADD_SHOWERS, [rows]);
    const contested = await sql.run<Contested>(CONTESTED_SHOWERS, [rows]);
    this.#settleLater(contested);
    if (contested.some(({ is_new_code }) => is_new_code)) await sql.run(ADD_CODES, [rows]);
  }

  /**
   * Notes the previous showers of changed meteors: each may have lost its latest meteor.
   * @throws ContestedShower when a shower must be settled and the lock is shared
   */
  async leave(sql: SessionSql, numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return;
    const rows = numbers.map((number) => ({ number, codes: [] }));
    this.#settleLater(await sql.run<Contested>(CONTESTED_SHOWERS, [rows]));
  }

  /** Settles the noted showers, at the end of the transaction. */
  async settle(sql: SessionSql): Promise<void> {
    if (this.#numbers.size > 0) await sql.run(SETTLE_SHOWERS, [[...this.#numbers]]);
  }

  #settleLater(contested: readonly Contested[]): void {
    const unlisted = contested.filter(({ is_listed }) => !is_listed);
    if (unlisted.length > 0 && !this.exclusive) throw new ContestedShower();
    for (const { number } of unlisted) this.#numbers.add(number);
  }
}
