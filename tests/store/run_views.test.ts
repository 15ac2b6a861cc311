/** A run as the API shows it: from its state and from the records that the loader has counted, by epoch. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { countPublished, evolve, type RunState } from "../../src/runs/run.ts";
import type { RunEvent } from "../../src/runs/run_event.ts";
import { readRunState, writeRunState } from "../../src/store/run_states.ts";
import { getRunView, listRunViews } from "../../src/store/run_views.ts";
import {
  createTrajectoryLoader,
  type TrajectoryLoader,
} from "../../src/store/trajectory_loader.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { batchOf, type Change, summaryOf } from "../support/trajectories.ts";

const AT = new Date("2026-11-30T00:00:00Z");
const STAMP = new Date("2206-11-01T01:00:00Z");
const RUN = "01890a5d-ac96-774b-bcce-b302099a8057";
const FILE = "daily/a.txt";
const IDENTITY = { size_bytes: 1, etag: null, lastModified: null, listed: null };

let database: TestDatabase;
let loader: TrajectoryLoader;
beforeAll(async () => {
  database = await createTestDatabase();
  loader = createTrajectoryLoader({ url: database.url, observe: unobserved });
});
afterAll(async () => {
  await loader.close();
  await database.drop();
});

const counts = (published: number) => ({ read: published, published, unchanged: 0, rejected: 0 });

/** Two rows of epoch 1, and two of epoch 2, which is the last one. */
function events(isEnded: boolean): RunEvent[] {
  const of = { runId: RUN, at: AT };
  const checkpoint = { byteOffset: 2, lineNumber: 2 };
  const nextOffsets = { 0: 6 };
  const begun: RunEvent[] = [
    {
      ...{ type: "requested", ...of, kind: "daily", requestedBy: "http", idempotencyKey: null },
      selection: { days: 1 },
    },
    { type: "started", ...of, owner: "a", epoch: 1 },
    { type: "planned", ...of, files: [FILE], epoch: 1 },
    { type: "file_started", ...of, file: FILE, identity: IDENTITY, epoch: 1 },
    {
      ...{ type: "file_progress", ...of, file: FILE, generatedAt: null, checkpoint, epoch: 1 },
      rows: counts(2),
    },
    { type: "started", ...of, owner: "b", epoch: 2 },
    {
      ...{ type: "file_extracted", ...of, file: FILE, identity: IDENTITY, generatedAt: null },
      ...{ stampAhead: STAMP, rows: counts(4), nextOffsets, epoch: 2 },
    },
  ];
  return isEnded ? [...begun, { type: "completed", ...of, nextOffsets, epoch: 2 }] : begun;
}

const record = (id: string, epoch: number): Change => ({
  summary: summaryOf(id),
  lineage: { runId: RUN, sourceFile: FILE, epoch },
});

test("the rows of a process that was replaced count once, and those of its successor count", async () => {
  const state = events(true).reduce<RunState | null>(evolve, null)!;
  expect(countPublished(state)).toEqual({ published: 4, publishedBy: { 1: 2, 2: 2 } });
  const { sql } = database;
  await sql.begin((transaction) => writeRunState(transaction, null, state, { at: AT, offset: 1n }));
  const stored = await readRunState(sql, RUN);
  expect(stored?.files?.get(FILE)).toEqual({ ...state.files?.get(FILE), startedAt: null });

  // The first process has published three rows, and one more when it was replaced; of the second one a row is missing.
  await loader.load(batchOf(0, ["a", "b", "c"].map((id) => record(id, 1))));
  const under_way = await getRunView(sql, RUN);
  expect(under_way?.rows).toMatchObject({ published: 4, loaded: 2, dead: 0, new: 2, changed: 0 });
  await loader.load(
    batchOf(3, [record("c", 2), record("d", 1), { id: "x", at: AT }]),
  );
  const view = await getRunView(sql, RUN);
  expect(view?.rows).toEqual({
    ...{ ...counts(4), loaded: 3, dead: 1 },
    ...{ new: 3, changed: 0, repeated: 0, stale: 0, duplicate: 0 },
  });
  expect(view?.file_list).toMatchObject([
    { generated_at: null, stamp_ahead: STAMP.toISOString() },
  ]);
  expect(await listRunViews(sql, { limit: 2, before: null })).toMatchObject([{ rows: view!.rows }]);

  // As an earlier version would have stored it.
  await sql`update run_loaded set rows_new = 0, rows_repeated = 0`;
  expect((await getRunView(sql, RUN))?.rows).toMatchObject({ loaded: 3, new: null, stale: null });
});
