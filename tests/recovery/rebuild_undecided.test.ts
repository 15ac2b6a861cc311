/**
 * A rebuild from a log about which nobody has decided yet is refused, whatever is accepted: it would leave the service waiting. A
 * verification says what the log lacks, and after a decision the rebuild is what it always is.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { INGESTION_RUN, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { readPositions } from "../../src/store/consumer_offsets.ts";
import { LogDecidedError, readLogBinding, rebind } from "../../src/store/log_binding.ts";
import { startCommand } from "../support/command_process.ts";
import { fileText, rows } from "../support/summary_file.ts";
import { replaceBatch } from "../support/log_damage.ts";
import { until } from "../support/poll.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import {
  deleteRecords,
  endsOf,
  expectGoesOn,
  expectUndecided,
  logCommand,
  settled,
  stateOf,
} from "./undecided.ts";

const TEST_MS = 180_000;
const RAW = TRAJECTORY_SUMMARY_RAW.name;
/** The rows of the last file: some are in each partition. */
const LAST_ROWS = 9;

let whole: TestService;
beforeEach(async () => {
  whole = await startTestService({
    environment: { BROKER: "embedded" },
    sample: { days: 2, meteorsPerDay: 20 },
  });
  await whole.run("/backfill", { all: true });
  await settled(whole);
}, TEST_MS);
afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

const brokerFolder = () => join(whole.config.dataDirectory, "broker");
const rebuildCommand = (...words: string[]) =>
  startCommand("rebuild", words, { DATA_DIR: whole.config.dataDirectory }).ended;
const meteors = async (): Promise<number> =>
  (await whole.database.sql<{ n: number }[]>`select count(*)::int as n from meteor`)[0]!.n;

/** Every way to ask for a rebuild is refused with the decisions, before anything is read or changed. */
async function expectRefused(summary: RegExp, page: string): Promise<void> {
  const before = { state: await stateOf(whole), ends: await endsOf(whole) };
  for (const words of [[], ["--accept-loss"], ["--topic", INGESTION_RUN.name]]) {
    const { code, out, err } = await rebuildCommand(...words);
    const [from, error, ...rest] = err.trimEnd().split("\n");
    expect(from).toMatch(/^from the log of /);
    expect(error).toMatch(/^error: nothing is rebuilt from an undecided log: /);
    expect(error).toMatch(summary);
    expect(rest.slice(0, -1).every((fact) => fact.startsWith("  "))).toBe(true);
    expect(rest.at(-1)).toMatch(
      /^hint: decide first, with deno task log refill or deno task log reread or deno task log adopt/,
    );
    expect(rest.at(-1)).toContain(page);
    expect({ code, out }).toEqual({ code: 1, out: "" });
  }
  expect({ state: await stateOf(whole), ends: await endsOf(whole) }).toEqual(before);
}

test("an emptied log", async () => {
  const n = await meteors();
  const before = await stateOf(whole);
  await whole.whileStopped(() => rm(brokerFolder(), { recursive: true }));
  await expectUndecided(whole, "emptied", before);
  await expectRefused(/this is a new, empty log/, "docs/runbook/log-replaced.md");

  const { losses } = await rebuildOf(whole, { isOnlyVerified: true });
  expect(losses[0]).toMatch(
    new RegExp(`^${n} of ${n} trajectories of the data store are not in the log: `),
  );
  expect(losses).toContainEqual(
    expect.stringMatching(
      /^trajectory_summary_raw-0: the data store has loaded a log up to offset \d+, but this log ends at 0$/,
    ),
  );
  expect(await stateOf(whole)).toEqual(before);

  expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  const refused = await rebuildCommand();
  expect(refused.err).toMatch(new RegExp(`${n} of ${n} trajectories`));
  expect(refused.code).toBe(1);
  expect(await meteors()).toBe(n);
  expect((await rebuildCommand("--accept-loss")).code).toBe(0);
  expect(await meteors()).toBe(0);
  await expectGoesOn(whole);
}, TEST_MS);

test("a lost beginning", async () => {
  const before = await stateOf(whole);
  await deleteRecords(whole, INGESTION_RUN.name, [{ partition: 0, offset: "1" }]);
  await expectUndecided(whole, "truncated", before);
  await expectRefused(/the beginning of the log is gone/, "docs/runbook/log-truncated.md");
  const { losses } = await rebuildOf(whole, { isOnlyVerified: true });
  expect(losses).toContain("ingestion_run-0: offsets 0 to 0 are no longer in the log");
}, TEST_MS);

test("a log that ends before what is loaded, and nobody waits for the rest", async () => {
  const all = await meteors();
  const upload = await whole.api("/trajectories", {
    method: "POST",
    body: fileText(rows(LAST_ROWS)),
  });
  const { run_id } = await upload.json() as { run_id: string };
  await whole.next("run.loaded", ({ runId }) => runId === run_id);
  await settled(whole);
  expect(await meteors()).toBe(all + LAST_ROWS);
  const before = await stateOf(whole);
  const [last] = await whole.database.sql<{ offset: number; rows: number }[]>`
    select min(topic_offset)::int as offset, count(*)::int as rows from meteor
    where run_id = ${run_id} and topic_partition = 1`;
  await whole.whileStopped(() => {
    replaceBatch(brokerFolder(), RAW, 1, last!.offset, null);
    return Promise.resolve();
  });
  await expectUndecided(whole, "shorter", before);
  await expectRefused(
    /the log ends before what the data store has/,
    "docs/runbook/log-wal-lost.md",
  );
  const { losses } = await rebuildOf(whole, { isOnlyVerified: true });
  expect(losses[0]).toMatch(new RegExp(`^${last!.rows} of ${all + LAST_ROWS} trajectories`));

  expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
  await expectGoesOn(whole);
  expect((await rebuildCommand("--accept-loss")).code).toBe(0);
  expect(await meteors()).toBe(all + LAST_ROWS - last!.rows);
  await expectGoesOn(whole);
}, TEST_MS);

test("a decision while a rebuild is under way ends it, and nothing is replaced", async () => {
  const { sql } = whole.database;
  const { logId } = await readLogBinding(sql);
  await sql`update meteor set vgeo_km_s = 1`;
  const positions = await readPositions(sql);
  let rebuilding: Promise<unknown> = Promise.resolve();
  // The rebuild comes to the live offsets while the decision has them.
  await rebind(sql, {
    logId: logId!,
    decision: "adopt",
    expected: positions,
    positions: positions.map((position) => ({ ...position, keepsWitness: true })),
    async also() {
      rebuilding = rebuildOf(whole).catch((error: unknown) => error);
      await until("the rebuild waits for the decision", async () => {
        const waiting = await sql`
          select from pg_stat_activity
          where application_name = 'gmn rebuild' and wait_event_type = 'Lock' and datname = current_database()`;
        return waiting.length > 0;
      }, 60_000);
    },
  });
  const error = await rebuilding;
  expect(error).toBeInstanceOf(LogDecidedError);
  expect((error as LogDecidedError).hint).toMatch(/run the command again/);
  expect(await sql`select from meteor where vgeo_km_s <> 1`).toEqual([]);
  expect((await rebuildOf(whole)).isApplied).toBe(true);
}, TEST_MS);
