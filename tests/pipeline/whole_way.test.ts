/**
 * End to end with real components: from files behind a web server, through the log, into PostgreSQL.
 */
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateDataDirectory } from "../../sample/generate.ts";
import { readSummaryFile } from "../../src/trajectory/read_summary_file.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { SAMPLE, startTestService, type TestService } from "../support/service.ts";

/** The rows of a file as the reader understands them. */
async function rowsOf(path: string): Promise<TrajectorySummary[]> {
  const rows: TrajectorySummary[] = [];
  const file = await open(path);
  try {
    for await (
      const batch of readSummaryFile(
        file.readableWebStream() as unknown as AsyncIterable<Uint8Array>,
      )
    ) {
      rows.push(...batch.rows.map((row) => row.summary));
    }
  } finally {
    await file.close();
  }
  return rows;
}

/** What a second load must not change: where each row version is stored and which transaction wrote it. */
async function rowVersions({ database: { sql } }: TestService): Promise<string> {
  const [row] = await sql<{ versions: string }[]>`
    select md5(string_agg(v, ',' order by v)) as versions from (
      select id || ctid::text || xmin::text as v from meteor union all
      select code || ctid::text || xmin::text from station union all
      select meteor_id || station_code || ctid::text || xmin::text from participating_station union all
      select number || ctid::text || xmin::text from iau_shower
    ) versions`;
  return row!.versions;
}

describe("a backfill of everything", () => {
  let whole: TestService;
  let versions: string;

  beforeAll(async () => {
    whole = await startTestService();
    const run = await whole.run("/backfill", { all: true });
    expect(run).toMatchObject({ state: "completed", reason: null });
    expect(run.rows).toEqual({
      read: whole.sample.rows,
      published: whole.sample.rows,
      unchanged: 0,
      rejected: 0,
      loaded: whole.sample.rows,
      dead: 0,
      new: whole.sample.rows,
      ...{ changed: 0, repeated: 0, stale: 0, duplicate: 0 },
    });
  });
  afterAll(() => whole[Symbol.asyncDispose]());

  test("puts every row of the file into the view, field by field", async () => {
    const expected = (await rowsOf(join(whole.sourceFolder, "traj_summary_all.txt"))).map((
      row,
    ) => ({
      ...row,
      // PostgreSQL has no shower -1: a sporadic meteor has no shower.
      iau_no: row.iau_no === -1 ? null : row.iau_no,
      participating_stations: row.participating_stations?.toSorted() ?? null,
    }));
    const found = await whole.database.sql`
      select *, (extract(epoch from beginning_utc_time) * 1000000)::bigint as microseconds from meteor_summary`;
    const byId = new Map(found.map((row) => [row.unique_trajectory_identifier, row]));
    expect(byId.size).toBe(expected.length);
    for (const row of expected) {
      const { microseconds, ...stored } = byId.get(row.unique_trajectory_identifier)!;
      expect({
        ...stored,
        beginning_utc_time: Number(microseconds),
        num_stat: Number(stored.num_stat),
        iau_no: stored.iau_no === null ? null : Number(stored.iau_no),
      }).toEqual({ ...row });
    }
  });

  test("fills stations and showers from the data", async () => {
    const { sql } = whole.database;
    const [counts] = await sql`
      select
        (select count(*) from participating_station) = (select sum(num_stat) from meteor) as stations_add_up,
        (select count(*) from station) as stations,
        (select count(*) from meteor where iau_code is not null and iau_shower_id is null) as orphans`;
    expect(counts).toMatchObject({ stations_add_up: true, orphans: 0n });
    expect(Number(counts!.stations)).toBeGreaterThan(5);
  });

  test("has its lineage on every row", async () => {
    const [row] = await whole.database.sql`
      select count(*) filter (where source_file is null or source_line is null or run_id is null
        or source_generated_at is null or topic_offset is null) as without from meteor`;
    expect(row!.without).toBe(0n);
  });

  test("changes no row when repeated: the file is not even fetched", async () => {
    versions = await rowVersions(whole);
    const run = await whole.run("/backfill", { all: true });
    expect(run.files).toMatchObject({ planned: 1, extracted: 0, skipped: 1 });
    expect(await rowVersions(whole)).toBe(versions);
  });

  test("followed by other files with the same rows writes nothing: no row version, no dead tuple", async () => {
    const run = await whole.run("/backfill", { month: "2026-11" });
    expect(run.files).toMatchObject({ extracted: 1 });
    expect(run.rows).toMatchObject({ published: 0, unchanged: whole.sample.rows });
    expect(await rowVersions(whole)).toBe(versions);
  });

  test("survives a restart: loaded rows stay, nothing is read again", async () => {
    await whole.restart();
    const status = await (await whole.api("/status")).json();
    expect(status.store.meteors).toBe(whole.sample.rows);
    const run = await whole.run("/backfill", { all: true });
    expect(run.files.skipped).toBe(1);
    expect(await rowVersions(whole)).toBe(versions);
  });
});

