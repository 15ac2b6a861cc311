/**
 * Publishing, loading, comparing and dying, step by step in any order: in the end exactly what decision 8 says is withdrawn.
 *
 * `withdrawal_world.ts` has what moves, `withdrawal_model.ts` what must come out. A failure prints its seed and the shortest order of steps
 * that fails; GMN_PROPERTY_RUNS asks for more than the usual number of orders.
 */
import process from "node:process";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { neighbourPrefixes } from "../../src/producer/withdrawals.ts";
import { forgetLoadedCounts } from "../../src/store/log_binding.ts";
import { verdictsOf } from "./withdrawal_model.ts";
import { type Lane, PARTITIONS, type Version, WithdrawalWorld } from "./withdrawal_world.ts";

/** Each takes a tenth of a second or two; on a busy machine there are fewer. */
const RUNS = Number(process.env.GMN_PROPERTY_RUNS ?? 60);
const TIME_LIMIT_MS = process.env.GMN_PROPERTY_RUNS === undefined ? 10_000 : RUNS * 2_000;
/** The step under way when the time is up is taken to its end. */
const END_MS = 30_000;
const TRAJECTORIES = 6;
const FILES = 3;

type Step =
  /** The source writes a file. Mostly its stamp is newer; it may be that of the version before, or older. */
  | {
    readonly kind: "write";
    readonly file: number;
    readonly has: readonly boolean[];
    readonly stamp: "next" | "same" | "older";
  }
  /** Steps of the run in a lane; one of these files begins if there is none. */
  | {
    readonly kind: "work";
    readonly lane: Lane;
    readonly times: number;
    readonly files: readonly boolean[];
  }
  | { readonly kind: "load"; readonly partition: number; readonly most: number }
  | { readonly kind: "project"; readonly most: number }
  | { readonly kind: "pass"; readonly times: number }
  /** A step of the pass while a partition is loaded. */
  | { readonly kind: "race"; readonly partition: number }
  | { readonly kind: "damage"; readonly partition: number }
  | { readonly kind: "crash" }
  | { readonly kind: "settle" };

const lane = fc.constantFrom<Lane>(0, 1);
const partition = fc.nat({ max: PARTITIONS - 1 });
const times = fc.constantFrom(1, 2, 4, 9);
const most = fc.constantFrom(1, 2, Infinity);
const of = <Kind extends Step["kind"], Rest extends object>(
  weight: number,
  kind: Kind,
  rest: { [Name in keyof Rest]: fc.Arbitrary<Rest[Name]> },
) => ({ weight, arbitrary: fc.record({ kind: fc.constant(kind), ...rest }) });
const many = fc.array(
  fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, {
    weight: 1,
    arbitrary: fc.constant(false),
  }),
  { minLength: TRAJECTORIES, maxLength: TRAJECTORIES },
);
const stamp = fc.oneof(
  { weight: 12, arbitrary: fc.constant("next" as const) },
  { weight: 1, arbitrary: fc.constantFrom("same" as const, "older" as const) },
);
const files = fc.array(fc.boolean(), { minLength: FILES, maxLength: FILES });
const step = fc.oneof(
  of(5, "write", { file: fc.nat({ max: FILES - 1 }), has: many, stamp }),
  of(14, "work", { lane, times, files }),
  of(5, "load", { partition, most }),
  of(5, "project", { most }),
  of(10, "pass", { times }),
  of(2, "race", { partition }),
  of(1, "damage", { partition }),
  of(2, "crash", {}),
  of(1, "settle", {}),
) as fc.Arbitrary<Step>;

let world: WithdrawalWorld;
beforeAll(async () => {
  world = await WithdrawalWorld.create();
});
afterAll(() => world[Symbol.asyncDispose]());

let runs = 0;
const counts = { withdrawn: 0, stands: 0, either: 0 };

/** Files and trajectories of their own, far from those of other runs: two windows side by side, and their month. */
class Play {
  readonly #at = ++runs;
  readonly #day = new Date(Date.UTC(2000, 0, 14) + this.#at * 100 * 86_400_000);
  readonly files: readonly string[];
  readonly ids = Array.from({ length: TRAJECTORIES }, (_, at) => `t${this.#at}_${at}`);
  readonly #journalFrom = world.journal.length;
  readonly #rawFrom = world.raw.map((records) => records.length);
  #clock = 0;

