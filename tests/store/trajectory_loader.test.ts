import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { DataRefusedError } from "../../src/store/database_errors.ts";
import {
  createTrajectoryLoader,
  type TrajectoryLoader,
} from "../../src/store/trajectory_loader.ts";
import { OffsetMismatchError } from "../../src/store/consumer_offsets.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import {
  readRecordCounts,
  readRunCounts,
  type RunCounts,
  runCountsSchema,
} from "../../src/store/run_counts.ts";
import { METEOR_COLUMNS } from "../../src/store/meteor_columns.ts";
import type { FieldKind } from "../../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { batchOf, type Change, generation, summaryOf } from "../support/trajectories.ts";

let database: TestDatabase;
let loader: TrajectoryLoader;
let next: number;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await database.empty();
  loader = createTrajectoryLoader({ url: database.url, observe: unobserved });
  next = 0;
});
afterEach(() => loader.close());
afterAll(() => database.drop());

/** Loads changes as the next batch. */
async function load(...changes: Change[]) {
  const counts = await loader.load(batchOf(next, changes));
  next += changes.length;
  return counts;
}

/** `values` at generation `hours`, or without a generation. */
const record = (
  hours: number | null,
  values: Partial<TrajectorySummary> = {},
  id = "a",
): Change => ({
  summary: summaryOf(id, values),
  lineage: { sourceGeneratedAt: hours === null ? null : generation(hours) },
});
const tombstone = (hours: number | null, id = "a"): Change => ({
  id,
  at: new Date("2026-02-03T04:05:06Z"),
  lineage: {
    sourceGeneratedAt: hours === null ? null : generation(hours),
    sourceFile: "withdrawn.txt",
  },
});
const NOTHING = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  duplicates: 0,
  withdrawn: 0,
  confirmed: 0,
  unknown: 0,
};

const stationsOf = async (id: string): Promise<string[]> =>
  (await database.sql<{ code: string }[]>`
    select station_code as code from participating_station where meteor_id = ${id} order by 1`)
    .map(({ code }) => code);

/** Where every row version is and who wrote or locked it: equal texts mean that nothing was written, not even a lock. */
async function rowVersions(): Promise<unknown> {
  const versions: Record<string, unknown> = {};
  for (
    const table of ["meteor", "participating_station", "station", "iau_shower", "meteor_generation"]
  ) {
    versions[table] = (await database.sql.unsafe(
      `select string_agg(concat_ws(' ', ctid, xmin, xmax), ',' order by ctid) as all from ${table}`,
    ))[0];
  }
  return versions;
}

