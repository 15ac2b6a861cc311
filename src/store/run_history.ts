/** The events of runs as rows: a projection of the topic `ingestion_run`, beside the resulting states. */
import type { RunHistoryDetail, RunHistoryEntry } from "../runs/run_history.ts";
import type { Queryable, TransactionSql } from "./connection.ts";
import { storable } from "./storable.ts";

/** An event of a run, with its position in the topic. */
export interface StoredRunEvent extends RunHistoryEntry {
  readonly runId: string;
  readonly offset: bigint;
  readonly at: Date;
}

/** PostgreSQL takes 65,535 parameters per statement; an event has 6. */
const EVENTS_PER_STATEMENT = 5_000;

/** Adds events of stored runs. An event that is already there stays as it is. */
export async function writeRunHistory(
  sql: TransactionSql,
  events: readonly StoredRunEvent[],
): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_PER_STATEMENT) {
    const rows = events.slice(from, from + EVENTS_PER_STATEMENT).map((event) => ({
      run_id: event.runId,
      event_offset: event.offset,
      at: event.at,
      name: event.name,
      file: event.file,
      detail: sql.json(storableDetail(event.detail)),
    }));
    await sql`
      insert into ingestion_run_event ${sql(rows)}
      on conflict (run_id, event_offset) do nothing`;
  }
}

function storableDetail({ reason, rows, ...rest }: RunHistoryDetail) {
  return {
    ...rest,
    ...(rows === undefined ? {} : { rows: { ...rows } }),
    ...(reason === undefined ? {} : { reason: storable(reason) }),
  };
}

/**
 * A page of a run's events, newest first, starting before the offset `before` (null: at the newest); null when there is no such
 * run.
 */
export async function readRunHistory(
  sql: Queryable,
  runId: string,
  page: { readonly limit: number; readonly before: bigint | null },
): Promise<StoredRunEvent[] | null> {
  const before = page.before === null ? sql`` : sql`and event_offset < ${page.before}`;
  const rows = await sql<StoredRunEvent[]>`
    select run_id as "runId", event_offset as "offset", at, name, file, detail
    from ingestion_run_event
    where run_id = ${runId} ${before} order by event_offset desc limit ${page.limit}`;
  const isKnown = rows.length > 0 ||
    (await sql`select from ingestion_run where id = ${runId}`).length > 0;
  return isKnown ? rows : null;
}

/** All events of a run, oldest first. */
export async function readWholeRunHistory(
  sql: Queryable,
  runId: string,
): Promise<StoredRunEvent[]> {
  return await sql<StoredRunEvent[]>`
    select run_id as "runId", event_offset as "offset", at, name, file, detail
    from ingestion_run_event where run_id = ${runId} order by event_offset`;
}

/** Records the new places of events of a run that were published again. */
export async function moveRunEvents(
  sql: Queryable,
  runId: string,
  places: readonly { readonly from: bigint; readonly to: bigint }[],
): Promise<void> {
  if (places.length === 0) return;
  const list = (offsets: readonly bigint[]) => `{${offsets.join(",")}}`;
  await sql`
    update ingestion_run_event as e set event_offset = t.next
    from unnest(
      ${list(places.map(({ from }) => from))}::text::bigint[], ${
    list(places.map(({ to }) => to))
  }::text::bigint[]
    ) as t (old, next)
    where e.run_id = ${runId} and e.event_offset = t.old`;
}