  constructor() {
    const digits = (days: number) =>
      new Date(this.#day.getTime() + days * 86_400_000).toISOString().slice(0, 10)
        .replaceAll("-", "");
    this.files = [
      `daily/traj_summary_${digits(0)}_solrange_237.0-238.0.txt`,
      `daily/traj_summary_${digits(1)}_solrange_238.0-239.0.txt`,
      `monthly/traj_summary_monthly_${digits(0).slice(0, 6)}.txt`,
    ];
    world.passes.isOfInterest = (file) => this.files.includes(file);
  }

  /** All files with all their trajectories are read, and nothing is missing yet. */
  async begin(): Promise<void> {
    for (const [file] of this.files.entries()) {
      this.write(file, this.ids.map(() => true), "next");
    }
    world.request(0, this.files);
    await world.finish();
  }

  write(file: number, has: readonly boolean[], stamp: "next" | "same" | "older"): Version {
    const path = this.files[file]!;
    const last = world.source.get(path)?.stamp.getTime() ?? 0;
    const next = Date.UTC(2026, 10, 1) + ++this.#clock * 60_000;
    const at = stamp === "next" ? next : stamp === "same" ? last : last - 90_000;
    const version = { stamp: new Date(at), ids: this.#idsOf(file).filter((_, at) => has[at]) };
    world.source.set(path, version);
    return version;
  }

  /** The second window has few: what it has may only have moved, and its neighbour withdraws nothing. */
  #idsOf(file: number): readonly string[] {
    return file === 1 ? this.ids.slice(0, 2) : this.ids;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "write":
        return void this.write(step.file, step.has, step.stamp);
      case "work": {
        const files = this.files.filter((_, at) => step.files[at]);
        world.request(step.lane, files.length === 0 ? this.files : files);
        for (let left = step.times; left > 0 && await world.work(step.lane); left--);
        return;
      }
      case "load":
        return void await world.load(step.partition, step.most);
      case "project":
        return void await world.project(step.most);
      case "pass":
        for (let left = step.times; left > 0; left--) await world.passes.step();
        return;
      case "race":
        return void await Promise.all([world.passes.step(), world.load(step.partition)]);
      case "damage":
        return world.damage(step.partition);
      case "crash":
        return await world.crash();
      case "settle":
        return await world.finish();
    }
  }

  /** What is withdrawn and what stands; "either" where both are right. */
  async outcome() {
    await world.finish();
    // The source rests, and its last versions are read.
    world.request(0, this.files);
    await world.finish();
    expect(world.passes.failures).toEqual([]);
    const verdicts = verdictsOf({
      records: world.raw.flatMap((records, at) => records.slice(this.#rawFrom[at])),
      journal: world.journal.slice(this.#journalFrom),
      files: this.files,
      neighboursOf: (file) =>
        this.files.filter((other) =>
          other !== file && neighbourPrefixes(file).some((prefix) => other.startsWith(prefix))
        ),
    });
    const rows = await world.database.sql<{ id: string; is: "stands" | "withdrawn" }[]>`
      select id, case when withdrawn_at is null then 'stands' else 'withdrawn' end as is
      from meteor where id = any(${this.ids}) order by id`;
    const found = new Map(rows.map(({ id, is }) => [id, is]));
    return { verdicts, found };
  }

  /** @throws when something that must be withdrawn stands, or the other way round */
  async check(): Promise<void> {
    const { verdicts, found } = await this.outcome();
    const expected = new Map(
      [...verdicts].map(([id, is]) => [id, is === "either" ? found.get(id)! : is] as const),
    );
    expect(found).toEqual(new Map([...expected].toSorted()));
    for (const is of verdicts.values()) counts[is]++;
  }
}

/** When the time is up, fast-check does not wait for the last one. */
let playing: Promise<void> = Promise.resolve();
async function playAll(steps: readonly Step[]): Promise<void> {
  const play = new Play();
  try {
    await play.begin();
    for (const one of steps) await play.take(one);
    await play.check();
  } finally {
    // The next run begins without its rest.
    await world.crash();
    await world.finish();
    await world.forget(play.files);
  }
}

describe("whatever is published, loaded, compared and killed in whatever order", () => {
  test(
    "what the newest complete generations lack is withdrawn, and nothing else",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 20, maxLength: 60, size: "max" }),
          (steps) => playing = playAll(steps),
        ),
        { numRuns: RUNS, interruptAfterTimeLimit: TIME_LIMIT_MS },
      );
      await playing;
      if (RUNS > 100) console.log(runs, counts);
      expect(counts.withdrawn).toBeGreaterThan(0);
      expect(counts.stands).toBeGreaterThan(counts.either);
    },
    TIME_LIMIT_MS + END_MS,
  );
});