describe("what is stored", () => {
  test("every value arrives unchanged: doubles to the bit, microseconds, nulls, flags, stations", async () => {
    const summary = summaryOf("20220304220741_yrPTs", {
      vgeo_km_s: 0.1 + 0.2,
      sigma: Number.MIN_VALUE,
      sigma_1: -Number.MAX_VALUE,
      a_au: -0,
      f_param: Infinity,
      sigma_2: null,
      beg_in_fov: null,
      num_stat: 2 ** 53 - 1,
      schema_version: "2.0 – ünïcode 🌠",
    });
    expect(await load({ summary })).toEqual({ ...NOTHING, inserted: 1 });
    const [row] = await database.sql`
      select *, (extract(epoch from beginning_utc_time) * 1000000)::bigint as micros from meteor_summary`;
    for (const [name, value] of Object.entries(summary)) {
      const expected = name === "beginning_utc_time" ? new Date(1_646_431_661_123) : value;
      const found = typeof row?.[name] === "bigint" ? Number(row[name]) : row?.[name];
      expect(found, name).toEqual(expected);
    }
    expect(row?.micros).toBe(1_646_431_661_123_456n);
    expect(await stationsOf("20220304220741_yrPTs")).toEqual(["UK000H", "UK003C"]);
  });

  test("the source's missing values are null, and a sporadic meteor has no shower", async () => {
    await load(
      record(1, { iau_no: -1, iau_code: "...", vgeo_km_s: NaN, participating_stations: null }),
    );
    const [row] = await database.sql`select * from meteor`;
    expect(row).toMatchObject({
      iau_shower_id: null,
      iau_code: null,
      vgeo_km_s: null,
      participating_stations: null,
    });
    expect(await database.sql`select * from iau_shower`).toHaveLength(0);
    expect(await database.sql`select iau_no from meteor_summary`).toMatchObject([{ iau_no: null }]);
  });

  test("year 1, the source's sentinel, is a time like any other", async () => {
    await load(record(1, { beginning_utc_time: Date.parse("0001-01-01T00:00:00Z") * 1000 }));
    const [row] = await database.sql`select beginning_utc_time::text as time from meteor`;
    expect(row?.time).toBe("0001-01-01 00:00:00+00");
  });

  test("stations are a sorted set, whatever a producer sends, and ids differ by case", async () => {
    await load(
      record(
        1,
        { participating_stations: ["US0001", null, "HR0002", "US0001", ""] },
        "20260101000000_abcde",
      ),
      record(1, {}, "20260101000000_ABCDE"),
    );
    expect(await stationsOf("20260101000000_abcde")).toEqual(["HR0002", "US0001"]);
    expect(
      await database
        .sql`select participating_stations from meteor_summary where unique_trajectory_identifier like '%abcde'`,
    )
      .toMatchObject([{ participating_stations: ["HR0002", "US0001"] }]);
    expect(await database.sql`select code, country_code from station order by code`).toMatchObject([
      { code: "HR0002", country_code: "HR" },
      { code: "UK000H" },
      { code: "UK003C" },
      { code: "US0001", country_code: "US" },
    ]);
  });

  test("stores the origin of each row", async () => {
    await loader.load(batchOf(41, [record(3)], { partition: 2 }));
    expect(await database.sql`select * from meteor`).toMatchObject([{
      source_file: "daily/a.txt",
      source_line: 7n,
      source_generated_at: generation(3),
      run_id: "run-1",
      topic_partition: 2,
      topic_offset: 41n,
      withdrawn_at: null,
    }]);
  });

  test("a batch of many chunks", async () => {
    const changes = Array.from(
      { length: 3000 },
      (_, at) => record(1, {}, `id${String(at).padStart(5, "0")}`),
    );
    expect(await load(...changes)).toEqual({ ...NOTHING, inserted: 3000 });
    expect(await database.sql`select count(*)::int as n, sum(num_stat)::int as s from meteor`)
      .toMatchObject([{ n: 3000, s: 6000 }]);
    expect(await load(...changes)).toEqual({ ...NOTHING, unchanged: 3000 });
  });
});

