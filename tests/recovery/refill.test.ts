/** A log is lost, and refilled from the data store: what was in the data store is in the log again, so a rebuild gives the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  addCopies,
  contentOf,
  differencesOf,
  digestsOf,
  type KnownWindow,
  live,
  withdrawn,
  writeWindow,
} from "../support/lived_in.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { until } from "../support/poll.ts";
import {
  expectGoesOn,
  logCommand,
  loseLog,
  NOTICE_MS,
  startLogCommand,
  statusOf,
} from "./undecided.ts";

/** Two refills and a rebuild on a busy machine. */
const KILL_MS = 180_000;

describe("a log that is refilled", () => {
  let whole: TestService;
  let window: KnownWindow;
  let before: Record<string, string[]>;
  beforeAll(async () => {
    whole = await startTestService();
    window = await live(whole);
    before = await contentOf(whole.database.sql);
  });
  afterAll(() => whole?.[Symbol.asyncDispose]());

  test("is tested on everything: every table has rows", () => {
    const empty = Object.entries(before).filter(([, rows]) => rows.length === 0);
    expect(empty).toEqual([]);
    expect(before.meteor!.filter((row) => !row.includes(`"withdrawn_at": null`)).length)
      .toBeGreaterThan(2);
    expect(before.ingestion_run!.some((row) => row.includes(`"state": "failed"`))).toBe(true);
  });

  test("has what the data store has: that stays as it was, and a rebuild gives the same", async () => {
    await loseLog(whole);
    const { code, out, err } = await logCommand(whole, "refill", "--yes");
    expect([code, err]).toEqual([0, "reading the log\n"]);
    expect(out).toContain(`trajectories  ${before.meteor!.length}, `);
    await expectGoesOn(whole);
    expect(differencesOf(before, await contentOf(whole.database.sql))).toEqual([]);
    const digests = await digestsOf(whole.database.sql);

    const { differences, losses, newDeadLetters } = await rebuildOf(whole);
    expect({ differences, losses, newDeadLetters })
      .toEqual({ differences: [], losses: [], newDeadLetters: 0 });
    expect(differencesOf(before, await contentOf(whole.database.sql))).toEqual([]);
    expect(await digestsOf(whole.database.sql)).toEqual(digests);
  });

  test("a later generation of a file withdraws exactly what it no longer has", async () => {
    await writeWindow(whole, window.path, window.lines.slice(2), 13);
    await whole.run("/extract", { days: 366 });
    await withdrawn(whole);
    const rows = await whole.database.sql<{ id: string }[]>`
      select id from meteor where withdrawn_at is not null and id = any(${[...window.ids]})`;
    expect(rows.map(({ id }) => id).toSorted()).toEqual(window.ids.slice(0, 2).toSorted());
  });

  test("goes on where a kill has ended it", async () => {
    const { sql } = whole.database;
    await addCopies(sql, window.ids[3]!, 5_000);
    const before = await contentOf(sql);
    await loseLog(whole);
    const { child, ended } = startLogCommand(whole, "refill", "--yes");
    await until("some rows are in the log", async () => {
      const [row] = await sql<{ after: string }[]>`select rows_after as after from log_refill`;
      return row?.after !== undefined && row.after !== "";
    }, NOTICE_MS);
    child.kill("SIGKILL");
    await ended;
    expect(await sql`select from log_refill where not is_raw_complete`).toHaveLength(1);
    expect((await statusOf(whole)).log?.verdict).not.toBe("ok");

    const { code, out } = await logCommand(whole, "refill", "--yes");
    expect(code).toBe(0);
    // The rows of the first pages are not published again.
    const published = Number(/trajectories +([\d,]+)/.exec(out)![1]!.replaceAll(",", ""));
    expect(published).toBeGreaterThan(0);
    expect(published).toBeLessThan(before.meteor!.length);
    await expectGoesOn(whole);
    expect(differencesOf(before, await contentOf(sql))).toEqual([]);
    const { differences, losses } = await rebuildOf(whole);
    expect({ differences, losses }).toEqual({ differences: [], losses: [] });
  }, KILL_MS);

  test("does not fail for rows with values that no record can have: they are named", async () => {
    const { sql } = whole.database;
    // The first of each partition: records of these would say which trajectories the file has.
    const rows = await sql<{ id: string }[]>`
      update meteor set beginning_utc_time = 'infinity' where id in (
        select min(m.id) from source_file_member s cross join unnest(s.ids) as u (id) join meteor m on m.id = u.id
        where m.withdrawn_at is null group by s.file, s.generated_at, m.topic_partition)
      returning id`;
    expect(rows.length).toBeGreaterThan(2);
    await loseLog(whole);
    const { code, out } = await logCommand(whole, "refill", "--yes");
    expect(out).toContain(`${rows.length} row(s) have values that no record can have`);
    expect(code).toBe(1);
    await expectGoesOn(whole);
  });
});
