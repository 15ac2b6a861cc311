/** The process that leads according to the log: the projection of the `leads` records (`runs/run_leader.ts`), one row. */
import type { RunLeader } from "../runs/run_leader.ts";
import type { Queryable } from "./connection.ts";

/** The leader, or null when none was ever on the log. */
export async function readRunLeader(sql: Queryable): Promise<RunLeader | null> {
  const [row] = await sql<RunLeader[]>`
    select epoch::float8 as epoch, owner, leads_since as since from run_leader`;
  return row ?? null;
}

/** Stores the leader. */
export async function writeRunLeader(sql: Queryable, leader: RunLeader): Promise<void> {
  await sql`
    insert into run_leader (epoch, owner, leads_since) values (${leader.epoch}, ${leader.owner}, ${leader.since})
    on conflict (only_row) do update set
      epoch = excluded.epoch, owner = excluded.owner, leads_since = excluded.leads_since`;
}

/** Forgets the leader: the log is read again from its beginning, and says who led. */
export async function forgetRunLeader(sql: Queryable): Promise<void> {
  await sql`delete from run_leader`;
}