/** Orders of steps that once withdrew too little, or too much. */
describe("what was found", () => {
  let play: Play;
  let window: string, next: string, month: string;
  beforeEach(async () => {
    play = new Play();
    [window, next, month] = play.files as [string, string, string];
    await play.begin();
  });
  afterEach(() => world.forget(play.files));

  /** All trajectories but these, by their number. */
  const without = (...missing: number[]) => play.ids.map((_, at) => !missing.includes(at));
  const withdrawn = async () => {
    await play.check();
    const rows = await world.database.sql<{ id: string }[]>`
      select id from meteor where id = any(${play.ids}) and withdrawn_at is not null order by id`;
    return rows.map(({ id }) => play.ids.indexOf(id));
  };
  const read = async (...files: string[]) => {
    world.request(0, files);
    await world.finish();
  };
  const isExtracted = (file: string) =>
    world.journal.findLast((event) => "file" in event && event.file === file)?.type ===
      "file_extracted";
  const load = async () => {
    await world.project();
    for (let partition = 0; partition < PARTITIONS; partition++) await world.load(partition);
  };

  test("a file rewritten while PostgreSQL dies twice and the run is resumed", async () => {
    play.write(2, without(), "next");
    play.write(0, without(5), "next");
    world.request(0, [window, month]);
    for (let portions = 0; portions < 4; portions++) await world.work(0);
    await world.crash();
    while (!isExtracted(window)) await world.work(0);
    await load();
    // The withdrawals have seen that the window is whole. The run goes on, and has published what is not loaded yet.
    await world.passes.step();
    await world.passes.step();
    for (let steps = 0; steps < 5; steps++) await world.work(0);
    await world.project();
    while (!await world.passes.step());
    await world.crash();
    expect(await withdrawn()).toEqual([5]);
  });

  test("a process that dies after its tombstones were published, before they are loaded", async () => {
    play.write(0, without(3), "next");
    world.request(0, [window]);
    while (await world.work(0));
    await load();
    const end = () => world.raw.flat().filter(({ isTombstone }) => isTombstone).length;
    const before = end();
    while (end() === before) await world.passes.step();
    await world.passes.run();
    await world.crash();
    // What was published may be lost with the log's end, or in a batch that can't be read.
    for (const records of world.raw) {
      const last = records.at(-1);
      if (last?.isTombstone === true) last.isLost = true;
    }
    expect(await withdrawn()).toEqual([3]);
  });

  test("a trajectory that is in a neighbouring file until that one is read again", async () => {
    play.write(1, [false, true], "next");
    play.write(0, without(), "next");
    await read(window);
    play.write(0, without(0), "next");
    await read(window);
    expect(await sizeOfOlder(window)).toBeGreaterThan(0);
    await read(next);
    expect(await withdrawn()).toEqual([0]);
    expect(await sizeOfOlder(window)).toBe(0);
  });

  test("a trajectory that a file of a year brings back, which is older than the window without it", async () => {
    const yearly = "traj_summary_yearly_2026.txt";
    play.write(2, without(4), "next");
    await read(month);
    const stampOfYear = new Date(world.source.get(month)!.stamp.getTime() + 30_000);
    play.write(0, without(4), "next");
    await read(window);
    world.source.set(yearly, { stamp: stampOfYear, ids: play.ids });
    await read(yearly);
    const [row] = await world.database.sql`
      select withdrawn_at is not null as is_withdrawn from meteor where id = ${play.ids[4]!}`;
    expect(row).toEqual({ is_withdrawn: true });
  });

  test("a record that was never loaded, besides rows that were published twice", async () => {
    play.write(0, without(2), "next");
    world.request(0, [window]);
    // Started, its first portion published, and killed before that was recorded: it is published again.
    for (let steps = 0; steps < 3; steps++) await world.work(0);
    await load();
    await world.crash();
    while (await world.work(0)) {
      const lost = world.raw.flat().findLast(({ id, file, confirms }) =>
        file === window && (confirms ?? [id]).includes(play.ids[5]!)
      );
      if (lost !== undefined && lost.stamp > world.source.get(month)!.stamp) lost.isLost = true;
      await load();
    }
    await world.finish();
    const rows = await world.database.sql`
      select id from meteor where id = any(${play.ids}) and withdrawn_at is not null`;
    // Not the lost one; the other one waits for a generation of which everything was loaded.
    expect(rows).toEqual([]);
    play.write(0, without(2), "next");
    expect(await withdrawn()).toEqual([2]);
  });

  test("a record that was never loaded, besides exactly one that was published twice", async () => {
    play.write(2, without(0, 1, 2), "next");
    world.request(0, [month]);
    // Its first portion: two rows, of which the one in the second partition's batch is lost.
    for (let steps = 0; steps < 4; steps++) await world.work(0);
    world.damage(0);
    await load();
    await world.work(0);
    await world.crash();
    await read(month);
    const rows = await world.database.sql`
      select id from meteor where id = any(${play.ids}) and withdrawn_at is not null`;
    expect(rows).toEqual([]);
  });

  test("a file that has a trajectory twice withdraws when it was read in one go", async () => {
    const { stamp } = play.write(0, without(2), "next");
    world.source.set(window, {
      stamp,
      ids: [...play.ids.filter((_, at) => at !== 2), play.ids[5]!],
    });
    await read(window);
    expect(await withdrawn()).toEqual([2]);
  });

  test("a decision to load another log from its beginning, before the comparison", async () => {
    play.write(0, without(2), "next");
    world.request(0, [window]);
    while (await world.work(0));
    await load();
    await world.database.sql.begin((sql) => forgetLoadedCounts(sql, "trajectory_summary_raw"));
    expect(await withdrawn()).toEqual([2]);
  });

  test("a generation with the stamp of the one before, and one with an older stamp", async () => {
    play.write(0, without(4, 2), "same");
    await read(window);
    play.write(0, without(2, 3), "older");
    await read(window);
    // A stamp can't say that the file was written later. Nothing is withdrawn, and nothing forgotten.
    await world.finish();
    const rows = await world.database.sql`
      select id from meteor where id = any(${play.ids}) and withdrawn_at is not null`;
    expect(rows).toEqual([]);
    play.write(0, without(3, 4), "next");
    expect(await withdrawn()).toEqual([3, 4]);
  });

  test("rows without a generation: of the same file, whose stamp was ahead of the clock, and of another producer", async () => {
    const ignored = (id: string, file: string | null) =>
      world.database.sql`
        update meteor set source_generated_at = null, source_file = ${file} where id = ${id}`;
    await ignored(play.ids[3]!, window);
    await ignored(play.ids[4]!, null);
    play.write(0, without(3, 4), "next");
    await read(window);
    const rows = await world.database.sql`
      select id from meteor where id = any(${play.ids}) and withdrawn_at is not null`;
    expect(rows).toEqual([{ id: play.ids[3] }]);
    expect(await sizeOfOlder(window)).toBeGreaterThan(0);
  });

  const sizeOfOlder = async (file: string) => {
    const [row] = await world.database.sql<{ count: number }[]>`
      select count(*)::integer as count from source_file_member m join ingestion_file f using (file)
      where m.file = ${file} and m.generated_at < f.generated_at`;
    return row!.count;
  };
});
