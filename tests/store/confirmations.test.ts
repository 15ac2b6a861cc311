/** What confirm records change: exactly what the repeats for which they stand would have changed, wherever batches are cut. */
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
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

const FILE = "daily/traj_summary_20261101_solrange_218.0-219.0.txt";
const record = (id: string, hours: number, qc_deg = 1, digest = 1n): Change => ({
  summary: summaryOf(id, { qc_deg }),
  digest,
  lineDigest: digest + 100n,
  lineage: { sourceGeneratedAt: generation(hours), sourceFile: FILE },
});
const tombstone = (id: string, hours: number): Change => ({
  id,
  at: generation(hours),
  lineage: { sourceGeneratedAt: generation(hours), sourceFile: FILE },
});
/** A confirm record: the first id's own record, and all ids. */
const confirm = (hours: number, ids: readonly string[], more = {}): Change => ({
  ...record(ids[0]!, hours),
  confirms: ids,
  lineage: { sourceGeneratedAt: generation(hours), sourceFile: FILE, ...more },
});
async function load(...changes: Change[]) {
  const counts = await loader.load(batchOf(next, changes));
  next += changes.length;
  return counts;
}
const rows = () =>
  database.sql`
    select id, qc_deg, source_generated_at, withdrawn_at is null as stands, topic_offset::integer as at
    from meteor order by id`;
const generations = async () =>
  Object.fromEntries(
    (await database.sql<{ meteor_id: string; generated_at: Date }[]>`
      select * from meteor_generation`).map((row) => [row.meteor_id, row.generated_at]),
  );

describe("a confirm record", () => {
  test("remembers the generation of every trajectory, touches no row, and counts as unchanged rows", async () => {
    await load(record("a", 1), record("b", 1), record("c", 1));
    const before = await database.sql`select id, xmin, ctid from meteor order by id`;
    expect(await load(confirm(3, ["a", "b", "c"]))).toMatchObject({
      unchanged: 1,
      confirmed: 3,
      unknown: 0,
      updated: 0,
    });
    expect(await database.sql`select id, xmin, ctid from meteor order by id`).toEqual(before);
    const newer = generation(3);
    expect(await generations()).toEqual({ a: newer, b: newer, c: newer });
    expect(await database.sql`select rows_loaded, rows_unchanged from run_loaded`).toEqual([
      { rows_loaded: 3n, rows_unchanged: 3n },
    ]);
    expect(
      await database.sql`select ids from source_file_member where generated_at = ${newer}`,
    ).toEqual([{ ids: ["a", "b", "c"] }]);
    expect(await load(record("b", 2, 9, 2n))).toMatchObject({ stale: 1 });
  });

  test("of an older generation changes nothing", async () => {
    await load(record("a", 5), record("b", 5));
    await load(confirm(3, ["a", "b"]));
    expect(await generations()).toEqual({});
  });

  test("returns what was withdrawn, with its values; not from a newer tombstone", async () => {
    await load(record("a", 1), record("b", 1), record("c", 1));
    await load(tombstone("b", 4), tombstone("c", 6));
    await load(confirm(5, ["a", "b", "c"]));
    expect(await rows()).toMatchObject([
      { id: "a", stands: true },
      { id: "b", stands: true, qc_deg: 1, source_generated_at: generation(5), at: -1 },
      { id: "c", stands: false, source_generated_at: generation(6) },
    ]);
    // The next record of the trajectory says where it is in the log.
    expect(await load(record("b", 7))).toMatchObject({ updated: 1 });
    expect((await rows())[1]).toMatchObject({ at: 6, source_generated_at: generation(7) });
  });

  test("without a source file carries its generation and nothing else", async () => {
    await load(record("a", 1), record("b", 1));
    await load(tombstone("b", 2));
    await load(confirm(5, ["a", "b"], { sourceFile: null }));
    expect(await rows()).toMatchObject([{ stands: true }, { stands: false }]);
    expect(await generations()).toEqual({ a: generation(5), b: generation(5) });
    expect(await database.sql`select rows_unchanged from run_loaded`).toEqual([
      { rows_unchanged: 0n },
    ]);
  });

  test("of trajectories that the data store does not have: their number is returned", async () => {
    await load(record("a", 1));
    expect(await load(confirm(2, ["a", "x", "y\0"]))).toMatchObject({ confirmed: 3, unknown: 2 });
  });

  test("is in order with changes of the same trajectories in its batch", async () => {
    await load(record("a", 1), record("b", 1));
    // b: 1 ─ confirmed 4 ─ stale 3; a: 1 ─ 2 (other values) ─ confirmed 4 ─ stale 3.
    await load(
      record("a", 2, 2, 2n),
      confirm(4, ["b", "a"]),
      record("a", 3, 7, 3n),
      record("b", 3, 7, 3n),
    );
    expect(await rows()).toMatchObject([
      { id: "a", qc_deg: 2, source_generated_at: generation(2) },
      { id: "b", qc_deg: 1, source_generated_at: generation(1) },
    ]);
    expect(await generations()).toEqual({ a: generation(4), b: generation(4) });
  });
});

