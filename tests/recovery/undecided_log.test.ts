/** A log that is not, or no longer, the one that the data store was built from: on the embedded broker, with the real service. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { fileText, rows } from "../support/summary_file.ts";
import { startTestService, type TestService } from "../support/service.ts";
import {
  deleteRecords,
  endsOf,
  expectGoesOn,
  expectUndecided,
  logCommand,
  recreateTopic,
  stateOf,
  statusOf,
} from "./undecided.ts";

const TEST_MS = 180_000;
const RAW = TRAJECTORY_SUMMARY_RAW.name;
const SMALL = { days: 2, meteorsPerDay: 20 };

let whole: TestService;
beforeEach(async () => {
  whole = await startTestService({ sample: SMALL });
  await whole.run("/backfill", { all: true });
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const logFolder = () => join(whole.config.dataDirectory, "broker");
async function counts() {
  const [row] = await whole.database.sql`
    select count(*)::int as rows, (count(*) filter (where topic_offset = -1))::int as without from meteor`;
  return row as { rows: number; without: number };
}

test("the log of the data store: the commands say so, and there is nothing to decide", async () => {
  const status = await logCommand(whole, "status");
  expect(status.out).toMatch(/^log +[0-9a-f-]{36}\n.*\nthe log is the data store's/);
  expect(status.code).toBe(0);
  const adopt = await logCommand(whole, "adopt");
  expect(adopt.out).toMatch(/nothing to decide/);
  expect(adopt.code).toBe(0);
  const { log } = await statusOf(whole);
  expect(log).toMatchObject({ verdict: "ok", log_id: log!.bound_log_id, decisions: [] });
}, TEST_MS);

test(
  "a lost log: nothing moves; reread accepts the new one, and a backfill fills both",
  async () => {
    const { rows: all } = await counts();
    const before = await stateOf(whole);
    await whole.whileStopped(() => rm(logFolder(), { recursive: true }));
    await expectUndecided(whole, "emptied", before);

    const status = await logCommand(whole, "status");
    expect(status.code).toBe(1);
    expect(status.out).toMatch(/UNDECIDED +emptied: this is a new, empty log/);
    const unconfirmed = await logCommand(whole, "reread");
    expect(unconfirmed.code).toBe(2);
    expect(await stateOf(whole)).toEqual(before);

    const reread = await logCommand(whole, "reread", "--yes");
    expect(reread.err).not.toMatch(/error/);
    expect(reread.out).toMatch(new RegExp(`trajectories +${all} of ${all}`));
    expect(reread.out).toMatch(/backfill -- --all/);
    expect(reread.code).toBe(0);
    await expectGoesOn(whole);
    expect(await counts()).toEqual({ rows: all, without: all });
    const run = await whole.run("/backfill", { all: true });
    expect(run.files.extracted).toBeGreaterThan(0);
    expect(run.rows.published).toBeGreaterThanOrEqual(all);
  },
  TEST_MS,
);

test("another log: adopt loads what it has, and keeps what only the data store has", async () => {
  await using other = await startTestService({ sample: { ...SMALL, seed: 8 } });
  await other.run("/backfill", { all: true });
  const [{ rows: others } = { rows: 0 }] = await other.database.sql<{ rows: number }[]>`
    select count(*)::int as rows from meteor`;
  const { rows: all } = await counts();
  const before = await stateOf(whole);
  await whole.whileStopped(async () => {
    await rm(logFolder(), { recursive: true });
    await other.whileStopped(() =>
      cp(join(other.config.dataDirectory, "broker"), logFolder(), { recursive: true })
    );
  });
  await expectUndecided(whole, "another", before);
  const adopt = await logCommand(whole, "adopt", "--yes");
  expect(adopt.out).toMatch(new RegExp(`trajectories +${all} of ${all}`));
  expect(adopt.code).toBe(0);
  await expectGoesOn(whole);
  expect(await counts()).toEqual({ rows: all + others, without: all });
  // Its own data store finds the log taken when it is brought back; here it still has its own copy.
  expect((await statusOf(other)).log!.verdict).toBe("ok");
}, TEST_MS);

test("an older copy: adopt continues at its end, and the lost files are read again", async () => {
  const copy = join(whole.sourceFolder, "../older");
  await whole.whileStopped(() => cp(logFolder(), copy, { recursive: true }));
  const older = await counts();
  const upload = await whole.api("/trajectories", { method: "POST", body: fileText(rows(5)) });
  const { run_id } = await upload.json() as { run_id: string };
  await whole.next("run.loaded", ({ runId }) => runId === run_id);
  const now = await counts();
  const before = await stateOf(whole);
  await whole.whileStopped(async () => {
    await rm(logFolder(), { recursive: true });
    await cp(copy, logFolder(), { recursive: true });
  });
  await expectUndecided(whole, "shorter", before);
  const adopt = await logCommand(whole, "adopt", "--yes");
  expect(adopt.code).toBe(0);
  await expectGoesOn(whole);
  const after = await counts();
  expect(after).toEqual({ rows: now.rows, without: now.rows - older.rows });
  expect(after.without).toBe(5);
}, TEST_MS);

describe("while running", () => {
  test("all records deleted", async () => {
    const before = await stateOf(whole);
    const { rows: all } = await counts();
    await deleteRecords(whole, RAW, [0, 1, 2].map((partition) => ({ partition, offset: "-1" })));
    await expectUndecided(whole, "emptied", before);
    expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
    await expectGoesOn(whole);
    expect(await counts()).toEqual({ rows: all, without: all });
  }, TEST_MS);

  test("the beginning deleted: adopt accepts it, and the next loss is noticed again", async () => {
    const before = await stateOf(whole);
    await deleteRecords(whole, RAW, [{ partition: 1, offset: "3" }]);
    await expectUndecided(whole, "truncated", before);
    const adopt = await logCommand(whole, "adopt", "--yes");
    expect(adopt.out).toMatch(/raw-1: offsets 0 to 2 are no longer in the log/);
    expect(adopt.code).toBe(0);
    await expectGoesOn(whole);
    const { rows: all, without } = await counts();
    expect(without).toBeLessThanOrEqual(3);
    expect(all).toBeGreaterThan(without);
    const between = await stateOf(whole);
    await deleteRecords(whole, RAW, [{ partition: 1, offset: "4" }]);
    await expectUndecided(whole, "truncated", between);
  }, TEST_MS);

  test("a topic deleted, created again and filled past what was loaded", async () => {
    const before = await stateOf(whole);
    const { rows: all } = await counts();
    const [part] = await whole.database.sql<{ next_offset: bigint }[]>`
      select next_offset from consumer_offset where topic = ${RAW} and partition = 1`;
    const { log } = whole.service.parts.running!;
    await recreateTopic(whole, RAW, 3);
    const value = new Uint8Array([0, 0, 0, 0, 1, 2]);
    await log.ungated.publish(
      TRAJECTORY_SUMMARY_RAW,
      [0, 1, 2].flatMap((partition) =>
        Array.from(
          { length: Number(part!.next_offset) + 50 },
          () => ({ key: "not ours", value, partition }),
        )
      ),
    );
    await expectUndecided(whole, "diverged", before);
    expect(await endsOf(whole)).toMatchObject({ "iau_shower-0": expect.anything() });
    expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
    await expectGoesOn(whole);
    expect(await counts()).toEqual({ rows: all, without: all });
  }, TEST_MS);
});