describe("the same record, newer and older ones", () => {
  test("the same again writes nothing: no row version, no lock", async () => {
    const changes = Array.from({ length: 50 }, (_, at) => record(1, { qc_deg: at }, `m${at}`));
    await load(...changes);
    const before = await rowVersions();
    expect(await load(...changes)).toEqual({ ...NOTHING, unchanged: 50 });
    expect(await load(...changes.slice(0, 10))).toEqual({ ...NOTHING, unchanged: 10 });
    expect(await rowVersions()).toEqual(before);
  });

  test("the same from other producers and older files writes nothing either", async () => {
    await load(record(5));
    const before = await rowVersions();
    expect(await load(record(null))).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await load(record(2))).toEqual({ ...NOTHING, stale: 1 });
    expect(await rowVersions()).toEqual(before);
  });

  test("a change of any field is detected, and repeating it is not a change", async () => {
    const others: Record<FieldKind, unknown> = {
      double: 12_345,
      long: 12_345,
      boolean: null,
      timestamp_micros: 1_646_431_661_123_457,
      string: "XYZ",
      string_array: ["UK000H", "UK0042"],
    };
    const fields = METEOR_COLUMNS.filter(({ column }) => column !== "id");
    const changed = fields.map(({ field, kind }) => record(1, { [field]: others[kind] }, field));
    await load(...fields.map(({ field }) => record(1, {}, field)));
    expect(await load(...changed)).toEqual({ ...NOTHING, updated: fields.length });
    expect(await load(...changed)).toEqual({ ...NOTHING, unchanged: fields.length });
  });

  test("a changed row is updated, keeps its creation time, and has the newer record's lineage", async () => {
    await load(record(1));
    const [before] = await database.sql`select created_at, updated_at from meteor`;
    expect(await load(record(2, { qc_deg: 99 }))).toEqual({ ...NOTHING, updated: 1 });
    const [after] = await database.sql`select * from meteor`;
    expect(after).toMatchObject({
      qc_deg: 99,
      topic_offset: 1n,
      source_generated_at: generation(2),
    });
    expect(after?.created_at).toEqual(before?.created_at);
    expect(after?.updated_at.getTime()).toBeGreaterThan(before?.updated_at.getTime());
  });

  test("a solution with other stations replaces the old ones", async () => {
    await load(
      record(1, { participating_stations: ["AA0001", "BB0002", "CC0003"] }),
      record(1, {}, "b"),
    );
    await load(record(2, { participating_stations: ["BB0002", "DD0004"] }));
    expect(await stationsOf("a")).toEqual(["BB0002", "DD0004"]);
    expect(await stationsOf("b")).toEqual(["UK000H", "UK003C"]);
    await load(record(3, { participating_stations: null }));
    expect(await stationsOf("a")).toEqual([]);
  });

  test("an older generation never overwrites the row or its stations", async () => {
    await load(record(5));
    expect(await load(record(4, { qc_deg: 99, participating_stations: ["ZZ9999"] }))).toEqual({
      ...NOTHING,
      stale: 1,
    });
    expect(await database.sql`select qc_deg from meteor`).not.toMatchObject([{ qc_deg: 99 }]);
    expect(await stationsOf("a")).toEqual(["UK000H", "UK003C"]);
  });

  test("a generation with the same values still counts: older ones are ignored, and the row is not written", async () => {
    await load(record(1));
    const { meteor } = await rowVersions() as { meteor: unknown };
    expect(await load(record(5))).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await load(record(3, { qc_deg: 99 }))).toEqual({ ...NOTHING, stale: 1 });
    expect(await rowVersions()).toMatchObject({ meteor });
    const confirmed = await rowVersions();
    expect(await load(record(5))).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await load(record(4))).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await rowVersions()).toEqual(confirmed);
    expect(await load(record(5, { qc_deg: 98 }))).toEqual({ ...NOTHING, updated: 1 });
  });

  test("of an id twice in a file the row with most stations wins, in any order, also when read again", async () => {
    const few = (hours: number) => record(hours, { num_stat: 2, qc_deg: 2 });
    const many = (hours: number) =>
      record(hours, {
        num_stat: 3,
        qc_deg: 3,
        participating_stations: ["UK000H", "UK003C", "ZZ9999"],
      });
    const standing = async () => (await database.sql`select qc_deg from meteor`)[0]?.qc_deg;
    expect(await load(many(1), few(1))).toEqual({ ...NOTHING, inserted: 1, duplicates: 1 });
    expect(await load(few(1))).toEqual({ ...NOTHING, duplicates: 1 });
    // The next generation has both again: its first row confirms the values, so its second must not win by being newer.
    expect(await load(many(2), few(2))).toEqual({ ...NOTHING, unchanged: 1, duplicates: 1 });
    expect(await standing()).toBe(3);
    expect(await stationsOf("a")).toEqual(["UK000H", "UK003C", "ZZ9999"]);
    await load(few(3), many(3));
    expect(await standing()).toBe(3);
    // A generation that has only the row with fewer stations is a change.
    expect(await load(few(4))).toEqual({ ...NOTHING, updated: 1 });
    expect(await standing()).toBe(2);
  });

  test("records without a generation follow log order, and older files are ignored", async () => {
    await load(record(5));
    expect(await load(record(null, { qc_deg: 99 }))).toEqual({ ...NOTHING, updated: 1 });
    expect(await load(record(4, { qc_deg: 1 }))).toEqual({ ...NOTHING, stale: 1 });
    expect(await load(record(6, { qc_deg: 2 }))).toEqual({ ...NOTHING, updated: 1 });
  });
});

