/** What became of a run's rows: the same in the log line and the API, and exact when files are read more than once. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { rowLines, summaryText } from "../producer/summary_text.ts";

const WINDOW = "daily/traj_summary_20261121_solrange_239.0-240.0.txt";
const LINES = rowLines(30);
const TEST_MS = 60_000;

let whole: TestService;
beforeAll(async () => {
  // Unfinished runs are resumed; the schedule itself has nothing to do in this minute.
  whole = await startTestService({ sample: null, withSchedule: true });
});
afterAll(() => whole[Symbol.asyncDispose]());

async function put(text: string) {
  const path = join(whole.sourceFolder, WINDOW);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

test(
  "a file that was cut and is read again counts once, in the log line as in the API",
  async () => {
    const text = summaryText(LINES);
    await put(text.slice(0, -500));
    const asked = await whole.api("/extract", { method: "POST" });
    const { run_id } = await asked.json() as { run_id: string };
    const cut = await whole.next("file.progress", ({ runId }) => runId === run_id);
    expect(cut.rowsPublished).toBe(LINES.length - 1);

    await whole.whileStopped(() => put(text));
    const logged = await whole.next("run.loaded", ({ runId }) => runId === run_id);
    const { rows, file_list } = await (await whole.api(`/runs/${run_id}`)).json();
    expect(file_list).toMatchObject([{ state: "extracted" }]);
    expect(rows.read).toBe(LINES.length);
    expect(rows.read).toBe(rows.published + rows.unchanged);
    expect(logged).toMatchObject({
      rowsLoaded: rows.published,
      rowsDead: 0,
      rowsNew: rows.new,
      rowsChanged: rows.changed,
      rowsRepeated: rows.repeated,
      rowsStale: rows.stale,
      rowsDuplicate: rows.duplicate,
    });
    expect(rows).toMatchObject({ loaded: rows.published, dead: 0, changed: 0, stale: 0 });
    expect(rows.new + rows.repeated).toBe(rows.published);
    // The second process had the next epoch.
    const [counted] = await whole.database.sql`
      select sum(rows_loaded)::int as records, count(distinct nullif(epoch, 0))::int as epochs
      from run_loaded where run_id = ${run_id}`;
    expect(counted!.records).toBeGreaterThan(rows.published);
    expect(counted!.epochs).toBe(2);
    const { differences } = await rebuildOf(whole, { isOnlyVerified: true });
    expect(differences).toEqual([]);
  },
  TEST_MS,
);
