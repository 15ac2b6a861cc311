/**
 * The small lists of the data store: its showers and its stations.
 */
import type { TransactionSql } from "./connection.ts";

export interface ShowerRow {
  readonly number: number;
  readonly code: string | null;
  readonly name: string | null;
}

/** The showers, by number, after the number `after`. */
export async function listShowers(
  sql: TransactionSql,
  { limit, after }: { readonly limit: number; readonly after: number | null },
): Promise<ShowerRow[]> {
  return await sql<ShowerRow[]>`
    select number, code, name from iau_shower
    ${after === null ? sql`` : sql`where number > ${after}::int`}
    order by number limit ${limit}`;
}

export interface StationRow {
  readonly code: string;
  readonly country_code: string;
  /** When its first trajectory was stored here; ISO 8601. */
  readonly created_at: string;
}

/** The stations, by code, after the code `after`; of one country if one is given. */
export async function listStations(
  sql: TransactionSql,
  page: { readonly limit: number; readonly after: string | null; readonly country: string | null },
): Promise<StationRow[]> {
  const { limit, after, country } = page;
  const rows = await sql<(Omit<StationRow, "created_at"> & { created_at: Date })[]>`
    select code, country_code, created_at from station where true
    ${after === null ? sql`` : sql`and code > ${after}`}
    ${country === null ? sql`` : sql`and country_code = ${country}`}
    order by code limit ${limit}`;
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
}
