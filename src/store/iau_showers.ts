/** The shower list in the database: the content of the topic `iau_shower`, which list it is, and when it was fetched. */
import { shippedEdition } from "../trajectory/shipped_showers.ts";
import type { Shower } from "../trajectory/shower_list.ts";
import type { Queryable, TransactionSql } from "./connection.ts";
import { LOCK_SHOWERS, SETTLE_SHOWERS } from "./shower_codes.ts";

/** A shower as it is listed. */
export interface ListedShower extends Shower {
  /** Where the list was read from: an address, or a name made by `shippedSource`. */
  readonly source: string;
}

/** The content of a record of the topic: a listed shower, or a number that is no longer listed. */
export type ListingChange = ListedShower | { readonly unlisted: number };

/**
 * Applies changes in their order. A listed shower has its code and name from the list, whatever the data says. A shower that leaves
 * the list gets its code from the data again, if the data has one.
 */
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
  // Before any row: a loader, too, takes its share of the lock first and then waits for rows.
  if (unlisted.length > 0) await sql.unsafe(LOCK_SHOWERS.exclusive);
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
    await sql.unsafe(SETTLE_SHOWERS, [sql.json(unlisted)]);
  }
}

/**
 * Brings `iau_shower` in line with a list that a rebuild has changed without the trajectories, as `applyListing` would have.
 * Call it before any row of the transaction is written, but after the offset of the topic is locked.
 */
export async function followListing(
  sql: TransactionSql,
  changeList: () => Promise<void>,
): Promise<void> {
  await sql.unsafe(LOCK_SHOWERS.exclusive);
  await changeList();
  await sql`
    insert into iau_shower as s (number, code, name) select number, code, name from iau_shower_list order by number
    on conflict (number) do update set code = excluded.code, name = excluded.name, updated_at = now()
    where (s.code, s.name) is distinct from (excluded.code, excluded.name)`;
  const unlisted = await sql<{ number: number }[]>`
    update iau_shower as s set name = null, updated_at = now()
    where name is not null and not exists (select from iau_shower_list as l where l.number = s.number)
    returning number`;
  const numbers = unlisted.map(({ number }) => number);
  if (numbers.length > 0) await sql.unsafe(SETTLE_SHOWERS, [sql.json(numbers)]);
}

/** The list in the database. */
export async function readListedShowers(sql: Queryable): Promise<ListedShower[]> {
  return await sql<ListedShower[]>`
    select number, code, name, status, source from iau_shower_list order by number`;
}

/** A fetch of a shower list. */
export interface ShowerListFetch {
  /** The source that was fetched, as the setting names it. */
  readonly address: string;
  readonly at: Date;
  readonly showers: number;
}

/** The last fetch of the list at `address`, or of any list when no address is given; null when there was none. */
export async function readShowerListFetch(
  sql: Queryable,
  address?: string,
): Promise<ShowerListFetch | null> {
  const [row] = await sql<ShowerListFetch[]>`
    select url as address, fetched_at as at, showers from shower_list_fetch
    ${address === undefined ? sql`` : sql`where url = ${address}`}
    order by fetched_at desc limit 1`;
  return row ?? null;
}

/** Records that a list was fetched. */
export async function writeShowerListFetch(
  sql: Queryable,
  { address, at, showers }: ShowerListFetch,
): Promise<void> {
  await sql`
    insert into shower_list_fetch (url, fetched_at, showers) values (${address}, ${at}, ${showers})
    on conflict (url) do update set fetched_at = excluded.fetched_at, showers = excluded.showers`;
}

/** How far the database is with the topic `iau_shower`. */
export interface ShowerListLog {
  /** Nothing was ever written to it. */
  readonly isEmpty: boolean;
  /** The database has all of it. */
  readonly isCaughtUp: boolean;
}

/** The list that provides the names. */
export interface ListInUse {
  readonly kind: "shipped" | "fetched";
  /** Where it was read from: an address, or the name of the shipped list. */
  readonly source: string;
  /** Edition of the shipped list, `YYYY-MM`; null for a fetched one. */
  readonly edition: string | null;
  /** null for the shipped list, and when the database was rebuilt from the log, which has no fetch times. */
  readonly fetchedAt: Date | null;
  readonly showers: number;
}

/** The list in use: the fetched one as soon as it has at least one shower. Null while there is none. */
export async function readListInUse(sql: Queryable): Promise<ListInUse | null> {
  const sources = await sql<{ source: string; showers: number }[]>`
    select source, count(*)::integer as showers from iau_shower_list group by source order by source desc`;
  const fetched = sources.filter(({ source }) => shippedEdition(source) === null);
  const inUse = fetched.length > 0 ? fetched : sources;
  const [first] = inUse;
  if (first === undefined) return null;
  const edition = shippedEdition(first.source);
  const last = edition === null ? await readShowerListFetch(sql) : null;
  return {
    kind: edition === null ? "fetched" : "shipped",
    // Entries that a later list left unchanged keep the address that they were first read from.
    source: last?.address ?? first.source,
    edition,
    fetchedAt: last?.at ?? null,
    showers: last?.showers ?? inUse.reduce((sum, { showers }) => sum + showers, 0),
  };
}
