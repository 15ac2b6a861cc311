/**
 * A decision about the log that comes while a rebuild replaces the tables: it waits, and neither is aborted for a deadlock. The other
 * order is in tests/recovery/rebuild_undecided.test.ts.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginAtOffset, readPositions } from "../../src/store/consumer_offsets.ts";
import {
  beginBuiltOffsets,
  lockLiveOffsets,
  takeBuiltOffsets,
} from "../../src/store/build_offsets.ts";
import { type BuildSchema, createBuildSchema } from "../../src/store/build_schema.ts";
import { DatabaseMovedError, readLogBinding, rebind } from "../../src/store/log_binding.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const TOPIC = "trajectory_summary_raw";
const STARTS = [0, 1].map((partition) => ({ topic: TOPIC, partition, nextOffset: 0n }));
const LOG = "11111111-1111-4111-8111-111111111111";

let database: TestDatabase;
let schemas: BuildSchema;
beforeEach(async () => {
  database = await createTestDatabase();
  const { sql } = database;
  for (const { partition } of STARTS) await beginAtOffset(sql, TOPIC, partition, 0n);
  schemas = await createBuildSchema(sql, []);
  await beginBuiltOffsets(sql, schemas, STARTS.map((start) => ({ ...start, nextOffset: 7n })));
});
afterEach(() => database.drop());

const offsets = async () =>
  (await readPositions(database.sql)).map(({ nextOffset }) => Number(nextOffset));

/** Waits until a session waits for a lock that the session `pid` has. */
const waitingFor = (pid: number) =>
  until("a session that waits", async () => {
    const [row] = await database.sql<{ waits: boolean }[]>`
      select exists (
        select from pg_stat_activity
        where datname = current_database() and ${pid} = any (pg_blocking_pids(pid))) as waits`;
    return row!.waits;
  });

/** A decision that moves both partitions to offset 3. */
async function decide(): Promise<void> {
  await rebind(database.sql, {
    logId: LOG,
    decision: "adopt",
    expected: await readPositions(database.sql),
    positions: STARTS.map((start) => ({
      ...start,
      nextOffset: 3n,
      logStart: 0n,
      keepsWitness: false,
    })),
    also: () => Promise.resolve(),
  });
}

test("a decision waits for a swap, and then finds that the database has moved", async () => {
  let deciding: Promise<unknown> | null = null;
  await database.sql.begin(async (transaction) => {
    const [me] = await transaction<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await lockLiveOffsets(transaction, schemas, STARTS);
    deciding = decide().catch((error: unknown) => error);
    await waitingFor(me!.pid);
    await takeBuiltOffsets(transaction, schemas);
  });
  expect(await deciding).toBeInstanceOf(DatabaseMovedError);
  expect(await offsets()).toEqual([7, 7]);
  expect((await readLogBinding(database.sql)).logId).toBe(null);
});
