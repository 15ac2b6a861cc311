/** Plans from listings with gaps, duplicate dates, aliases and rewritten windows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FileIdentity, Selection } from "../runs/run_event.ts";
import { addDays, isoDate } from "../runs/selection.ts";
import { listForPlan } from "./list_for_plan.ts";
import { MAX_REWRITTEN_FILES, planFiles } from "./plan.ts";
import type { DataDirectory, Folder, ListedFile } from "./source/data_directory.ts";

const NOW = new Date("2026-11-23T01:00:00Z");

function listed(path: string, text: string | null = `seen ${path}`): ListedFile {
  return {
    path,
    name: path.split("/").at(-1) ?? "",
    listed: text,
    modified: null,
    size_bytes: null,
  };
}
const window = (date: string, begin = "240.0", text?: string | null) =>
  listed(`daily/traj_summary_${date.replaceAll("-", "")}_solrange_${begin}-000.0.txt`, text);
const monthly = (month: string) => listed(`monthly/traj_summary_monthly_${month}.txt`);
const yearly = (year: number) => listed(`traj_summary_yearly_${year}.txt`);
const ALL = listed("traj_summary_all.txt");
const identity = (text: string | null): FileIdentity => ({
  size_bytes: null,
  etag: null,
  lastModified: null,
  listed: text,
});

function plan(
  selection: Selection,
  files: readonly ListedFile[],
  ingested: ReadonlyMap<string, FileIdentity> = new Map(),
) {
  return planFiles({ selection, now: NOW, listed: files, ingested });
}
const paths = (p: ReturnType<typeof plan>) => p.files.map(({ file }) => file.path);

describe("the daily run", () => {
  test("takes the windows of the last days, newest first, both of a shared date, and none older", () => {
    const files = ["2026-11-12", "2026-11-13", "2026-11-14", "2026-11-22"].map((d) => window(d));
    const twice = window("2026-11-22", "241.0");
    expect(paths(plan({ days: 10 }, [...files, twice]))).toEqual(
      [twice, files[3], files[2], files[1]].map((file) => file.path),
    );
  });

  test("takes older windows only when they were ingested and their listing has changed", () => {
    const known = window("2025-12-26", "274.0", "10-Mar-2026 18:59 500");
    const same = window("2025-12-25", "273.0", "26-Dec-2025 18:59 500");
    const never = window("2025-12-24");
    const unlisted = window("2025-12-23");
    const ingested = new Map([
      [known.path, identity("05-Jan-2026 06:10 490")],
      [same.path, identity("26-Dec-2025 18:59 500")],
      [unlisted.path, identity(null)],
    ]);
    expect(paths(plan({ days: 10 }, [known, same, never, unlisted], ingested)))
      .toEqual([known.path]);
  });

  test("takes a bounded number of rewritten windows, newest first", () => {
    const files = Array.from({ length: 300 }, (_, i) => window(addDays("2025-01-01", i)));
    const ingested = new Map(files.map((file) => [file.path, identity("other")]));
    const taken = paths(plan({ days: 10 }, files, ingested));
    expect(taken).toHaveLength(MAX_REWRITTEN_FILES);
    expect(taken[0]).toBe(files[299].path);
  });

  test("skips an alias whose listing equals a window's, and takes one whose listing differs", () => {
    const newest = window("2026-11-22", "240.0", "23-Nov-2026 06:10 3745");
    const latest = listed("daily/traj_summary_latest_daily.txt", "23-Nov-2026 06:10 3745");
    const yesterday = listed("daily/traj_summary_yesterday.txt", "23-Nov-2026 00:10 999");
    expect(plan({ days: 10 }, [latest, yesterday, newest]).files).toEqual([
      { file: newest, skip: null },
      { file: latest, skip: `a copy of ${newest.path} (same date and size)` },
      { file: yesterday, skip: null },
    ]);
  });

  test("does not treat two files without date and size as copies", () => {
    const alias = listed("daily/traj_summary_latest_daily.txt", null);
    expect(plan({ days: 10 }, [window("2026-11-22", "240.0", null), alias]).files[1].skip)
      .toBeNull();
  });

  test("says why there is nothing to take", () => {
    expect(plan({ days: 10 }, [window("2022-03-04")]).nothing).toBe(
      "no daily file dated 2026-11-13 or later: 1 daily files are listed, of 2022-03-04 to 2022-03-04",
    );
  });
});

describe("a backfill", () => {
  test("of a range takes its windows in order, and the window before it", () => {
    const files = ["2024-08-14", "2024-08-10", "2024-08-11", "2024-08-12", "2024-08-13"]
      .map((d) => window(d));
    expect(paths(plan({ from: "2024-08-12", to: "2024-08-13" }, files))).toEqual(
      [files[2], files[3], files[4]].map((file) => file.path),
    );
  });

  test("of a date without a window takes the window that contains it", () => {
    const files = ["2025-04-09", "2025-04-10", "2025-04-12"].map((d) => window(d));
    const day = { from: "2025-04-11", to: "2025-04-11" };
    expect(paths(plan(day, files))).toEqual([files[1].path]);
    expect(plan(day, [files[0], files[2]]).nothing).toMatch(
      /no daily file for 2025-04-11 to 2025-04-11: 2 daily files are listed, of 2025-04-09/,
    );
  });

  test("of the first date after the listing takes the last window, which may extend into it", () => {
    const files = ["2025-04-08", "2025-04-09"].map((d) => window(d));
    const day = { from: "2025-04-11", to: "2025-04-11" };
    expect(paths(plan(day, files))).toEqual([files[1].path]);
    expect(paths(plan({ from: "2025-04-12", to: "2025-04-12" }, files))).toEqual([]);
  });

  test("takes the coarsest files that cover it", () => {
    const files = [
      ALL,
      yearly(2024),
      monthly("202408"),
      monthly("202501"),
      window("2025-02-01"),
      window("2024-08-03"),
    ];
    expect(paths(plan({ all: true }, files))).toEqual([ALL.path]);
    expect(paths(plan({ all: true }, files.slice(1)))).toEqual(
      [files[1], files[3], files[4]].map((file) => file.path),
    );
    expect(paths(plan({ year: 2024 }, files))).toEqual([files[1].path]);
    expect(paths(plan({ year: 2025 }, files))).toEqual([files[3].path, files[4].path]);
    expect(paths(plan({ month: "2024-08" }, files))).toEqual([files[2].path]);
    expect(paths(plan({ month: "2025-02" }, files))).toEqual([files[4].path]);
    expect(plan({ month: "2023-02" }, files).nothing).toMatch(
      /no traj_summary_monthly_202302.txt among the 6 files/,
    );
  });

  test("of any range covers every moment of it that any window covers", () => {
    // Windows that tile the time, each 23.5 to 25.2 hours long, as the source's do.
    const tiling = fc.array(fc.integer({ min: 23.5 * 60, max: 25.2 * 60 }), {
      minLength: 5,
      maxLength: 40,
    });
    fc.assert(
      fc.property(tiling, fc.nat(1440), fc.nat(20), fc.nat(10), (lengths, at, skip, days) => {
        let begin = Date.parse("2024-01-01T00:00:00Z") + at * 60_000;
        const windows = lengths.map((minutes, i) => {
          const of = { begin, end: begin + minutes * 60_000 };
          begin = of.end;
          return {
            ...of,
            file: window(isoDate(new Date(of.begin)), `${String(i).padStart(3, "0")}.0`),
          };
        });
        const from = addDays("2024-01-01", skip);
        const to = addDays(from, days);
        const start = Date.parse(`${from}T00:00:00Z`);
        const end = Date.parse(`${addDays(to, 1)}T00:00:00Z`);
        const taken = new Set(paths(plan({ from, to }, windows.map(({ file }) => file))));
        for (const { begin, end: until, file } of windows) {
          if (begin < end && until > start) expect(taken).toContain(file.path);
        }
      }),
    );
  });
});

describe("listForPlan", () => {
  /** A data directory that can only be listed; it records the folders it was asked for. */
  function directory(folders: Partial<Record<Folder, ListedFile[]>>) {
    const asked: Folder[] = [];
    const listing: DataDirectory = {
      location: "/nowhere",
      list: (folder) => {
        asked.push(folder);
        return Promise.resolve(folders[folder] ?? "missing");
      },
      open: () => Promise.resolve("missing"),
    };
    return { asked, listing };
  }

  test.each<[Selection, Folder[]]>([
    [{ days: 10 }, ["daily"]],
    [{ from: "2024-08-01", to: "2024-08-02" }, ["daily"]],
    [{ month: "2024-08" }, ["monthly"]],
    [{ month: "2024-09" }, ["monthly", "daily"]],
    [{ year: 2024 }, [""]],
    [{ year: 2025 }, ["", "monthly"]],
    [{ year: 2023 }, ["", "monthly", "daily"]],
    [{ all: true }, ["", "monthly", "daily"]],
  ])("asks for %j no more than it needs", async (selection, folders) => {
    const { asked, listing } = directory({
      "": [yearly(2024)],
      monthly: [monthly("202408"), monthly("202501")],
      daily: [window("2023-01-01")],
    });
    await listForPlan(listing, selection);
    expect(asked).toEqual(folders);
  });

  test("treats a directory without folders as flat, and reports a missing one", async () => {
    const flat = directory({ "": [{ ...window("2022-03-04"), path: "x" }] });
    expect(await listForPlan(flat.listing, { days: 10 })).toHaveLength(1);
    expect(await listForPlan(flat.listing, { month: "2022-03" })).toHaveLength(1);
    await expect(listForPlan(directory({}).listing, { days: 10 })).rejects.toThrow(
      /no data directory at \/nowhere/,
    );
    await expect(listForPlan(directory({}).listing, { all: true })).rejects.toThrow(/no data/);
  });
});
