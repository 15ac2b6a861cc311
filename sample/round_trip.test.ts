/** The service's reader reads every row and value that the sample writes, in every kind of file. */
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSummaryFile } from "../src/trajectory/read_summary_file.ts";
import type { TrajectorySummary } from "../src/trajectory/summary.ts";
import { generateDataDirectory, type GeneratedFile } from "./generate.ts";
import { generateFile } from "./generate_file.ts";
import { meteorsOf } from "./meteor.ts";
import { windowNumberAt, windowOf } from "./windows.ts";

let directory: string;
let files: GeneratedFile[];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sample-round-trip-"));
  ({ files } = await generateDataDirectory({
    directory,
    seed: 3,
    lastDay: new Date("2026-11-24T23:30:00Z"),
    days: 26,
    meteorsPerDay: 40,
  }));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function read(path: string) {
  const rows: TrajectorySummary[] = [];
  const batches = readSummaryFile(createReadStream(path));
  for (;;) {
    const next = await batches.next();
    if (next.done) return { summaries: rows, read: next.value };
    expect(next.value.rejected).toEqual([]);
    for (const { summary } of next.value.rows) rows.push(summary);
  }
}

describe("the reader", () => {
  test("reads every file completely, with its stamp", async () => {
    expect(files.length).toBeGreaterThan(25);
    for (const { name, rows, generatedAt } of files) {
      const { read: whole } = await read(join(directory, name));
      expect([name, whole.rows, whole.rejected, whole.cut]).toEqual([name, rows, 0, false]);
      expect(whole.generatedAt?.getTime()).toBe(generatedAt.getTime());
    }
  });

  test("reads the values that were written", async () => {
    const number = windowNumberAt(new Date("2026-11-10T00:00:00Z"));
    const meteors = meteorsOf(windowOf(number), 3, 40);
    const file = files.find(({ name }) => name.includes(`solrange_${number % 360}.0-`));
    const { summaries: rows } = await read(join(directory, file?.name ?? ""));
    expect(rows.length).toBe(meteors.length);
    meteors.forEach(({ row }, at) => {
      const summary = rows[at];
      expect(summary?.unique_trajectory_identifier).toBe(row.id);
      expect(summary?.beginning_julian_date).toBe(row.julianDate);
      expect(summary?.beginning_utc_time).toBe(row.beginning_us);
      // The number -1 becomes null only in the data store; the log has the file's value.
      expect(summary?.iau_no).toBe(row.showerNumber);
      expect(summary?.iau_code).toBe(row.showerCode === "..." ? null : row.showerCode);
      expect(summary?.rageo_deg).toBeCloseTo(row.value.raGeo, 5);
      expect(summary?.betgeo_deg).toBeCloseTo(row.value.betGeo, 5);
      expect(summary?.vgeo_km_s).toBeCloseTo(row.value.vGeo, 5);
      expect(summary?.e).toBeCloseTo(row.value.e, 6);
      if (Number.isNaN(row.value.period)) expect(summary?.t_years).toBeNull();
      if (Number.isNaN(row.sigma.m)) expect(summary?.sigma_17).toBeNull();
      expect(summary?.sigma_33).toBeCloseTo(row.sigma.heightEnd ?? NaN, 2);
      expect(summary?.lonend_e_deg).toBeCloseTo(row.value.lonEnd, 6);
      expect(summary?.f_param).toBeCloseTo(row.fParameter, 3);
      expect(summary?.beg_in_fov).toBe(row.beginInView);
      expect(summary?.num_stat).toBe(row.stations.length);
      expect(summary?.participating_stations).toEqual(row.stations);
    });
  });
});

describe("one large file", () => {
  const ROWS = 2000;
  const OPTIONS = { rows: ROWS, from: new Date("2025-03-17T00:00:00Z"), perDay: 60, seed: 5 };

  test.each(
    [
      ["daily", false],
      ["all", false],
      ["daily", true],
      ["all", true],
    ] as const,
  )("%s, fast %s: all rows, by time, under their own identifiers", async (style, fast) => {
    const path = join(directory, `${style}-${fast}.txt`);
    const size_bytes = await generateFile({ ...OPTIONS, path, style, fast });
    expect((await stat(path)).size).toBe(size_bytes);
    const { summaries: rows, read: whole } = await read(path);
    expect([rows.length, whole.rejected, whole.cut]).toEqual([ROWS, 0, false]);
    expect(new Set(rows.map((row) => row.unique_trajectory_identifier)).size).toBe(ROWS);
    const times = rows.map((row) => row.beginning_utc_time ?? NaN);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const stamps = times.map((time) =>
      new Date(time / 1000).toISOString().slice(0, 19).replace(/[-T:]/g, "")
    );
    expect(rows.map((row) => row.unique_trajectory_identifier?.slice(0, 14))).toEqual(stamps);
  });

  test("in the style of all has one CR, and a dropped header's remainder between months", async () => {
    const path = join(directory, "all-style.txt");
    await generateFile({ ...OPTIONS, path, style: "all", rows: 1500 });
    const text = await readFile(path, "latin1");
    expect(text.match(/\r/g)?.length).toBe(1);
    expect(text.match(/[^\n]\n{6}[^\n]/g)?.length).toBe(1);
    expect(text.match(/\n{2,}/g)?.every((run) => run.length === 2 || run.length === 6)).toBe(true);
  });
});