describe("tombstones", () => {
  const withdrawn = () => database.sql`select id, withdrawn_at, source_file, qc_deg from meteor`;

  test("mark a trajectory as withdrawn; its values stay, the view omits it", async () => {
    await load(record(1));
    expect(await load(tombstone(null))).toEqual({ ...NOTHING, withdrawn: 1 });
    const at = new Date("2026-02-03T04:05:06Z");
    expect(await withdrawn()).toMatchObject([{ withdrawn_at: at, source_file: "withdrawn.txt" }]);
    expect(await database.sql`select from meteor_summary`).toHaveLength(0);
    expect(await stationsOf("a")).toHaveLength(2);
    const before = await rowVersions();
    expect(await load(tombstone(null), tombstone(null, "never there"))).toEqual({
      ...NOTHING,
      unchanged: 2,
    });
    expect(await rowVersions()).toEqual(before);
  });

  test("a trajectory that reappears is restored, with the same values or others", async () => {
    await load(record(1), tombstone(2));
    expect(await load(record(2))).toEqual({ ...NOTHING, updated: 1 });
    expect(await withdrawn()).toMatchObject([{ withdrawn_at: null }]);
  });

  test("neither an older tombstone nor an older row overwrites a newer one", async () => {
    await load(record(5));
    expect(await load(tombstone(4))).toEqual({ ...NOTHING, stale: 1 });
    expect(await load(tombstone(6))).toEqual({ ...NOTHING, withdrawn: 1 });
    expect(await load(record(5))).toEqual({ ...NOTHING, stale: 1 });
    expect(await load(tombstone(8))).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await load(record(7))).toEqual({ ...NOTHING, stale: 1 });
    expect(await withdrawn()).toMatchObject([{ withdrawn_at: new Date("2026-02-03T04:05:06Z") }]);
  });
});

