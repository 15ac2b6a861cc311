/** Metrics of the data store. Each takes milliseconds, whatever the size of the tables. */
import { runStateSchema } from "../runs/run_schemas.ts";
import type { Queryable } from "./connection.ts";
import { type LeaseName, readLease } from "./leases.ts";
import { readUnownedRuns } from "./run_states.ts";

/** Times in seconds since 1970; null where there is none. */
export interface StoreGauges {
  /** The number of runs in each state. */
  readonly runs: Readonly<Record<string, number>>;
  readonly newestRow_s: number | null;
  /** Beginning of the newest meteor; 0 when there is none. One in the future is wrong, and would hide that no night is loaded. */
  readonly newestMeteor_s: number;
  /** End of the last complete daily run; 0 when there is none. Retries, which take only some files, are left out. */
  readonly lastDailySuccess_s: number;
  /** The leases that are renewed, each since it was first taken. */
  readonly leases: readonly { readonly lease: LeaseName; readonly renewedAgo_s: number }[];
  /** Runs that wait for a process to lead. */
  readonly runsWithoutOwner: number;
}

/** The leases with a heartbeat. */
const RENEWED = ["producer", "schedule"] as const satisfies readonly LeaseName[];

export async function readStoreGauges(sql: Queryable): Promise<StoreGauges> {
  const runs = await sql<{ state: string; runs: number }[]>`
    select state, count(*)::int as runs from ingestion_run group by state`;
  const [times] = await sql<
    Pick<StoreGauges, "newestRow_s" | "newestMeteor_s" | "lastDailySuccess_s">[]
  >`
    select
      (select extract(epoch from max(updated_at))::float8 from meteor) as "newestRow_s",
      (select coalesce(extract(epoch from max(beginning_utc_time)), 0)::float8 from meteor
        where beginning_utc_time <= now()) as "newestMeteor_s",
      (select coalesce(extract(epoch from max(ended_at)), 0)::float8 from ingestion_run
        where kind = 'daily' and state = 'completed' and jsonb_exists(selection, 'days')) as "lastDailySuccess_s"`;
  const none = Object.fromEntries(runStateSchema.options.map((state) => [state, 0]));
  return {
    runs: { ...none, ...Object.fromEntries(runs.map((row) => [row.state, row.runs])) },
    ...times!,
    leases: await readLeases(sql),
    runsWithoutOwner: (await readUnownedRuns(sql)).count,
  };
}

async function readLeases(sql: Queryable): Promise<StoreGauges["leases"]> {
  const leases: { lease: LeaseName; renewedAgo_s: number }[] = [];
  for (const lease of RENEWED) {
    const renewedAgo_s = (await readLease(sql, lease))?.renewedAgo_s ?? null;
    if (renewedAgo_s !== null) leases.push({ lease, renewedAgo_s });
  }
  return leases;
}

/** Up to this many rows, counting takes milliseconds. Beyond it, the estimate is good enough for a person. */
const EXACT_UP_TO = 100_000;

/** The number of meteors: exact while the table is small, PostgreSQL's estimate (of its last ANALYZE) when it is large. */
export async function countMeteors(sql: Queryable): Promise<number> {
  const [estimate] = await sql<{ rows: number }[]>`
    select reltuples::float8 as rows from pg_class where oid = 'meteor'::regclass`;
  if ((estimate?.rows ?? -1) > EXACT_UP_TO) return Math.round(estimate!.rows);
  const [exact] = await sql<{ count: bigint }[]>`select count(*) as count from meteor`;
  return Number(exact?.count ?? 0n);
}
