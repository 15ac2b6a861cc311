/**
 * How much there is in the data store.
 */
import type { Queryable } from "./connection.ts";

/** Up to this many rows counting takes milliseconds; beyond it the estimate is as good for a person. */
const EXACT_UP_TO = 100_000;

/** The number of meteors: exact while it is small, PostgreSQL's own estimate (of its last ANALYZE) for large tables. */
export async function countMeteors(sql: Queryable): Promise<number> {
  const [estimate] = await sql<{ rows: number }[]>`
    select reltuples::float8 as rows from pg_class where oid = 'meteor'::regclass`;
  if ((estimate?.rows ?? -1) > EXACT_UP_TO) return Math.round(estimate!.rows);
  const [exact] = await sql<{ count: bigint }[]>`select count(*) as count from meteor`;
  return Number(exact?.count ?? 0n);
}
