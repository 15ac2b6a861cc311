/** Data directories: their content, that they are reproducible, and how they change with time. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type DirectoryOptions, generateDataDirectory } from "./generate.ts";
import { dailyFileName, windowNumberAt, windowOf } from "./windows.ts";

const BASE = {
  seed: 7,
  lastDay: new Date("2026-11-24T23:30:00Z"),
  days: 12,
  meteorsPerDay: 25,
} as const;

const made: string[] = [];
afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
});

async function generate(options: Partial<DirectoryOptions> = {}) {
  const directory = options.directory ?? await mkdtemp(join(tmpdir(), "sample-generate-"));
  if (!made.includes(directory)) made.push(directory);
  const result = await generateDataDirectory({ ...BASE, ...options, directory });
  return { directory, ...result };
}

/** Content and date of every file. */
async function snapshot(
  directory: string,
): Promise<Map<string, { text: string; modified: number }>> {
  const files = new Map<string, { text: string; modified: number }>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const modified = (await stat(path)).mtimeMs;
    files.set(path.slice(directory.length + 1).replaceAll("\\", "/"), {
      text: await readFile(path, "latin1"),
      modified: Math.round(modified),
    });
  }
  return files;
}

const rowsOf = (text: string): string[] =>
  text.split(/[\r\n]+/).filter((line) => line !== "" && !line.startsWith("#"));
const idOf = (row: string): string => row.slice(0, 20);

