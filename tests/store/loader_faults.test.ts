/**
 * Faults during a load: locks, time-outs, backends that die or stop, several loaders at once.
 */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { unobserved } from "../../src/observe/observe.ts";
import {
  createTrajectoryLoader,
  type TrajectoryLoader,
} from "../../src/store/trajectory_loader.ts";
import { OffsetMismatchError } from "../../src/store/consumer_offsets.ts";
import { holdAfter } from "../support/holding_proxy.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { batchOf, type Change, generation, summaryOf } from "../support/trajectories.ts";

const LOADER = "gmn-data-store loader";
const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => error);

describe("with another session that holds locks", () => {
  let database: TestDatabase;
  let loader: TrajectoryLoader;
  beforeEach(async () => {
    database = await createTestDatabase();
    loader = createTrajectoryLoader({ url: database.url, observe: unobserved, timeout_ms: 10_000 });
    await loader.load(batchOf(0, [{ summary: summaryOf("first") }]));
  });
  afterEach(async () => {
    await loader.close();
    await database.drop();
  });

  /** Locks `meteor` while `work` runs, so that a load blocks before its merge. */
  async function withMeteorLocked(work: () => Promise<void>): Promise<void> {
    await database.sql.begin(async (sql) => {
      await sql`lock table meteor in access exclusive mode`;
      await work();
    });
  }
  const waitingLoader = () =>
    until("a loader that waits for a lock", async () =>
      (await database.sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where application_name = ${LOADER} and datname = current_database() and wait_event_type = 'Lock'`)[
        0
      ]);
  const noLoaderSession = () =>
    until("the end of the loader's session", async () =>
      (await database.sql`
        select from pg_stat_activity where application_name = ${LOADER} and datname = current_database()`)
        .length === 0);
  const batch = batchOf(1, [{ summary: summaryOf("second") }]);

  test("a terminated backend only costs the batch a retry", async () => {
    await withMeteorLocked(async () => {
      const failing = caught(loader.load(batch));
      const { pid } = await waitingLoader();
      await database.sql`select pg_terminate_backend(${pid})`;
      expect(await failing).toBeInstanceOf(TransientError);
    });
    expect(await loader.load(batch)).toMatchObject({ inserted: 1 });
    expect(await database.sql`select id from meteor order by id`).toMatchObject([{ id: "first" }, {
      id: "second",
    }]);
  });

  test("a lost idle connection is noticed before the next batch is sent", async () => {
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${LOADER} and datname = current_database()`;
    await noLoaderSession();
    const first = await caught(loader.load(batch));
    // The outcome depends on whether this process has noticed the loss; both are correct.
    if (first instanceof Error) {
      expect(first).toBeInstanceOf(TransientError);
      expect(await loader.load(batch)).toMatchObject({ inserted: 1 });
    }
    expect(await database.sql`select next_offset from consumer_offset`).toMatchObject([{
      next_offset: 2n,
    }]);
  });

  test("the server cancels a batch that takes too long, and releases its locks", async () => {
    const hasty = createTrajectoryLoader({
      url: database.url,
      observe: unobserved,
      timeout_ms: 3_000,
    });
    await withMeteorLocked(async () => {
      const failure = await caught(hasty.load(batch));
      expect(failure).toBeInstanceOf(TransientError);
      expect(String(failure)).toContain("57014");
    });
    expect(await hasty.load(batch)).toMatchObject({ inserted: 1 });
    await hasty.close();
  });

  test.skipIf(process.env.TEST_DATABASE_URL !== undefined || process.platform === "win32")(
    "a server that does not answer at all is given up by the loader",
    async () => {
      const hasty = createTrajectoryLoader({
        url: database.url,
        observe: unobserved,
        timeout_ms: 2_000,
      });
      let pid = 0;
      await withMeteorLocked(async () => {
        const failing = caught(hasty.load(batch));
        ({ pid } = await waitingLoader());
        process.kill(pid, "SIGSTOP");
        const failure = await failing;
        expect(failure).toBeInstanceOf(TransientError);
        expect(String(failure)).toContain("2000 ms");
      });
      process.kill(pid, "SIGCONT");
      // The backend's transaction is rolled back: nobody is left to commit it.
      expect(
        await until(
          "its end",
          async () => await caught(hasty.load(batch)) instanceof Error ? false : "loaded",
        ),
      )
        .toBe("loaded");
      await hasty.close();
    },
  );

  test("closing during a load fails it, and leaves no session", async () => {
    await withMeteorLocked(async () => {
      const failing = caught(loader.load(batch));
      await waitingLoader();
      await loader.close();
      expect(await failing).toBeInstanceOf(TransientError);
    });
    await noLoaderSession();
    expect(await database.sql`select next_offset from consumer_offset`).toMatchObject([{
      next_offset: 1n,
    }]);
  });

  test("a process frozen in the middle of a COPY blocks nobody, and writes nothing when it resumes", async () => {
    const url = new URL(database.url);
    await using proxy = await holdAfter(400_000, Number(url.port));
    url.port = String(proxy.port);
    const frozen = createTrajectoryLoader({ url: url.href, observe: unobserved });
    const rows = Array.from({ length: 2_000 }, (_, n): Change => ({ summary: summaryOf(`n${n}`) }));
    const stopped = caught(frozen.load(batchOf(1, rows)));
    await proxy.held;
    await until("a backend that waits for the rest of a COPY", async () =>
      (await database.sql`
        select from pg_stat_activity where application_name = ${LOADER} and datname = current_database()
          and state = 'active' and query like 'COPY%' and wait_event = 'ClientRead'`).length > 0);
    expect(await loader.load(batchOf(1, rows))).toMatchObject({ inserted: 2_000 });
    proxy.release();
    expect(await stopped).toBeInstanceOf(OffsetMismatchError);
    expect(await database.sql`select next_offset from consumer_offset`).toMatchObject([{
      next_offset: 2_001n,
    }]);
    await frozen.close();
  });

  test("one batch at a time", async () => {
    await withMeteorLocked(async () => {
      const loading = caught(loader.load(batch));
      await waitingLoader();
      await expect(loader.load(batch)).rejects.toThrow(/one batch at a time/);
      await loader.close();
      await loading;
    });
  });

  test("no server: transient, and the loader works when there is one", async () => {
    const lonely = createTrajectoryLoader({
      url: "postgres://gmn@127.0.0.1:1/none",
      observe: unobserved,
    });
    for (let round = 0; round < 2; round++) {
      expect(await caught(lonely.load(batch))).toBeInstanceOf(TransientError);
    }
    await lonely.close();
  });
});

