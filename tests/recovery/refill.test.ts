/** A log is lost, and refilled from the data store: what was in the data store is in the log again, so a rebuild gives the same. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refillLog } from "../../src/service/refill.ts";
import { rebuildDatabase } from "../../src/service/rebuild.ts";
import {
  contentOf,
  differencesOf,
  digestsOf,
  type KnownWindow,
  live,
  withdrawn,
  writeWindow,
} from "../support/lived_in.ts";
import { startTestService, type TestService } from "../support/service.ts";

const limits = () => ({ signal: AbortSignal.timeout(60_000), onProgress: () => {} });

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
    await whole.whileStopped(async () => {
      await rm(join(whole.config.dataDirectory, "broker"), { recursive: true });
      const refilled = await refillLog(whole.config, whole.observer, limits());
      expect(refilled).toMatchObject({
        rows: { rows: before.meteor!.length, refused: 0 },
        foreign: 0,
        deadLetters: before.dead_letter!.length,
        runs: { runs: before.ingestion_run!.length, lostFiles: 0 },
      });
      expect(differencesOf(before, await contentOf(whole.database.sql))).toEqual([]);
      const digests = await digestsOf(whole.database.sql);
      await rebuildDatabase(whole.config, whole.observer, {
        isLossAllowed: false,
        isVerified: false,
        ...limits(),
      });
      expect(differencesOf(before, await contentOf(whole.database.sql))).toEqual([]);
      expect(await digestsOf(whole.database.sql)).toEqual(digests);
    });
  });

  test("a later generation of a file withdraws exactly what it no longer has", async () => {
    await writeWindow(whole, window.path, window.lines.slice(2), 13);
    await whole.run("/extract", { days: 366 });
    await withdrawn(whole);
    const rows = await whole.database.sql<{ id: string }[]>`
      select id from meteor where withdrawn_at is not null and id = any(${[...window.ids]})`;
    expect(rows.map(({ id }) => id).toSorted()).toEqual(window.ids.slice(0, 2).toSorted());
  });
});