describe("a data directory", () => {
  test("has the source's files, with the same rows in all of them", async () => {
    const { directory, rows, files } = await generate({ days: 30 });
    const found = await snapshot(directory);
    const daily = [...found.keys()].filter((name) => /^daily\/traj_summary_\d/.test(name)).sort();
    expect(daily.length).toBeGreaterThanOrEqual(29);
    expect([...found.keys()].filter((name) => !daily.includes(name)).sort()).toEqual([
      "daily/traj_summary_latest_daily.txt",
      "daily/traj_summary_yesterday.txt",
      "monthly/traj_summary_monthly_202610.txt",
      "monthly/traj_summary_monthly_202611.txt",
      "traj_summary_all.txt",
      "traj_summary_yearly_2026.txt",
    ]);
    const textOf = (name: string): string => found.get(name)?.text ?? "";
    expect(found.get("daily/traj_summary_latest_daily.txt")).toEqual(found.get(daily.at(-1) ?? ""));
    expect(found.get("daily/traj_summary_yesterday.txt")).toEqual(found.get(daily.at(-2) ?? ""));

    const dailyRows = daily.flatMap((name) => rowsOf(textOf(name)));
    expect(dailyRows.length).toBe(rows);
    expect(new Set(dailyRows.map(idOf)).size).toBe(rows);
    const monthlyRows = ["202610", "202611"].flatMap((month) =>
      rowsOf(textOf(`monthly/traj_summary_monthly_${month}.txt`))
    );
    expect(monthlyRows).toEqual(dailyRows);
    expect(rowsOf(textOf("traj_summary_all.txt"))).toEqual(dailyRows);
    expect(rowsOf(textOf("traj_summary_yearly_2026.txt"))).toEqual(dailyRows);
    for (const file of files) {
      expect(found.get(file.name)?.text.length).toBe(file.size_bytes);
      expect(rowsOf(textOf(file.name)).length).toBe(file.rows);
      expect(found.get(file.name)?.modified).toBe(file.generatedAt.getTime());
    }
  });

  test("has rows of 86 fields, each at least as wide as its rule", async () => {
    const { directory } = await generate();
    const files = [...(await snapshot(directory)).values()];
    for (const { text } of files) {
      const rule = text.split(/[\r\n]+/).find((line) => line.startsWith("# --")) ?? "";
      const widths = rule.split("; ").map((cell) => cell.length);
      expect(widths.length).toBe(86);
      const rows = rowsOf(text);
      expect(rows.length).toBeGreaterThan(0);
      // Collected and compared once: an expectation for each of 100,000 fields takes seconds.
      const wrong = rows.filter((row) => {
        const fields = row.split("; ");
        return fields.length !== 86 ||
          fields.slice(0, 85).some((field, at) => field.length < (widths[at] ?? 0)) ||
          Number(fields[84]) !== fields[85]?.split(",").length;
      });
      expect(wrong).toEqual([]);
    }
  });

  test("ends daily and monthly lines with LF CR and has times inside the windows", async () => {
    const { directory } = await generate();
    const found = await snapshot(directory);
    const newest = windowNumberAt(BASE.lastDay);
    for (let number = newest - BASE.days; number <= newest; number++) {
      const window = windowOf(number);
      const text = found.get(`daily/${dailyFileName(window)}`)?.text;
      if (text === undefined) continue;
      expect(text.split("\n\r").length).toBe(rowsOf(text).length + 5);
      expect(text.endsWith("\n\r")).toBe(true);
      expect(text.replaceAll("\n\r", "")).not.toMatch(/[\r\n]/);
      const dates = rowsOf(text).map((row) => Number(row.split("; ")[1]));
      expect(dates).toEqual(dates.toSorted((a, b) => a - b));
      expect(Math.min(...dates)).toBeGreaterThan(window.begin);
      expect(Math.max(...dates)).toBeLessThanOrEqual(window.end);
    }
  });

  test("is the same for the same seed and time, and different for another seed", async () => {
    const once = await snapshot((await generate()).directory);
    const again = await snapshot((await generate()).directory);
    const other = await snapshot((await generate({ seed: 8 })).directory);
    expect(again).toEqual(once);
    expect([...other.keys()].sort()).toEqual([...once.keys()].sort());
    expect(other.get("traj_summary_all.txt")).not.toEqual(once.get("traj_summary_all.txt"));
  });

  test("without meteors has a header and nothing else", async () => {
    const { directory, rows } = await generate({ meteorsPerDay: 0 });
    expect(rows).toBe(0);
    expect([...(await snapshot(directory)).keys()]).toEqual(["traj_summary_all.txt"]);
  });

  test("wraps at the spring equinox and is 4 wide before 2025-03-30", async () => {
    const { directory, files } = await generate({
      lastDay: new Date("2024-04-10T00:00:00Z"),
      days: 25,
      meteorsPerDay: 8,
    });
    expect(files.map(({ name }) => name)).toContain(
      "daily/traj_summary_20240319_solrange_359.0-000.0.txt",
    );
    const found = await snapshot(directory);
    for (const { text } of found.values()) {
      expect(text.split(/[\r\n]+/)[0]).toMatch(/^# Summary generated on [-0-9]+ [:.0-9]+ UTC$/);
      expect(text).toContain(";   IAU;  IAU; ");
    }
  });

  test("refuses invalid arguments", async () => {
    await expect(generate({ days: 0 })).rejects.toThrow("days is 0");
    await expect(generate({ changes: [{ windowsBack: 12 }] })).rejects.toThrow("12 windows back");
  });
});

describe("a day later", () => {
  test("old files are untouched, young ones have a new stamp and more rows", async () => {
    const { directory } = await generate();
    const before = await snapshot(directory);
    await generate({ directory, lastDay: new Date("2026-11-25T23:30:00Z"), days: 13 });
    const after = await snapshot(directory);
    const daily = [...before.keys()].filter((name) => /^daily\/traj_summary_\d/.test(name)).sort();
    // The source no longer rewrote the two oldest windows at either time.
    for (const name of daily.slice(0, 2)) expect(after.get(name)).toEqual(before.get(name));
    const youngest = daily.at(-1) ?? "";
    expect(after.get(youngest)?.text).not.toBe(before.get(youngest)?.text);
    const ids = new Set(rowsOf(after.get(youngest)?.text ?? "").map(idOf));
    for (const row of rowsOf(before.get(youngest)?.text ?? "")) {
      expect(ids.has(idOf(row))).toBe(true);
    }
    expect([...after.keys()].filter((name) => !before.has(name)).length).toBe(1);
    for (const name of daily.slice(4)) {
      expect(after.get(name)?.modified).toBeGreaterThan(before.get(name)?.modified ?? Infinity);
    }
  });
});

describe("changes", () => {
  test("affect exactly the rows they name, in every file, under a new stamp", async () => {
    const { directory } = await generate();
    const before = await snapshot(directory);
    const { changes } = await generate({
      directory,
      changes: [
        { windowsBack: 3, stationsAdded: 4, sigmasChanged: 3, withdrawn: 1 },
        { windowsBack: 11, withdrawn: 2 },
      ],
    });
    const after = await snapshot(directory);
    expect(changes.map(({ windowsBack }) => windowsBack)).toEqual([11, 3]);
    const hit = changes.find(({ windowsBack }) => windowsBack === 3);
    expect([
      hit?.stationsAdded.length,
      hit?.sigmasChanged.length,
      hit?.withdrawn.length,
    ]).toEqual([4, 3, 1]);

    const withdrawn = changes.flatMap((change) => change.withdrawn).sort();
    const changed = [...hit?.stationsAdded ?? [], ...hit?.sigmasChanged ?? []].sort();
    for (const name of ["traj_summary_all.txt", "monthly/traj_summary_monthly_202611.txt"]) {
      const old = new Map(rowsOf(before.get(name)?.text ?? "").map((row) => [idOf(row), row]));
      const now = new Map(rowsOf(after.get(name)?.text ?? "").map((row) => [idOf(row), row]));
      expect([...old.keys()].filter((id) => !now.has(id)).sort()).toEqual(withdrawn);
      expect([...now].filter(([id, row]) => old.get(id) !== row).map(([id]) => id).sort()).toEqual(
        changed,
      );
      for (const id of hit?.stationsAdded ?? []) {
        const count = (row = "") => Number(row.split("; ")[84]);
        expect(count(now.get(id))).toBe(count(old.get(id)) + 1);
      }
    }
    const rewritten = [...after].filter(([name, { modified }]) =>
      /^daily\/traj_summary_\d/.test(name) && modified !== before.get(name)?.modified
    );
    expect(rewritten.length).toBe(2);
  });
});