describe("several loaders at once", () => {
  test("with the same showers and stations, and shared ids: nothing is lost, nothing duplicated, no deadlock", async () => {
    await using database = await createTestDatabase();
    const PARTITIONS = 3;
    const ROUNDS = 8;
    const ROWS = 150;
    const change = (partition: number, round: number, n: number): Change => {
      // All loaders share a third of the ids, as from producers without keys, in a different order in each batch.
      const shared = n % 3 === 0;
      const at = shared ? (n * (7 + partition * 2)) % 450 : n;
      return {
        summary: summaryOf(
          shared ? `all-${String(at).padStart(3, "0")}` : `p${partition}-${round % 4}-${at}`,
          {
            qc_deg: round,
            iau_no: (n * (partition + 1)) % 40,
            iau_code: `S${(n * (partition + 1)) % 40}`,
            participating_stations: [0, 1, 2].map((k) =>
              `UK${String((n * 31 + k * 17 + partition + round) % 300).padStart(4, "0")}`
            ).sort(),
          },
        ),
        lineage: { sourceGeneratedAt: generation(round) },
      };
    };
    let deadlocks = 0;
    await Promise.all(Array.from({ length: PARTITIONS }, async (_, partition) => {
      const loader = createTrajectoryLoader({ url: database.url, observe: unobserved });
      for (let round = 0; round < ROUNDS; round++) {
        const batch = batchOf(
          round * ROWS,
          Array.from({ length: ROWS }, (_, n) => change(partition, round, n)),
          { partition },
        );
        const failure = await caught(loader.load(batch));
        if (failure instanceof Error) {
          deadlocks++;
          await loader.load(batch);
        }
      }
      await loader.close();
    }));
    expect(deadlocks).toBe(0);
    const [totals] = await database.sql`
      select sum(rows_loaded)::int as loaded from run_loaded`;
    expect(totals?.loaded).toBe(PARTITIONS * ROUNDS * ROWS);
    // The stations table has exactly the stations of each row.
    expect(
      await database.sql`
      select m.id from meteor as m
      where m.participating_stations is distinct from
        (select array_agg(station_code order by station_code) from participating_station where meteor_id = m.id)`,
    )
      .toHaveLength(0);
    // Every id that only one partition has is from its last generation.
    expect(
      await database.sql`
      select id from meteor where id like 'p%' and qc_deg < ${ROUNDS - 4}`,
    ).toHaveLength(0);
  });
});