describe("a row whose record is in no log", () => {
  test("gets the lineage of the record that says the same, and is no repeat until then", async () => {
    await load(record("a", 1));
    await load(confirm(9, ["a"]));
    await database.sql`update meteor set topic_offset = -1`;
    expect(await loader.findRepeats([{ id: "a", digest: 1n, generatedAt: generation(2) }]))
      .toMatchObject({ same: [] });
    expect(await load(record("a", 2))).toMatchObject({ updated: 1 });
    expect(await rows()).toMatchObject([{ at: 2, source_generated_at: generation(2) }]);
    expect(await generations()).toEqual({ a: generation(9) });
  });
});

describe("digests", () => {
  const digests = () => database.sql`select value_digest, line_digest from meteor`;

  test("a record with the same values replaces those of another version of the schema", async () => {
    await load(record("a", 1));
    expect(await load(record("a", 2, 1, 5n))).toMatchObject({ unchanged: 1, updated: 0 });
    expect(await digests()).toEqual([{ value_digest: 5n, line_digest: 105n }]);
    // A record of another producer, which has no line, does not: the row is not written again and again.
    await load({ summary: summaryOf("a", { qc_deg: 1 }), digest: 6n });
    expect(await digests()).toEqual([{ value_digest: 5n, line_digest: 105n }]);
  });

  test("both are removed by a change by hand, and kept when only the place in the log changes", async () => {
    await load(record("a", 1));
    await database.sql`update meteor set topic_offset = 77`;
    expect(await digests()).toEqual([{ value_digest: 1n, line_digest: 101n }]);
    await database.sql`update meteor set qc_deg = 77`;
    expect(await digests()).toEqual([{ value_digest: null, line_digest: null }]);
  });
});

/** A step of the property: of the old way every confirmed id is a record with the values that its row has then. */
type Step =
  | { readonly kind: "record"; readonly id: string; readonly hours: number; readonly value: number }
  | { readonly kind: "tombstone"; readonly id: string; readonly hours: number }
  | { readonly kind: "confirm"; readonly ids: readonly string[]; readonly hours: number };

const IDS = ["a", "b", "c"];
const id = fc.constantFrom(...IDS);
const hours = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("record" as const),
    id,
    hours,
    value: fc.integer({ min: 1, max: 2 }),
  }),
  fc.record({ kind: fc.constant("tombstone" as const), id, hours }),
  fc.record({
    kind: fc.constant("confirm" as const),
    ids: fc.uniqueArray(id, { minLength: 1 }),
    hours,
  }),
);

test("any sequence of records, tombstones and confirm records ends as if every row had been a record", async () => {
  const start = () => load(...IDS.map((id) => record(id, 1, 1, 1n)));
  /**
   * Generations as they count. Where they are written may differ: a trajectory that a confirm record has returned has no record, so its
   * next one is written, where the old way recognises a repeat and remembers its generation.
   */
  const state = async () => {
    const newer = await generations();
    return (await rows()).map(({ id, qc_deg, source_generated_at, stands }) => ({
      id,
      qc_deg,
      stands,
      // One that is older than its row's is left over, and counts no longer.
      generated_at: newer[id] !== undefined && newer[id] > source_generated_at
        ? newer[id]
        : source_generated_at,
    }));
  };
  async function oneByOne(steps: readonly Step[]) {
    await database.empty();
    next = 0;
    await start();
    /** The steps as the new way writes them: with the values that the rows had in the old way. */
    const written: Change[] = [];
    for (const it of steps) {
      if (it.kind === "record") {
        written.push(record(it.id, it.hours, it.value, BigInt(it.value)));
        await load(written.at(-1)!);
      } else if (it.kind === "tombstone") {
        written.push(tombstone(it.id, it.hours));
        await load(written.at(-1)!);
      } else {
        const now = await rows();
        const valueOf = (id: string) => Number(now.find((row) => row.id === id)?.qc_deg);
        const own = record(it.ids[0]!, it.hours, valueOf(it.ids[0]!), BigInt(valueOf(it.ids[0]!)));
        written.push({ ...own, confirms: it.ids } as Change);
        for (const id of it.ids) {
          await load(record(id, it.hours, valueOf(id), BigInt(valueOf(id))));
        }
      }
    }
    return { written, state: await state() };
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 8, maxLength: 8 }),
      async (steps, sizes) => {
        const old = await oneByOne(steps);
        await database.empty();
        next = 0;
        await start();
        for (let at = 0, n = 0; at < old.written.length; at += sizes[n++]!) {
          await load(...old.written.slice(at, at + sizes[n]!));
        }
        expect(await state()).toEqual(old.state);
      },
    ),
    { numRuns: 120 },
  );
});