describe("offsets", () => {
  const offsets = async () =>
    (await database.sql<{ partition: number; next_offset: bigint }[]>`
      select partition, next_offset from consumer_offset order by partition`)
      .map(({ partition, next_offset }) => [partition, next_offset]);

  test("move with the rows; an empty batch only moves them", async () => {
    await load(record(1), record(1, {}, "b"));
    expect(await offsets()).toEqual([[0, 2n]]);
    await loader.load({ ...batchOf(2, []), nextOffset: 10n });
    expect(await offsets()).toEqual([[0, 10n]]);
    await loader.load(batchOf(700, [record(1, {}, "c")], { partition: 1 }));
    expect(await offsets()).toEqual([[0, 10n], [1, 701n]]);
  });

  test("a batch that is not the next one is fenced off, with nothing written", async () => {
    await load(record(1), record(1, {}, "b"));
    const before = await rowVersions();
    for (const first of [0, 1, 3]) {
      const failure: unknown = await loader.load(batchOf(first, [record(9, { qc_deg: 99 })])).catch(
        (e) => e,
      );
      expect(failure).toBeInstanceOf(OffsetMismatchError);
      expect(failure).toMatchObject({ expected: BigInt(first), found: 2n });
    }
    expect(await rowVersions()).toEqual(before);
    expect(await offsets()).toEqual([[0, 2n]]);
    await load(record(2, { qc_deg: 99 }));
  });

  test("of two consumers with the same batch one writes it, the other gets an error", async () => {
    const zombie = createTrajectoryLoader({ url: database.url, observe: unobserved });
    for (let round = 0; round < 5; round++) {
      const batch = batchOf(round, [record(round + 1, { qc_deg: round })]);
      const ends = await Promise.allSettled([loader.load(batch), zombie.load(batch)]);
      expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const rejected = ends.find((end) => end.status === "rejected");
      expect(rejected?.reason).toBeInstanceOf(OffsetMismatchError);
    }
    await zombie.close();
    expect(await database.sql`select rows_loaded from run_loaded`).toMatchObject([{
      rows_loaded: 5n,
    }]);
  });

  test("restored counts of a run cover the records before them, wherever batches are cut", async () => {
    const byRun = (change: Change, more = {}): Change => ({
      ...change,
      lineage: { ...change.lineage, runId: "r1", ...more },
    });
    // As an earlier version wrote them, without the later counts.
    const stored = { run_id: "r1", rows_loaded: 5, rows_unchanged: 0, rows_dead: 0 };
    const runCounts = [runCountsSchema.parse(stored)];
    // Two of five records are left, the three others were repaired, and the run goes on with a sixth.
    const changes = [
      byRun(record(1)),
      byRun(record(2)),
      byRun(record(3), { isRepublished: true, runCounts }),
      byRun(record(4)),
    ];
    for (let cut = 0; cut < changes.length; cut++) {
      await database.empty();
      if (cut > 0) await loader.load(batchOf(0, changes.slice(0, cut)));
      await loader.load(batchOf(cut, changes.slice(cut)));
      expect(await database.sql`select rows_loaded from run_loaded`, `cut at ${cut}`).toEqual([
        { rows_loaded: 6n },
      ]);
    }
  });

  test("records are counted for their runs, whatever their outcome, in the same transaction; tombstones are not", async () => {
    const byRun = (runId: string | null, change: Change): Change => ({
      ...change,
      lineage: { ...change.lineage, runId },
    });
    await loader.load(batchOf(0, [
      byRun("r1", record(1)),
      byRun("r1", record(1)),
      byRun("r2", record(0)),
      byRun(null, tombstone(null)),
    ], { dead: { r1: 3, "": 1 } }));
    await loader.load(batchOf(4, [byRun("r1", record(9))], { dead: { r3: 2 } }));
    const rows = await database.sql`
      select run_id, rows_loaded::int as loaded, rows_dead::int as dead from run_loaded order by run_id`;
    expect([...rows]).toEqual([
      { run_id: "", loaded: 0, dead: 1 },
      { run_id: "r1", loaded: 3, dead: 3 },
      { run_id: "r2", loaded: 1, dead: 0 },
      { run_id: "r3", loaded: 0, dead: 2 },
    ]);
  });
});

test("what became of records is counted by the epoch that published them", async () => {
  const of = (epoch: number | undefined, change: Change): Change => ({
    ...change,
    lineage: { ...change.lineage, runId: "r1", ...(epoch === undefined ? {} : { epoch }) },
  });
  await load(of(7, record(2)), of(7, record(2)), of(8, record(1)));
  await load(of(8, record(3, { qc_deg: 2 })), of(8, record(3, { qc_deg: 2, num_stat: 1 })));
  await load(of(undefined, record(1, {}, "b")));
  const counts = await readRecordCounts(database.sql, "r1");
  const nothing = { dead: 0, new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 };
  expect(counts.sort((a, b) => a.epoch - b.epoch)).toEqual([
    { ...nothing, epoch: 0, loaded: 1, new: 1 },
    { ...nothing, epoch: 7, loaded: 2, new: 1, repeated: 1 },
    { ...nothing, epoch: 8, loaded: 3, stale: 1, changed: 1, duplicate: 1 },
  ]);
  const { name: topic } = TRAJECTORY_SUMMARY_RAW;
  const pages: RunCounts[] = [];
  for (let after: RunCounts | null = null;;) {
    const [page]: RunCounts[] = await readRunCounts(database.sql, topic, 0, { after, limit: 1 });
    if (page === undefined) break;
    pages.push(after = page);
  }
  expect(pages.map(({ epoch, rows_loaded }) => [epoch, rows_loaded])).toEqual([[0, 1], [7, 2], [
    8,
    3,
  ]]);
});

