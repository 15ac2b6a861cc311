/**
 * The leases of the service, and what can be seen of them from outside. Each is an advisory lock of PostgreSQL (`advisory_lease.ts`);
 * those of loops also have a heartbeat in the table `lease` (`renewed_lease.ts`).
 */
import type { Queryable } from "./connection.ts";

/** First key of all our leases: "gmn" in hexadecimal. */
export const LEASE_SPACE = 0x676d6e;
/** Second keys, one for each lease. */
export const LEASES = {
  schedule: 0x736364,
  producer: 0x707264,
  rebuild: 0x726264,
  refill: 0x72666c,
} as const;

export type LeaseName = keyof typeof LEASES;

/** A holder that has not renewed for this long no longer acts on its lease (`renewed_lease.ts`). */
export const LEASE_VALID_MS = 15_000;

/** A lease as it is shown. */
export interface LeaseView {
  /** The process that has the lock, `host:pid`; null when none has it. */
  readonly holder: string | null;
  /** Seconds since the last renewal, by the database's clock; null when it was never renewed. */
  readonly renewedAgo_s: number | null;
  /** The same for the last renewal by a holder that acted on it: it leads, and does not only wait to. */
  readonly actedAgo_s: number | null;
}

/** Who holds the lease, and when it was last renewed; null when nobody ever has. */
export async function readLease(sql: Queryable, name: LeaseName): Promise<LeaseView | null> {
  const [row] = await sql<
    { isHeld: boolean; holder: string | null; renewed: number | null; acted: number | null }[]
  >`
    select ${holdersOf(sql, name)} is not null as "isHeld", holder,
      case when renewed_at is not null
        then greatest(0, extract(epoch from clock_timestamp() - renewed_at))::float8 end as renewed,
      case when acting_at is not null
        then greatest(0, extract(epoch from clock_timestamp() - acting_at))::float8 end as acted
    from (values (1)) as one left join lease on name = ${name}`;
  if (row === undefined || (!row.isHeld && row.holder === null)) return null;
  const { isHeld, holder, renewed: renewedAgo_s, acted: actedAgo_s } = row;
  return { holder: isHeld ? holder ?? "unknown" : null, renewedAgo_s, actedAgo_s };
}

/** Whether its holder acts on it. Whoever has not renewed it for a while steps down, or is replaced; and a holder may still wait to lead. */
export function isInForce(lease: LeaseView | null): boolean {
  const { holder = null, actedAgo_s = null } = lease ?? {};
  return holder !== null && actedAgo_s !== null && actedAgo_s * 1000 < LEASE_VALID_MS;
}

/** As SQL: the process of the server whose session has the lock, or null. */
export function holdersOf(sql: Queryable, name: LeaseName) {
  return sql`(
    select max(pid) from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = ${LEASE_SPACE} and objid = ${
    LEASES[name]
  }
      and database = (select oid from pg_database where datname = current_database()))`;
}