describe("a source that changes", () => {
  test("updates changed rows and their stations, and nothing else", async () => {
    await using whole = await startTestService();
    await whole.run("/backfill", { all: true });
    const { sql } = whole.database;
    const before = new Map(
      (await sql`select id, updated_at, num_stat, sigma from meteor`).map((row) => [row.id, row]),
    );

    const changes = [{ windowsBack: 2, stationsAdded: 2, sigmasChanged: 3 }];
    const later = new Date(SAMPLE.lastDay.getTime() + 1000);
    const made = await generateDataDirectory({
      directory: whole.sourceFolder,
      ...SAMPLE,
      lastDay: later,
      changes,
    });
    const [{ stationsAdded, sigmasChanged }] = made.changes as [typeof made.changes[0]];
    const run = await whole.run("/backfill", { all: true });
    expect(run).toMatchObject({ state: "completed", files: { extracted: 1 } });

    const after = await sql`select id, updated_at, num_stat, sigma from meteor`;
    const changed = after.filter((row) => row.updated_at > before.get(row.id)!.updated_at).map((
      row,
    ) => row.id);
    expect(changed.toSorted()).toEqual(
      [...new Set([...stationsAdded, ...sigmasChanged])].toSorted(),
    );
    for (const id of stationsAdded) {
      const [row] = await sql`
        select num_stat, (select count(*) from participating_station where meteor_id = id) as stations from meteor where id = ${id}`;
      expect(row!.stations).toBe(row!.num_stat);
      expect(row!.num_stat).toBeGreaterThan(before.get(id)!.num_stat);
    }
    const [total] = await sql`select count(*) as count from meteor`;
    expect(Number(total!.count)).toBe(whole.sample.rows);
  });
});

describe("bad lines", () => {
  test("are counted and kept with file, line and reason; the rest of the file is loaded", async () => {
    await using whole = await startTestService();
    const path = join(whole.sourceFolder, "monthly", "traj_summary_monthly_202611.txt");
    const lines = (await readFile(path, "latin1")).split("\n");
    const at = [10, 20, 30];
    lines[at[0]!] = lines[at[0]!]!.replace(/; [^;]*; 2026-/, "; not a date; 2026-");
    lines[at[1]!] = "garbage";
    lines[at[2]!] = lines[at[2]!]!.split("; ").slice(0, 40).join("; ");
    await writeFile(path, lines.join("\n"), "latin1");

    const run = await whole.run("/backfill", { month: "2026-11" });
    expect(run.state).toBe("completed");
    expect(run.rows).toMatchObject({
      rejected: 3,
      read: run.rows.published + 3,
      loaded: run.rows.published,
    });

    const { sql } = whole.database;
    // Dead letters go through their own topic: wait until the sink has processed all of them.
    await expect.poll(async () => (await sql`select from dead_letter`).length).toBe(3);
    const deadLetters = await sql`select * from dead_letter order by source_line`;
    expect(deadLetters.map((one) => Number(one.source_line))).toEqual(at.map((line) => line + 1));
    expect(deadLetters[1]).toMatchObject({
      stage: "read",
      text: "garbage",
      source_file: "monthly/traj_summary_monthly_202611.txt",
    });
    expect(deadLetters[0]!.field).toBe("beginning_julian_date");
    for (const { reason } of deadLetters) expect(reason.length).toBeGreaterThan(10);
  });
});

// Retries when a source does not answer over HTTP are tested in tests/producer.
describe("a missing source", () => {
  test("is a failed run with a plain reason, not a crash", async () => {
    await using whole = await startTestService({
      sample: null,
      environment: { GMN_DATA_URL: "/nowhere/at/all" },
    });
    const asked = await whole.api("/backfill", {
      method: "POST",
      body: '{"year":2024}',
      headers: { "content-type": "application/json" },
    });
    const { run_id } = await asked.json();
    const failure = await whole.next("run.failed", ({ runId }) => runId === run_id);
    expect(failure.reason).toContain("/nowhere/at/all");
    expect((await whole.api("/healthz")).status).toBe(200);
    expect((await whole.api("/readyz")).status).toBe(200);
  });

  test("an empty data directory is a failed run that says what is missing", async () => {
    await using whole = await startTestService({ sample: null });
    const asked = await whole.api("/backfill", {
      method: "POST",
      body: '{"year":2024}',
      headers: { "content-type": "application/json" },
    });
    const { run_id } = await asked.json();
    const failure = await whole.next("run.failed", ({ runId }) => runId === run_id);
    expect(failure.reason).toMatch(/2024/);
  });
});