describe("what can't be stored", () => {
  test.each<[string, Change, string]>([
    ["a NUL in a text", record(1, { iau_code: "A\0B" }), "iau_code"],
    [
      "a NUL in a station",
      record(1, { participating_stations: ["UK000H", "U\0"] }),
      "participating_stations",
    ],
    ["a shower number beyond an integer", record(1, { iau_no: 2 ** 31 }), "iau_no"],
    ["a number that is not whole", record(1, { num_stat: 2.5 }), "num_stat"],
    ["a time beyond the calendar", record(1, { beginning_utc_time: 9e18 }), "beginning_utc_time"],
    ["a text where a number belongs", record(1, { qc_deg: "12" as unknown as number }), "qc_deg"],
    [
      "no id",
      { summary: summaryOf("a", { unique_trajectory_identifier: null }) },
      "unique_trajectory_identifier",
    ],
    ["a NUL in the id", record(1, {}, "a\0b"), "unique_trajectory_identifier"],
  ])(
    "%s is refused with its offset and field; nothing is written, and the loader keeps working",
    async (_what, bad, field) => {
      await load(record(1, {}, "x"));
      const failure: unknown = await loader.load(batchOf(1, [record(1, {}, "y"), bad])).catch((e) =>
        e
      );
      expect(failure).toBeInstanceOf(DataRefusedError);
      expect(failure).toMatchObject({ offset: 2n, field });
      expect(await database.sql`select id from meteor`).toMatchObject([{ id: "x" }]);
      await load(record(1, {}, "y"));
    },
  );

  test("a value that only the server can refuse is a DataRefusedError too", async () => {
    const id = Array.from({ length: 4000 }, () => String.fromCharCode(33 + Math.random() * 90))
      .join("");
    const failure: unknown = await loader.load(batchOf(0, [record(1, {}, "y"), record(1, {}, id)]))
      .catch((e) => e);
    expect(failure).toBeInstanceOf(DataRefusedError);
    expect(String(failure)).toMatch(/54000/);
    await load(record(1, {}, "y"));
  });

  test("a NUL in a record's metadata does not lose the record", async () => {
    await load({ summary: summaryOf("a"), lineage: { sourceFile: "a\0b", runId: "r\0" } });
    expect(await database.sql`select source_file, run_id from meteor`).toMatchObject([{
      source_file: "a␀b",
      run_id: "r␀",
    }]);
  });
});

describe("showers whose number was reused", () => {
  const T0 = 1_700_000_000_000_000;
  const shower = (code: string, days: number, id: string): Change =>
    record(1, { iau_no: 9013, iau_code: code, beginning_utc_time: T0 + days * 86_400_000_000 }, id);
  const code = async () =>
    (await database.sql`select code from iau_shower where number = 9013`)[0]?.code;

  test("have the code of the latest meteor, whatever the order of the records; rows keep their own", async () => {
    await load(shower("SCE", 0, "a"), shower("SCE", 1, "b"));
    expect(await code()).toBe("SCE");
    await load(shower("M25P1", 200, "c"));
    expect(await code()).toBe("M25P1");
    await load(shower("SCE", 3, "d"));
    expect(await code()).toBe("M25P1");
    await load(shower("IHD", 300, "e"), shower("M25P1", 250, "f"));
    expect(await code()).toBe("IHD");
    expect(await database.sql`select iau_code from meteor where id = 'a'`).toMatchObject([{
      iau_code: "SCE",
    }]);
  });

  test("a number without a code gets one later", async () => {
    await load(record(1, { iau_no: 9013, iau_code: null }, "z"));
    expect(await code()).toBeNull();
    await load(shower("SCE", 0, "a"));
    expect(await code()).toBe("SCE");
  });

  test("loaders with the same shower agree on its code", async () => {
    const others = [1, 2, 3].map(() =>
      createTrajectoryLoader({ url: database.url, observe: unobserved })
    );
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        others.map((one, partition) =>
          one.load(
            batchOf(round, [
              shower(
                ["AAA", "BBB", "CCC"][partition]!,
                round * 10 + partition,
                `${round}-${partition}`,
              ),
            ], { partition }),
          )
        ),
      );
      expect(await code()).toBe("CCC");
    }
    await Promise.all(others.map((one) => one.close()));
  });
});
