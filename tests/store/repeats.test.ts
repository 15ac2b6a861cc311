/** Which records count as repeats, and that the digest is removed once the row no longer matches it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import type { RecordMark } from "../../src/store/repeats.ts";
import {
  createTrajectoryLoader,
  type TrajectoryLoader,
} from "../../src/store/trajectory_loader.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { batchOf, type Change, generation, summaryOf } from "../support/trajectories.ts";

let database: TestDatabase;
let loader: TrajectoryLoader;
let next: number;
beforeAll(async () => {
  database = await createTestDatabase();
  loader = createTrajectoryLoader({ url: database.url, observe: unobserved });
});
beforeEach(async () => {
  await database.empty();
  next = 0;
});
afterAll(async () => {
  await loader.close();
  await database.drop();
});

/** A record of generation `hours` (null: no generation). */
const record = (id: string, digest: bigint, hours: number | null = 1, qc_deg = 1): Change => ({
  summary: summaryOf(id, { qc_deg }),
  digest,
  lineage: { sourceGeneratedAt: hours === null ? null : generation(hours) },
});
const mark = (id: string, digest: bigint, hours: number | null = 1): RecordMark => ({
  id,
  digest,
  generatedAt: hours === null ? null : generation(hours),
});
const repeat = (id: string, hours: number, isNewer: boolean): Change => ({
  id,
  isNewer,
  lineage: { sourceGeneratedAt: generation(hours) },
});
async function load(...changes: Change[]) {
  const counts = await loader.load(batchOf(next, changes));
  next += changes.length;
  return counts;
}
const find = (...marks: RecordMark[]) => loader.findRepeats(marks);
const MAX = 2n ** 63n - 1n;

describe("a record is recognized", () => {
  test("by key and digest, to the last bit, whatever the key contains", async () => {
    const odd = `{"a",'b'}\\\n\u{1F320}`;
    await load(record("a", MAX), record("b", -MAX - 1n), record(odd, 3n));
    expect(await find(mark("a", MAX), mark("b", -MAX - 1n), mark(odd, 3n))).toEqual({
      same: [0, 1, 2],
      newer: [],
    });
    expect(await find(mark("A", MAX), mark("a", MAX - 1n), mark("b", MAX), mark("c", 3n))).toEqual({
      same: [],
      newer: [],
    });
    expect(await find()).toEqual({ same: [], newer: [] });
  });

  test("in any generation that is not older; one newer than any seen is reported", async () => {
    await load(record("a", 1n, 2), record("n", 1n, null));
    expect(await find(mark("a", 1n, 1), mark("a", 1n, 2), mark("a", 1n, 3), mark("a", 1n, null)))
      .toEqual({ same: [1, 2, 3], newer: [2] });
    expect(await find(mark("n", 1n, 1), mark("n", 1n, null))).toEqual({ same: [0, 1], newer: [0] });
    await load(repeat("a", 5, true));
    expect(await find(mark("a", 1n, 4), mark("a", 1n, 6))).toEqual({ same: [0, 1], newer: [1] });
  });
});

describe("a repeat", () => {
  test("is counted and writes only its generation: older ones are stale then", async () => {
    await load(record("a", 1n, 1));
    const [before] = await database.sql`select xmin, ctid from meteor`;
    expect(await load(repeat("a", 1, false), repeat("a", 3, true), repeat("a", 2, true)))
      .toMatchObject({ inserted: 0, updated: 0, unchanged: 3, stale: 0 });
    expect(await database.sql`select generated_at from meteor_generation`).toEqual([
      { generated_at: generation(3) },
    ]);
    expect(await load(record("a", 2n, 2, 9))).toMatchObject({ stale: 1 });
    expect(await database.sql`select xmin, ctid from meteor`).toEqual([before]);
    expect(await database.sql`select rows_loaded from run_loaded`).toEqual([{ rows_loaded: 5n }]);
    expect(await database.sql`select distinct file from source_file_member`).toEqual([]);
  });
});

describe("a row no longer has a digest", () => {
  test.each([
    ["by hand", () => database.sql`update meteor set qc_deg = 77`],
    [
      "by a tombstone",
      () => load({ id: "a", at: new Date(), lineage: { sourceGeneratedAt: generation(1) } }),
    ],
  ])("when it was changed %s: the same record repairs it", async (_how, change) => {
    await load(record("a", 1n));
    await change();
    expect(await find(mark("a", 1n))).toEqual({ same: [], newer: [] });
    expect(await load(record("a", 1n))).toMatchObject({ updated: 1 });
    expect(await database.sql`select qc_deg, withdrawn_at from meteor`).toEqual([
      { qc_deg: 1, withdrawn_at: null },
    ]);
    expect(await find(mark("a", 1n))).toMatchObject({ same: [0] });
  });

  test("when a record without one has changed it", async () => {
    await load(record("a", 1n));
    await load({ summary: summaryOf("a", { qc_deg: 2 }) });
    expect(await find(mark("a", 1n))).toMatchObject({ same: [] });
    await load(record("a", 2n, 1, 3));
    expect(await find(mark("a", 1n), mark("a", 2n))).toMatchObject({ same: [1] });
  });
});
