/** What a rebuild refuses, and what happens around it: the running service, readers, kills, leftovers, damage by hand. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { appendLogIdentityEvent } from "../../src/events/log_identity.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { RebuildRefusedError } from "../../src/recovery/rebuild_report.ts";
import {
  assertStillOurs,
  BUILD_SCHEMA,
  createBuildSchema,
  dropBuildSchema,
} from "../../src/store/build_schema.ts";
import { connectStore } from "../../src/store/connection.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { flipBit, replaceBatch } from "../support/log_damage.ts";
import { until } from "../support/poll.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";
import { summaryOf } from "../support/trajectories.ts";

const TEST_MS = 120_000;
const raw = TRAJECTORY_SUMMARY_RAW.name;
const PARTITION = 1;
const ID = (n: number) => `202601010000${String(n).padStart(2, "0")}_rebld`;

/** A service whose data store has a backfill. */
async function startWithData(): Promise<TestService> {
  // These tests look into the embedded broker's files.
  const whole = await startTestService({ environment: { BROKER: "embedded" } });
  await whole.run("/backfill", { all: true });
  await caughtUp(whole);
  return whole;
}

/** Appends trajectories, each in a batch of its own; gives the offset of each. */
async function appendEach(whole: TestService, numbers: readonly number[]): Promise<number[]> {
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const offsets: number[] = [];
  for (const n of numbers) {
    const value = wire(id, pythonBody(summaryOf(ID(n))));
    offsets.push(Number(await append(whole.kafka, [{ key: ID(n), value }], PARTITION)) - 1);
  }
  await caughtUp(whole);
  return offsets;
}

/** The refusal of a rebuild. @throws Error when it is not refused */
async function refusal(whole: TestService): Promise<RebuildRefusedError> {
  const error = await rebuildOf(whole).then(() => null, (error: unknown) => error);
  if (error instanceof RebuildRefusedError) return error;
  throw new Error("the rebuild was not refused", { cause: error });
}

const meteors = async ({ database }: TestService): Promise<number> =>
  (await database.sql<{ n: number }[]>`select count(*)::int as n from meteor`)[0]!.n;

