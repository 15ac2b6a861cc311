/** Which neighbouring files keep a file from being compared. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { lookAtFile } from "../../src/store/file_generations.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const FILE = "daily/traj_summary_20261117_solrange_235.0-236.0.txt";
const NEIGHBOUR = "daily/traj_summary_20261116_solrange_234.0-235.0.txt";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A run with the state of the neighbour in it; `order`: when it was at work. */
async function addRun(
  id: string,
  order: number,
  state: string,
  neighbour: string,
  updated_s = order,
) {
  const { sql } = database;
  await sql`
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
    values (${id}, 'daily', '{"days":10}', ${state}, 'http', now(), ${order})
    on conflict (id) do update set state = excluded.state, last_event_offset = excluded.last_event_offset`;
  await sql`
    insert into ingestion_run_file (run_id, file, state, updated_at)
    values (${id}, ${NEIGHBOUR}, ${neighbour}, ${new Date(updated_s * 1000)})
    on conflict (run_id, file) do update set state = excluded.state, updated_at = excluded.updated_at`;
}

/** The last event of a run about the neighbour. */
const addEvent = (run: string, offset: number) =>
  database.sql`
    insert into ingestion_run_event (run_id, event_offset, at, name, file, detail)
    values (${run}, ${offset}, now(), 'file_started', ${NEIGHBOUR}, '{}')`;

test("a run that was requested first and works last: its neighbours count, too", async () => {
  const { sql } = database;
  await sql`
    insert into ingestion_file (file, generated_at, rows_read, rows_published, rows_rejected, rows_unchanged, run_id, extracted_at, next_offsets)
    values (${FILE}, '2026-11-17T02:00Z', 1, 1, 0, 0, 'first', now(), '{}')`;
  const unsettled = async () => {
    // A look deletes what is settled, as a trajectory is that the data store does not have.
    await sql`delete from source_file_member`;
    await sql`
      insert into source_file_member (file, generated_at, ids)
      values (${FILE}, '2026-11-17T01:00Z', '{a,b}'), (${FILE}, '2026-11-17T02:00Z', '{a}')`;
    return (await lookAtFile(sql, FILE, [NEIGHBOUR.slice(0, -4)]))?.unsettled;
  };

  await addRun("second", 10, "completed", "extracted");
  await addRun("first", 20, "running", "planned");
  expect(await unsettled()).toEqual([NEIGHBOUR]);

  await addRun("first", 21, "running", "extracted");
  expect(await unsettled()).toEqual([]);

  await addRun("first", 22, "failed", "failed");
  expect(await unsettled()).toEqual([NEIGHBOUR]);

  // Another run, with a smaller id, reads it in the end.
  await addRun("earlier", 30, "running", "reading");
  expect(await unsettled()).toEqual([NEIGHBOUR]);
  await addRun("earlier", 31, "completed", "extracted");
  expect(await unsettled()).toEqual([]);

  // The clock was ahead when a run was cancelled that read it, and is right again.
  await addRun("clock", 40, "cancelled", "reading", 1_000);
  expect(await unsettled()).toEqual([NEIGHBOUR]);
  await addRun("after", 41, "completed", "extracted", 41);
  expect(await unsettled()).toEqual([]);

  // A long run has read it first, and another one in vain, before the long one ends.
  await addRun("long", 60, "completed", "extracted");
  await addEvent("long", 50);
  await addRun("vain", 56, "failed", "failed");
  await addEvent("vain", 55);
  expect(await unsettled()).toEqual([NEIGHBOUR]);
});
