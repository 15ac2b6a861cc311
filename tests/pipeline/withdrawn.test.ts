/** Trajectories that the source withdraws, end to end. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { idsOf, rowLines, summaryText } from "../producer/summary_text.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";

/** Times of the source's runs, as hours of one day. */
const at = (hour: number) => `2026-11-21T${String(hour).padStart(2, "0")}:00:00Z`;

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ sample: null });
});
afterAll(() => service[Symbol.asyncDispose]());

const LINES = rowLines(60);
let tests = 0;
let lines: readonly string[], window: string, next: string, monthly: string, month: string;
let all: string[], a: string, b: string;
/** Each test has its own rows, windows and month. */
beforeEach(() => {
  lines = LINES.slice(6 * tests, 6 * tests + 6);
  all = idsOf(lines).toSorted();
  [a, b] = all as [string, string];
  month = `2026-${String(++tests).padStart(2, "0")}`;
  const digits = month.replace("-", "");
  window = `daily/traj_summary_${digits}14_solrange_237.0-238.0.txt`;
  next = `daily/traj_summary_${digits}15_solrange_238.0-239.0.txt`;
  monthly = `monthly/traj_summary_monthly_${digits}.txt`;
});

async function put(path: string, lines: readonly string[], time: number | string, more = "") {
  const stamp = typeof time === "string" ? time : at(time);
  await mkdir(dirname(join(service.sourceFolder, path)), { recursive: true });
  await writeFile(join(service.sourceFolder, path), summaryText(lines, stamp) + more);
}
const without = (...ids: string[]) => lines.filter((line) => !ids.includes(idsOf([line])[0]!));
const allBut = (...ids: string[]) => all.filter((id) => !ids.includes(id));
const readDaily = () => service.run("/extract", { days: 366 });
const readMonth = () => service.run("/backfill", { month });

async function standing(): Promise<string[]> {
  const rows = await service.database.sql<{ id: string }[]>`
    select id from meteor where withdrawn_at is null and id = any(${all}) order by id`;
  return rows.map(({ id }) => id);
}
/** Waits until the withdrawals of all runs so far are made and loaded. */
async function settled() {
  await service.service.parts.running!.runs!.withdrawals.settle();
  await until("the tombstones are loaded", async () => {
    const { lag } = await (await service.api("/status")).json() as { lag: { lag: number }[] };
    return lag.every(({ lag }) => lag === 0);
  });
}

describe("a trajectory that its file no longer has", () => {
  test("is withdrawn with the file and time, keeps its values, and is restored when it reappears", async () => {
    await put(window, lines, 1);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(all);

    await put(window, without(a), 7);
    const run = await readDaily();
    await settled();
    expect(await standing()).toEqual(allBut(a));
    const [row] = await service.database.sql`select * from meteor where id = ${a}`;
    expect(row).toMatchObject({
      source_file: window,
      source_generated_at: new Date(at(7)),
      run_id: run.id,
      vgeo_km_s: expect.any(Number),
    });
    expect(await service.api(`/runs/${run.id}`).then((r) => r.json())).toMatchObject({
      rows: { read: 5, published: 0, unchanged: 5, loaded: 0 },
    });

    await put(window, lines, 13);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(all);
  });

  test("stays while a newer month has it; the month's next generation without it withdraws it", async () => {
    await put(window, lines, 1);
    await readDaily();
    await put(monthly, lines, 8);
    await readMonth();
    await put(window, without(a), 7);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(all);

    await put(monthly, without(a), 14);
    await readMonth();
    await settled();
    expect(await standing()).toEqual(allBut(a));
  });

  test("is withdrawn although an older month had it", async () => {
    await put(monthly, lines, 1);
    await readMonth();
    await put(window, lines, 2);
    await readDaily();
    await put(window, without(a), 7);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(allBut(a));
  });

  test("stays when it moved to the neighbouring window", async () => {
    await put(window, lines, 2);
    await readDaily();
    await put(window, without(a, b), 8);
    await put(next, lines.filter((line) => idsOf([line])[0] === a), 7);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(allBut(b));
  });

  test("stays while only a generation with unreadable lines lacks it", async () => {
    await put(window, lines, 1);
    await readDaily();
    await put(window, without(a), 7, "no row\n\r");
    await readDaily();
    await settled();
    expect(await standing()).toEqual(all);

    await put(window, without(a), 13);
    await readDaily();
    await settled();
    expect(await standing()).toEqual(allBut(a));
  });
});

test("a file with a stamp ahead of the clock withdraws nothing, and keeps no row from being withdrawn", async () => {
  await put(window, lines, "2206-11-01T01:00:00Z");
  await readDaily();
  await put(window, lines, 7);
  await readDaily();
  await put(window, without(b), "2206-11-01T02:00:00Z");
  await readDaily();
  await settled();
  expect(await standing()).toEqual(all);

  await put(window, without(a), 13);
  await readDaily();
  await settled();
  expect(await standing()).toEqual(allBut(a));
});

test("a yearly file withdraws nothing", async () => {
  await put("traj_summary_yearly_2026.txt", lines, 1);
  await service.run("/backfill", { year: 2026 });
  await put("traj_summary_yearly_2026.txt", without(a), 7);
  await service.run("/backfill", { year: 2026 });
  await settled();
  expect(await standing()).toEqual(all);
});

test("tombstones that a killed leader did not publish are published later, and older generations are deleted", async () => {
  await put(window, lines, 1);
  await readDaily();
  await put(window, without(a), 7);
  await readDaily();
  await settled();
  // As if the process had been killed before: the older generation exists again, and the row is not withdrawn.
  const { sql } = service.database;
  await sql`insert into source_file_member (file, generated_at, ids) values (${window}, ${
    at(1)
  }, ${[a, b]})`;
  await sql`update meteor set withdrawn_at = null where id = ${a}`;
  await settled();
  expect(await standing()).toEqual(allBut(a));
  // What is deleted is deleted by a look that finds the tombstones loaded.
  await settled();
  expect(
    await sql`select from source_file_member where file = ${window} and generated_at < ${at(7)}`,
  ).toHaveLength(0);
});
