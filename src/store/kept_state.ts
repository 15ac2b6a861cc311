/**
 * The small tables that no topic has: settings that operators make at run time, and when a shower list was fetched. A backup of the
 * log keeps them beside it (see `projections.ts` for all other tables).
 */
import type { Queryable, Sql } from "./connection.ts";

/** The rows of each table, as JSON. */
export type KeptState = Readonly<Record<(typeof TABLES)[number], readonly unknown[]>>;

const TABLES = ["schedule_pause", "shower_list_fetch"] as const;

/** Reads the tables. @throws TransientError when the database can't be reached, PermanentError when it was never migrated */
export async function readKeptState(sql: Queryable): Promise<KeptState> {
  const [row] = await sql<KeptState[]>`
    select (select coalesce(json_agg(t), '[]') from schedule_pause as t) as schedule_pause,
      (select coalesce(json_agg(t), '[]') from shower_list_fetch as t) as shower_list_fetch`;
  return row!;
}

/** Puts the rows back, in one transaction. A row that is there already stays as it is. */
export async function writeKeptState(sql: Sql, state: KeptState): Promise<void> {
  await sql.begin(async (transaction) => {
    for (const table of TABLES) {
      await transaction`
        insert into ${transaction(table)}
        select * from jsonb_populate_recordset(null::${transaction(table)}, ${
        transaction.json(state[table] as never)
      })
        on conflict do nothing`;
    }
  });
}
