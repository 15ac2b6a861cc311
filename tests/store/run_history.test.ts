/** The events of runs as rows: pages, events that must not be stored twice, and values that can't be stored unchanged. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { evolve } from "../../src/runs/run.ts";
import { newRunId } from "../../src/runs/run_id.ts";
import {
  readRunHistory,
  type StoredRunEvent,
  writeRunHistory,
} from "../../src/store/run_history.ts";
import { writeRunState } from "../../src/store/run_states.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
const [run, other] = [newRunId(Date.parse("2026-11-20")), newRunId(Date.parse("2026-11-21"))];
const at = new Date("2026-11-20T12:00:00Z");

/** An event that contains its offset. */
const event = (offset: number, runId = run, reason = `at ${offset}`): StoredRunEvent => ({
  runId,
  offset: BigInt(offset),
  at,
  name: "file_failed",
  file: "daily/a.txt",
  detail: { reason },
});
const write = (events: readonly StoredRunEvent[]) =>
  database.sql.begin((transaction) => writeRunHistory(transaction, events));
const page = async (limit: number, before: bigint | null = null, runId = run) =>
  (await readRunHistory(database.sql, runId, { limit, before }))?.map(({ offset }) =>
    Number(offset)
  );

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql.begin(async (transaction) => {
    for (const runId of [run, other]) {
      const requested = evolve(null, {
        type: "requested",
        runId,
        at,
        kind: "daily",
        selection: { days: 10 },
        requestedBy: "http",
        idempotencyKey: null,
      });
      await writeRunState(transaction, null, requested!, { at, offset: 0n });
    }
  });
});
afterAll(() => database.drop());

test("an unknown run has no history; a run without events has an empty one", async () => {
  expect(await page(10, null, newRunId(0))).toBeUndefined();
  expect(await page(10)).toEqual([]);
});

test("pages go from the newest to the oldest, whatever other runs did in between", async () => {
  await write([1, 3, 5, 7, 9].map((offset) => event(offset)));
  await write([2, 4, 6, 8].map((offset) => event(offset, other)));
  expect(await page(2)).toEqual([9, 7]);
  // Events that arrive meanwhile are not on the following pages.
  await write([event(11)]);
  expect(await page(2, 7n)).toEqual([5, 3]);
  expect(await page(2, 3n)).toEqual([1]);
  expect(await page(2, 1n)).toEqual([]);
  expect(await page(10, null, other)).toEqual([8, 6, 4, 2]);
});

test("a stored event stays unchanged, and more events than fit one statement are all written", async () => {
  const many = Array.from({ length: 12_000 }, (_, n) => event(1_000 + n, other));
  await write([...many, event(8, other, "another")]);
  expect((await page(20_000, null, other))!.length).toBe(many.length + 4);
  const [row] = await database.sql`
    select detail from ingestion_run_event where run_id = ${other} and event_offset = 8`;
  expect(row!.detail).toEqual({ reason: "at 8" });
});

test("a reason may contain any text, including NUL", async () => {
  await write([event(20, run, 'half a line "\0\\u0000\u{1F320}')]);
  const [last] = (await readRunHistory(database.sql, run, { limit: 1, before: null }))!;
  expect(last).toEqual(event(20, run, 'half a line "␀\\u0000\u{1F320}'));
});
