/** Whether the schedule is paused: one row, valid for all processes and across restarts. */
import type { Queryable } from "./connection.ts";

/** The only schedule there is. */
const DAILY = "daily";

/** Since when the schedule is paused; null when it is not. @throws TransientError when the database can't be reached */
export async function readSchedulePause(sql: Queryable): Promise<Date | null> {
  const [row] = await sql<{ paused_at: Date }[]>`
    select paused_at from schedule_pause where name = ${DAILY}`;
  return row?.paused_at ?? null;
}

/** Pauses the schedule (keeping an earlier start) or resumes it. @throws TransientError when the database can't be reached */
export async function writeSchedulePause(sql: Queryable, isPaused: boolean): Promise<void> {
  if (isPaused) {
    await sql`insert into schedule_pause (name) values (${DAILY}) on conflict do nothing`;
  } else await sql`delete from schedule_pause where name = ${DAILY}`;
}
