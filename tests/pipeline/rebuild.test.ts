/**
 * A rebuild gives the same tables as live loading, whatever the log contains.
 * What it refuses, and what happens around it, is in tests/recovery/rebuild.test.ts.
 */
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateDataDirectory } from "../../sample/generate.ts";
import { DEAD_LETTER, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { startService } from "../../src/service/service.ts";
import {
  checksumProjections,
  PROJECTED_TOPICS,
  tablesOf,
  topicsToBuild,
} from "../../src/store/projections.ts";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { SAMPLE, startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

const ID = (n: number) => `202601010000${String(n).padStart(2, "0")}_rebld`;

/** Runs on two generations of files, with bad lines, and a run that finds nothing new. */
async function runs(whole: TestService): Promise<void> {
  await whole.run("/backfill", { all: true });
  await generateDataDirectory({
    directory: whole.sourceFolder,
    ...SAMPLE,
    lastDay: new Date(SAMPLE.lastDay.getTime() + 1000),
    changes: [{ windowsBack: 2, stationsAdded: 2, sigmasChanged: 3 }],
  });
  const month = join(whole.sourceFolder, "monthly/traj_summary_monthly_202611.txt");
  const lines = (await readFile(month, "latin1")).split("\n");
  const data = lines.findIndex((line) => /^\r?\d{14}_/.test(line));
  lines[data + 2] = "garbage";
  lines[data + 5] = lines[data + 5]!.replace(/; [^;]*; 2026-/, "; not a date; 2026-");
  await writeFile(month, lines.join("\n"), "latin1");
  await whole.run("/backfill", { month: "2026-11" });
  // The older generation again, from another file.
  await whole.run("/backfill", { all: true });
  await whole.run("/backfill", { all: true });
}

/** Records of other programs: good, bad, withdrawn, restored, of older and newer generations. */
async function foreignRecords(whole: TestService): Promise<void> {
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const record = (n: number, values = {}, headers: Record<string, string> = {}) => ({
    key: ID(n),
    value: wire(id, pythonBody(summaryOf(ID(n), values))),
    headers,
  });
  const generated = (time: string) => ({ "gmn-source-generated-at": time });
  const withdrawn = (n: number) => ({ key: ID(n), value: null });
  await append(whole.kafka, [
    record(1),
    record(1, { vgeo_km_s: 31.5 }),
    record(2),
    withdrawn(2),
    record(3),
    withdrawn(3),
    record(3),
    withdrawn(99),
    record(4, { vgeo_km_s: 3 }, generated("2026-03-03T00:00:00Z")),
    record(4, { vgeo_km_s: 3 }, generated("2026-05-05T00:00:00Z")),
    record(4, { vgeo_km_s: 4 }, generated("2026-04-04T00:00:00Z")),
    record(5, { iau_no: 9001, iau_code: "M25A1" }),
    record(6, { iau_no: 9001, iau_code: "M26B2", beginning_utc_time: 1_767_225_600_000_000 }),
    { key: "bytes", value: Buffer.from("hello") },
    record(7, { iau_code: "G\0M" }),
    record(8, { iau_no: 2 ** 40 }),
    { key: null, value: null },
    record(9, { participating_stations: null, num_stat: null }),
  ]);
}

/** A list with a shower that the data has under another code, and one that the data does not have. */
async function showerList(whole: TestService): Promise<void> {
  const of = { status: 1, source: "a test" };
  await whole.service.parts.running!.log.publishShowers([
    { number: 4, code: "GMN", name: "Geminids by another code", ...of },
    { number: 8999, code: "XYZ", name: "Nowhereids", ...of },
  ]);
}

describe("a rebuild", () => {
  let whole: TestService;
  beforeAll(async () => {
    whole = await startTestService();
    await runs(whole);
    await foreignRecords(whole);
    await showerList(whole);
    await caughtUp(whole);
    await caughtUp(whole);
  });
  afterAll(() => whole[Symbol.asyncDispose]());

  test("is tested on real data: every table of the projections has rows", async () => {
    const empty = (await checksumProjections(whole.database.sql)).filter(({ rows }) => rows === 0);
    expect(empty.map(({ table }) => table)).toEqual(["dead_letter_replay"]);
  });

  test("covers every table, except those that no topic feeds", async () => {
    const tables = await whole.database.sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`;
    const covered = (await checksumProjections(whole.database.sql)).map(({ table }) => table);
    const others = [
      "consumer_offset",
      "lease",
      "log_binding",
      "log_refill",
      "run_leader",
      "schedule_pause",
      "schema_migration",
      "shower_list_fetch",
      "source_file_member",
      "source_file_witness",
    ];
    expect(tables.map(({ name }) => name)).toEqual([...covered, ...others].toSorted());
  });

  test("of everything finds the same tables, and adds nothing to the log", async () => {
    const deadLettersBefore = await endOf(whole, DEAD_LETTER.name);
    const { records, differences, losses, newDeadLetters, isApplied } = await rebuildOf(whole);
    expect({ differences, losses, newDeadLetters, isApplied }).toEqual({
      differences: [],
      losses: [],
      newDeadLetters: 0,
      isApplied: true,
    });
    expect(records).toBeGreaterThan(whole.sample.rows);
    expect(await endOf(whole, DEAD_LETTER.name)).toBe(deadLettersBefore);
  });

  test.each(PROJECTED_TOPICS)("of %s alone finds the same tables", async (topic) => {
    const before = await checksumProjections(whole.database.sql);
    const { differences } = await rebuildOf(whole, { topics: [topic] });
    expect(differences).toEqual([]);
    expect(await checksumProjections(whole.database.sql)).toEqual(before);
  });

  test.each(PROJECTED_TOPICS)("of %s alone fills its tables when they are empty", async (topic) => {
    const { sql } = whole.database;
    const before = await checksumProjections(sql);
    const tables = tablesOf(topicsToBuild([topic]));
    await sql.unsafe(`truncate ${tables.join(", ")}`);
    const { tables: found } = await rebuildOf(whole, { topics: [topic] });
    expect(await checksumProjections(sql)).toEqual(before);
    for (const { table, added, missing, changed } of found) {
      const { rows } = before.find((each) => each.table === table)!;
      expect({ table, added, missing, changed }).toEqual({
        table,
        added: rows,
        missing: 0,
        changed: 0,
      });
    }
  });

  test("has records that were published while nobody consumed; a verification leaves them out", async () => {
    await whole.whileStopped(async () => {
      const roles = new Set(["http"] as const);
      const config = { ...whole.config, roles };
      const service = await startService({
        config,
        observer: whole.observer,
        isForOneCommand: true,
      });
      const id = await registerSchema({ service }, PYTHON_SCHEMA);
      const kafka = createKafka(
        { brokers: service.addresses.brokers, clientId: "test" },
        unobserved,
      );
      await append(kafka, [
        { key: ID(20), value: wire(id, pythonBody(summaryOf(ID(20)))) },
        { key: ID(2), value: wire(id, pythonBody(summaryOf(ID(2), { vgeo_km_s: 33 }))) },
      ]);
      await service.stop("more is on the log");
      const verified = await rebuildOf(whole, { isOnlyVerified: true });
      expect(verified.differences).toEqual([]);
      const { tables } = await rebuildOf(whole);
      expect(tables.find(({ table }) => table === "meteor")).toMatchObject({
        added: 1,
        changed: 1,
        missing: 0,
      });
      expect(await whole.database.sql`select from meteor where id = ${ID(20)}`).toHaveLength(1);
    });
    await caughtUp(whole);
    expect((await rebuildOf(whole)).differences).toEqual([]);
  });

  test("repairs manual changes", async () => {
    await whole.database.sql`update meteor set vgeo_km_s = 1 where id = ${ID(1)}`;
    const { differences } = await rebuildOf(whole, { topics: [TRAJECTORY_SUMMARY_RAW.name] });
    expect(differences).toEqual([
      expect.stringMatching(/^meteor: \d+ rows, \d+ by the log; 1 with other values \(20260101/),
    ]);
    const [row] = await whole.database.sql`select vgeo_km_s from meteor where id = ${ID(1)}`;
    expect(row!.vgeo_km_s).toBe(31.5);
  });
});

async function endOf(whole: TestService, topic: string): Promise<string> {
  const admin = whole.kafka.admin();
  await admin.connect();
  const [first] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return first!.high;
}
