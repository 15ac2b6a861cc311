/**
 * The shower list in the database: what the topic `iau_shower` brought, and when it was fetched.
 */
import type { Queryable, TransactionSql } from "./connection.ts";

/** A shower as the list has it. */
export interface ListedShower {
  readonly number: number;
  readonly code: string;
  readonly name: string;
  readonly status: number | null;
  /** Where the list was read. */
  readonly source: string;
}

/** What a record of the topic says: a shower as listed, or that a number is off the list. */
export type ListingChange = ListedShower | { readonly unlisted: number };

/** Applies changes in their order. A listed shower has its code and name from the list, whatever the data says. */
export async function applyListing(
  sql: TransactionSql,
  changes: readonly ListingChange[],
): Promise<void> {
  const last = new Map(
    changes.map((change) => ["unlisted" in change ? change.unlisted : change.number, change]),
  );
  const listed = [...last.values()].filter((change) => !("unlisted" in change));
  const unlisted = [...last.values()].filter((change) => "unlisted" in change).map((change) =>
    change.unlisted
  );
  if (listed.length > 0) {
    await sql`
      with given as (
        select * from jsonb_to_recordset(${sql.json(listed as never)})
          as t (number integer, code text, name text, status integer, source text)
      ), kept as (
        insert into iau_shower_list (number, code, name, status, source) select number, code, name, status, source from given
        on conflict (number) do update set
          code = excluded.code, name = excluded.name, status = excluded.status, source = excluded.source
      )
      insert into iau_shower as s (number, code, name) select number, code, name from given order by number
      on conflict (number) do update set code = excluded.code, name = excluded.name, updated_at = now()
      where (s.code, s.name) is distinct from (excluded.code, excluded.name)`;
  }
  if (unlisted.length > 0) {
    await sql`delete from iau_shower_list where number = any(${unlisted})`;
    await sql`update iau_shower set name = null, updated_at = now() where number = any(${unlisted}) and name is not null`;
  }
}

/** The list as it is known. */
export async function readListedShowers(sql: Queryable): Promise<ListedShower[]> {
  return await sql<ListedShower[]>`
    select number, code, name, status, source from iau_shower_list order by number`;
}

/** A fetch of a shower list. */
export interface ShowerListFetch {
  readonly at: Date;
  readonly showers: number;
}

/** The last fetch of the list at `url`, or null. */
export async function readShowerListFetch(
  sql: Queryable,
  url: string,
): Promise<ShowerListFetch | null> {
  const [row] = await sql<ShowerListFetch[]>`
    select fetched_at as at, showers from shower_list_fetch where url = ${url}`;
  return row ?? null;
}

/** Keeps that the list at `url` was fetched. */
export async function writeShowerListFetch(
  sql: Queryable,
  url: string,
  fetch: ShowerListFetch,
): Promise<void> {
  await sql`
    insert into shower_list_fetch (url, fetched_at, showers) values (${url}, ${fetch.at}, ${fetch.showers})
    on conflict (url) do update set fetched_at = excluded.fetched_at, showers = excluded.showers`;
}