/** Where every row is, and which transaction wrote it. */
async function placesOf({ database: { sql } }: TestService): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`;
  const places: string[] = [];
  for (const { name } of tables) {
    const [row] = await sql.unsafe<{ rows: string }[]>(
      `select coalesce(string_agg(ctid::text || xmin::text, ',' order by ctid), '') as rows from ${name}`,
    );
    places.push(`${name}: ${row!.rows}`);
  }
  return places;
}

const hasBuildSchema = async ({ database }: TestService): Promise<boolean> =>
  (await database.sql`select from pg_namespace where nspname = ${BUILD_SCHEMA}`).length > 0;

/** `deno task rebuild` as a process of its own, on the database and log of the running service. */
class RebuildProcess {
  readonly ended: Promise<number | null>;
  said = "";
  readonly #child: ChildProcess;

  constructor(whole: TestService, args: readonly string[] = []) {
    const { args: command, environment } = taskCommand("rebuild");
    this.#child = spawn(process.execPath, [...command, ...args], {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      env: { ...process.env, ...environment, DATA_DIR: whole.config.dataDirectory },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child.stderr!.on("data", (chunk) => this.said += String(chunk));
    this.ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

describe("with a whole log", () => {
  let whole: TestService;
  beforeAll(async () => {
    whole = await startWithData();
    // A monthly file: its trajectories are remembered, to be compared with the next generation.
    await whole.run("/backfill", { month: "2026-11" });
    await appendEach(whole, [1, 2, 3]);
  }, TEST_MS);
  afterAll(() => whole[Symbol.asyncDispose]());
  // Each test leaves the tables as the log gives them, and no schema.
  afterEach(async () => {
    expect((await rebuildOf(whole, { isOnlyVerified: true })).differences).toEqual([]);
    expect(await hasBuildSchema(whole)).toBe(false);
  }, TEST_MS);

  test("a verification touches nothing, and tells what differs", async () => {
    await whole.database.sql`update meteor set vgeo_km_s = 1 where id = ${ID(1)}`;
    await whole.database.sql`delete from meteor where id = ${ID(2)}`;
    const [before, checksums] = [
      await placesOf(whole),
      await checksumProjections(whole.database.sql),
    ];
    const { isApplied, differences, losses } = await rebuildOf(whole, { isOnlyVerified: true });
    expect({ isApplied, losses }).toEqual({ isApplied: false, losses: [] });
    expect(differences).toHaveLength(1);
    expect(differences[0]).toMatch(
      new RegExp(`1 only in the log \\(${ID(2)}\\), 1 with other values \\(${ID(1)}\\)`),
    );
    expect(await checksumProjections(whole.database.sql)).toEqual(checksums);
    expect(await placesOf(whole)).toEqual(before);
    await rebuildOf(whole);
  }, TEST_MS);

  test("rows that are right are not written again; damage by hand is repaired", async () => {
    const { sql } = whole.database;
    const before = await placesOf(whole);
    await rebuildOf(whole);
    expect(await placesOf(whole)).toEqual(before);

    const right = await checksumProjections(sql);
    const members = () =>
      sql`select distinct file, generated_at, id from source_file_member, unnest(ids) as id order by 1, 2, 3`;
    const membersBefore = await members();
    expect(membersBefore).not.toHaveLength(0);
    await sql`update meteor set vgeo_km_s = 1, value_digest = 1 where id = ${ID(1)}`;
    await sql`update meteor set topic_offset = 0, value_digest = value_digest where id = ${ID(2)}`;
    await sql`delete from participating_station where meteor_id = ${ID(3)}`;
    await sql`update iau_shower set codes = '{}', code = null`;
    await sql`delete from ingestion_run`;
    await sql`truncate meteor_generation, run_loaded, source_file_member, station`;
    await rebuildOf(whole);
    expect(await checksumProjections(sql)).toEqual(right);
    expect(await members()).toEqual(membersBefore);
  }, TEST_MS);

  test("grants, a user's view and indexes survive", async () => {
    const { sql } = whole.database;
    await sql`create view fast_meteors as select id from meteor where vgeo_km_s > 1`;
    await sql`grant select on meteor to public`;
    const objects = () =>
      sql`select oid, relname, relacl::text, relfilenode from pg_class where relnamespace = 'public'::regnamespace order by oid`;
    const before = await objects();
    const [seen] = await sql`select count(*) from fast_meteors`;
    await sql`delete from meteor where id < ${ID(2)}`;
    await rebuildOf(whole);
    expect(await objects()).toEqual(before);
    expect((await sql`select count(*) from fast_meteors`)[0]).toEqual(seen);
    await sql`drop view fast_meteors`;
  }, TEST_MS);

  test(
    "fewer trajectories, runs or dead letters in the log are refused with their numbers",
    async () => {
      const { sql } = whole.database;
      const n = await meteors(whole);
      await sql`
      insert into meteor (id, topic_partition, topic_offset) values ('only here 1', 0, 1), ('only here 2', 0, 1)`;
      await sql`
      insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
      values ('only here', 'daily', '{}', 'completed', 'cli', now(), 0)`;
      await sql`insert into dead_letter (id, at, stage, reason) values ('only here', now(), 'read', 'none')`;
      const before = await placesOf(whole);
      const { report, message } = await refusal(whole);
      expect(report.losses).toEqual([
        `2 of ${n + 2} trajectories of the data store are not in the log: only here 1, only here 2`,
        expect.stringMatching(/^1 of \d+ dead letters of the data store .*: only here$/),
        expect.stringMatching(/^1 of \d+ runs of the data store are not in the log: only here$/),
      ]);
      expect(message).toContain(report.losses[0]);
      expect(await placesOf(whole)).toEqual(before);

      const command = new RebuildProcess(whole);
      expect(await command.ended).toBe(1);
      expect(command.said).toContain(report.losses[0]);
      expect(command.said).toMatch(/hint: .*--accept-loss/);
      expect(await placesOf(whole)).toEqual(before);

      const accepted = new RebuildProcess(whole, ["--accept-loss"]);
      expect(await accepted.ended).toBe(0);
      expect(accepted.said).toMatch(/accepted:\n {2}2 of \d+ trajectories/);
      expect(await meteors(whole)).toBe(n);
    },
    TEST_MS,
  );

  test("a run publishes meanwhile, and the service loads it", async () => {
    const { sql } = whole.database;
    await sql`delete from meteor where id = ${ID(1)}`;
    const [run] = await Promise.all([
      whole.run("/backfill", { month: "2026-11" }),
      rebuildOf(whole),
    ]);
    expect(run.state).toBe("completed");
    await caughtUp(whole);
    expect(await sql`select from meteor where id = ${ID(1)}`).toHaveLength(1);
  }, TEST_MS);

  test("a reader never waits, and sees the old tables or the new ones", async () => {
    const { sql } = whole.database;
    const all = await meteors(whole);
    await sql`delete from meteor where id in (select id from meteor order by id limit 50)`;
    const reader = connectStore({
      url: whole.database.url,
      max: 1,
      applicationName: "reader",
      observe: unobserved,
    });
    const seen = new Set<number>();
    let reads = 0;
    let isOver = false;
    await reader.sql`set statement_timeout = '2s'`;
    const reading = (async () => {
      while (!isOver) {
        const [row] = await reader.sql<{ n: number }[]>`
          select count(*)::int as n from meteor as m
          where exists (select from participating_station as p where p.meteor_id = m.id)`;
        seen.add(row!.n);
        reads++;
      }
    })();
    await rebuildOf(whole);
    const atEnd = reads;
    await until("the reader has read once more", () => reads > atEnd + 1);
    isOver = true;
    await reading;
    await reader.close();
    expect([...seen]).toEqual([all - 50, all]);
  }, TEST_MS);

  test(
    "a kill -9 while the tables are built, or in the middle of the replacement, changes nothing",
    async () => {
      const { sql } = whole.database;
      const right = await checksumProjections(sql);
      await sql`update meteor set vgeo_km_s = 1 where id in (${ID(1)}, ${ID(2)}, ${ID(3)})`;
      await sql`delete from ingestion_run_event`;
      const damaged = await checksumProjections(sql);

      const first = new RebuildProcess(whole);
      await until("the build has begun", () => hasBuildSchema(whole), TEST_MS);
      await first.kill();
      expect(await checksumProjections(sql)).toEqual(damaged);

      // The replacement comes as far as a row that somebody else has locked.
      const blocked = Promise.withResolvers<void>();
      const other = sql.begin(async (transaction) => {
        await transaction`select from meteor where id = ${ID(3)} for update`;
        await blocked.promise;
      });
      const second = new RebuildProcess(whole);
      await until("the replacement waits", async () =>
        (await sql`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like 'UPDATE%meteor%'`)
          .length > 0, TEST_MS);
      // Readers do not wait for it.
      expect(await checksumProjections(sql)).toEqual(damaged);
      await second.kill();
      blocked.resolve();
      await other;
      await until("PostgreSQL has noticed", async () =>
        (await sql`
        select from pg_stat_activity
        where datname = current_database() and application_name like 'gmn rebuild%' and state like '%transaction%'`)
          .length === 0, TEST_MS);
      expect(await checksumProjections(sql)).toEqual(damaged);

      // What they left is in nobody's way.
      expect(await hasBuildSchema(whole)).toBe(true);
      await whole.restart();
      await rebuildOf(whole);
      expect(await checksumProjections(sql)).toEqual(right);
    },
    TEST_MS,
  );

  test("a crash of PostgreSQL, which empties the tables of the build, ends it", async () => {
    const { sql } = whole.database;
    const schemas = await createBuildSchema(sql, ["meteor"]);
    await assertStillOurs(sql, schemas);
    const emptied = await sql<{ name: string }[]>`
      select format('%I.%I', ${BUILD_SCHEMA}::text, relname) as name from pg_class
      where relnamespace = ${BUILD_SCHEMA}::regnamespace and relkind = 'r' and relpersistence = 'u'`;
    await sql.unsafe(`truncate ${emptied.map(({ name }) => name).join(", ")}`);
    await expect(assertStillOurs(sql, schemas)).rejects.toThrow(/PostgreSQL has crashed/);
    await dropBuildSchema(sql);
  });

  test("one at a time", async () => {
    const first = Promise.withResolvers<void>();
    const rebuilding = rebuildOf(whole, { onProgress: () => first.resolve() });
    await first.promise;
    await expect(rebuildOf(whole)).rejects.toThrow(/another rebuild of this database/);
    await rebuilding;
  }, TEST_MS);

  test("somebody else's schema of that name is left alone", async () => {
    const { sql } = whole.database;
    await sql.unsafe(`create schema ${BUILD_SCHEMA}`);
    await expect(rebuildOf(whole)).rejects.toThrow(/a schema gmn_rebuild of .* that no rebuild/);
    await sql.unsafe(`drop schema ${BUILD_SCHEMA}`);
  }, TEST_MS);

  test("a role that may not create schemas is refused, and told what to grant", async () => {
    const { sql, url } = whole.database;
    const role = `gmn_test_role_${process.pid}`;
    await sql.unsafe(`create role ${role} login password 'secret'`);
    const theirs = new URL(url);
    theirs.username = role;
    theirs.password = "secret";
    const store = connectStore({
      url: theirs.href,
      max: 1,
      applicationName: "test",
      observe: unobserved,
    });
    try {
      await expect(createBuildSchema(store.sql, ["meteor"])).rejects.toMatchObject({
        message: expect.stringMatching(/may not create schemas in the database/),
        hint: expect.stringMatching(/GRANT CREATE ON DATABASE/),
      });
    } finally {
      await store.close();
      await sql.unsafe(`drop role ${role}`);
    }
  }, TEST_MS);
});

describe("with a log that has lost something", () => {
  let whole: TestService;
  beforeEach(async () => {
    whole = await startWithData();
  }, TEST_MS);
  afterEach(() => whole[Symbol.asyncDispose](), TEST_MS);

  test("a gap and an unreadable batch are refused, until they are accepted", async () => {
    const [, gap, damaged] = await appendEach(whole, [1, 2, 3, 4]);
    await whole.whileStopped(() => {
      const broker = join(whole.config.dataDirectory, "broker");
      replaceBatch(broker, raw, PARTITION, gap!, null);
      flipBit(broker, raw, PARTITION, damaged!);
      return Promise.resolve();
    });
    const n = await meteors(whole);
    const before = await placesOf(whole);
    const { report } = await refusal(whole);
    expect(report.losses).toEqual([
      `2 of ${n} trajectories of the data store are not in the log: ${ID(2)}, ${ID(3)}`,
      expect.stringMatching(
        new RegExp(`^${raw}-1: 1 record batch can't be read, offset ${damaged}: .*checksum`),
      ),
      `${raw}-1: records are missing, offset ${gap}`,
    ]);
    expect(report.newDeadLetters).toBe(1);
    expect(await placesOf(whole)).toEqual(before);
    // Nothing is published before it is decided.
    const verified = await rebuildOf(whole, { isOnlyVerified: true });
    expect(verified.losses).toEqual(report.losses);
    await caughtUp(whole);
    expect(await whole.database.sql`select from dead_letter where stage = 'fetch'`).toEqual([]);

    // The trajectories come again: nothing is missing any more, but a range of the log is.
    await appendEach(whole, [2, 3]);
    expect((await refusal(whole)).report.losses).toHaveLength(2);
    const { ungated, guard } = whole.service.parts.running!.log;
    for (const offset of [gap!, damaged!].map(BigInt)) {
      await appendLogIdentityEvent(ungated, {
        type: "repaired",
        logId: guard!.state!.boundLogId!,
        at: new Date(),
        topic: raw,
        partition: PARTITION,
        firstOffset: offset,
        lastOffset: offset,
        republished: 1,
        lost: 0,
      });
    }
    const covered = await rebuildOf(whole, { isOnlyVerified: true });
    // A batch that was repaired gets no dead letter: the log has its records again.
    expect(covered).toMatchObject({ losses: [], newDeadLetters: 0 });

    expect(await rebuildOf(whole)).toMatchObject({ isApplied: true, newDeadLetters: 0 });
    expect(await meteors(whole)).toBe(n);
    await caughtUp(whole);
    expect(await whole.database.sql`select from dead_letter where stage = 'fetch'`).toEqual([]);
  }, TEST_MS);
});