describe("batches", () => {
  let whole: TestDatabase;
  let single: TestDatabase;
  beforeAll(async () => {
    [whole, single] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  });
  afterAll(async () => {
    await Promise.all([whole.drop(), single.drop()]);
  });
  /** Everything that must not depend on how the log was split into batches. */
  const contents = async ({ sql }: TestDatabase) => ({
    meteor: await sql`
      select id, qc_deg, iau_shower_id, iau_code, participating_stations, withdrawn_at, source_file, source_generated_at, run_id,
        topic_offset from meteor order by id`,
    stations: await sql`select * from participating_station order by 1, 2`,
    showers: await sql`select number, code, codes from iau_shower order by number`,
    generations: await sql`select * from meteor_generation order by 1`,
    runs:
      await sql`select to_jsonb(r) - 'updated_at' as counts from run_loaded r order by run_id, epoch`,
    offsets: await sql`select partition, next_offset from consumer_offset`,
  });

  test(
    "the tables and the counts are the same, however the log is split into batches",
    async () => {
      const id = fc.constantFrom("a", "b", "c");
      const lineage = fc.record({
        sourceGeneratedAt: fc.option(fc.nat(4).map(generation)),
        sourceFile: fc.option(fc.constantFrom("x", "y")),
        runId: fc.option(fc.constantFrom("r1", "r2")),
        epoch: fc.constantFrom(1, 2),
      });
      const upsert = fc.record({
        summary: fc.record({
          unique_trajectory_identifier: id,
          qc_deg: fc.nat(1),
          iau_no: fc.constantFrom(-1, 9013),
          beginning_utc_time: fc.nat(5).map((n) => 1_700_000_000_000_000 + n),
          iau_code: fc.constantFrom(null, "SCE", "M25P1"),
          participating_stations: fc.constantFrom<string[] | null>(
            null,
            [],
            ["AA0001"],
            ["AA0001", "BB0002"],
            ["CC0003"],
          ),
        }).map((values) => summaryOf(values.unique_trajectory_identifier, values)),
        lineage,
      });
      const tombstone = fc.record({ id, at: fc.nat(3).map(generation), lineage });
      const log = fc.array(fc.oneof({ weight: 4, arbitrary: upsert }, tombstone), {
        minLength: 1,
        maxLength: 12,
      });
      const cuts = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });

      await fc.assert(
        fc.asyncProperty(log, cuts, async (changes: Change[], cut) => {
          const results = await Promise.all([[whole, cut], [single, cut.map(() => true)]].map(
            async ([database, at]) => {
              const { url, sql } = database as TestDatabase;
              await sql`truncate meteor, participating_station, station, iau_shower, meteor_generation, run_loaded, consumer_offset`;
              const loader = createTrajectoryLoader({ url, observe: unobserved });
              const counts = {
                inserted: 0,
                updated: 0,
                unchanged: 0,
                stale: 0,
                duplicates: 0,
                withdrawn: 0,
              };
              for (let from = 0; from < changes.length;) {
                let to = from + 1;
                while (to < changes.length && !(at as boolean[])[to]) to++;
                const loaded = await loader.load(batchOf(from, changes.slice(from, to)));
                for (const key of Object.keys(counts) as (keyof typeof counts)[]) {
                  counts[key] += loaded[key];
                }
                from = to;
              }
              await loader.close();
              return { counts, contents: await contents(database as TestDatabase) };
            },
          ));
          expect(results[0]).toEqual(results[1]);
        }),
        { numRuns: 50 },
      );
    },
    120_000,
  );

  test("a batch loaded twice is fenced off, whatever it contains", async () => {
    await single.sql`truncate consumer_offset`;
    const loader = createTrajectoryLoader({ url: single.url, observe: unobserved });
    const batch = batchOf(0, [{ summary: summaryOf("z") }, { id: "z", at: new Date() }]);
    await loader.load(batch);
    const before = await contents(single);
    await expect(loader.load(batch)).rejects.toBeInstanceOf(OffsetMismatchError);
    expect(await contents(single)).toEqual(before);
    await loader.close();
  });
});
