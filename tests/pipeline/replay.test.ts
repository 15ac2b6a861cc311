/**
 * Replays of dead letters: each is stored once and marked in the same transaction, or gets its new reason.
 */
import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKeyPartitioner } from "@gmn/kafka-formats";
import type { DeadLetter, StoredDeadLetter } from "../../src/dead_letters/dead_letter.ts";
import { publishDeadLetters } from "../../src/dead_letters/dead_letter_topic.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { ReplayDesk, ReplayRefused } from "../../src/dead_letters/replay_desk.ts";
import { deadLetterTable, readDeadLetter } from "../../src/store/dead_letters.ts";
import {
  append,
  caughtUp,
  type ForeignMessage,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

/** An id whose key belongs to partition 1, the one that `append` writes to. */
function ID(n: number): string {
  const partitionOf = createKeyPartitioner(TRAJECTORY_SUMMARY_RAW.partitions);
  for (let suffix = 0;; suffix++) {
    const id = `202601010000${String(n).padStart(2, "0")}_rp${String(suffix).padStart(3, "0")}`;
    if (partitionOf(id) === 1) return id;
  }
}

let whole: TestService;
let schemaId: number;
beforeAll(async () => {
  whole = await startTestService();
  schemaId = await registerSchema(whole, PYTHON_SCHEMA);
});
afterAll(() => whole[Symbol.asyncDispose]());

const desk = (): ReplayDesk => {
  const { store, log } = whole.service.parts.running!;
  return new ReplayDesk({
    table: deadLetterTable((question) => question(store.sql)),
    publisher: log.publisher,
    registry: log.registry,
    observe: whole.observer.observe,
  });
};
const record = (n: number, values = {}, headers: Record<string, string> = {}): ForeignMessage => ({
  key: ID(n),
  value: wire(schemaId, pythonBody(summaryOf(ID(n), values))),
  headers,
});
const meteor = async (n: number) =>
  (await whole.database.sql`select * from meteor where id = ${ID(n)}`)[0];
const deadLetter = async (id: string): Promise<StoredDeadLetter> =>
  (await readDeadLetter(whole.database.sql, id))!;

/** Appends records, the last of which can't be stored, and returns its dead letter. */
async function fail(messages: readonly ForeignMessage[]): Promise<StoredDeadLetter> {
  const end = await append(whole.kafka, messages);
  await caughtUp(whole);
  await caughtUp(whole);
  const place = `${TRAJECTORY_SUMMARY_RAW.name}-1@${end - 1n}`;
  const [row] = await whole.database.sql<{ id: string }[]>`
    select id from dead_letter where starts_with(id, ${`${place}~`})`;
  return await deadLetter(row!.id);
}

/** Replays the dead letter, and waits until the sink has processed its record. */
async function replay(id: string, options = {}) {
  const replayed = await desk().replayOne(id, options);
  await caughtUp(whole);
  await caughtUp(whole);
  return replayed;
}

/** A schema that is not registered yet, and the id that it will get. */
async function futureSchema(name: string): Promise<{ id: number; register: () => Promise<void> }> {
  const withField = (field: string) => ({
    ...PYTHON_SCHEMA,
    fields: [...PYTHON_SCHEMA.fields, { name: field, type: ["null", "double"], default: null }],
  });
  const id = await registerSchema(whole, withField(`${name}_before`)) + 1;
  return {
    id,
    async register() {
      expect(await registerSchema(whole, withField(name))).toBe(id);
    },
  };
}

describe("a record that could not be decoded", () => {
  test("is stored once and its dead letter marked, after its schema has been registered", async () => {
    const schema = await futureSchema("one");
    const body = Buffer.concat([pythonBody(summaryOf(ID(1))), Buffer.from([0])]);
    const failed = await fail([{
      key: ID(1),
      value: wire(schema.id, body),
      headers: { "gmn-run-id": "run-of-old", "gmn-source-file": "daily/old.txt" },
    }]);
    expect(failed).toMatchObject({ stage: "decode", replayed_at: null, run_id: "run-of-old" });
    await schema.register();

    expect(await replay(failed.id)).toEqual({ id: failed.id, outcome: "published", reason: null });
    expect(await meteor(1)).toMatchObject({ run_id: "run-of-old", source_file: "daily/old.txt" });
    expect((await deadLetter(failed.id)).replayed_at).toBeInstanceOf(Date);
    const [counts] = await whole.database.sql`
      select sum(rows_loaded)::int as loaded, sum(rows_dead)::int as dead from run_loaded where run_id = 'run-of-old'`;
    expect(counts).toEqual({ loaded: 0, dead: 1 });

    await expect(desk().replayOne(failed.id)).rejects.toThrow(ReplayRefused);
  });

  test("that fails again is the same dead letter with its new reason, and can be replayed again", async () => {
    const schema = await futureSchema("two");
    const body = Buffer.concat([pythonBody(summaryOf(ID(2))), Buffer.from([0])]);
    const failed = await fail([{ key: ID(2), value: wire(schema.id, body).subarray(0, 300) }]);
    const [before] = await whole.database.sql`select count(*) as n from dead_letter`;
    await schema.register();

    expect(await replay(failed.id)).toMatchObject({ outcome: "published" });
    const again = await deadLetter(failed.id);
    expect(again.replayed_at).toBeNull();
    expect(again.reason).not.toBe(failed.reason);
    expect(again.offset).toBeGreaterThan(failed.offset!);
    expect(again.value!.equals(failed.value!)).toBe(true);
    expect(await whole.database.sql`select count(*) as n from dead_letter`).toMatchObject([before]);
    expect(await replay(failed.id)).toMatchObject({ outcome: "published" });
    expect(await deadLetter(failed.id)).toEqual(again);
    expect(await whole.database.sql`select count(*) as n from dead_letter`).toMatchObject([before]);
  });
});

describe("records that the database refused", () => {
  test("are replayed by filter, all of them, once", async () => {
    const { sql } = whole.database;
    await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 70) not valid`);
    await fail([
      record(10, { vgeo_km_s: 71 }),
      record(11, { vgeo_km_s: 72 }),
      record(12),
      record(13, { vgeo_km_s: 73 }),
    ]);
    expect(await meteor(12)).toBeDefined();
    const filter = { stage: "load", reason: "CHECK constraint" };
    expect(await desk().count(filter)).toBe(3);
    expect(await desk().count({ ...filter, to: new Date(0) })).toBe(0);
    await sql.unsafe(`alter table meteor drop constraint slow`);

    expect(await desk().replayAll(filter)).toEqual({
      published: 3,
      failed: 0,
      superseded: 0,
      unpublished: [],
    });
    await caughtUp(whole);
    for (const n of [10, 11, 13]) {
      expect((await meteor(n))!.vgeo_km_s).toBe(61 + n - (n === 13 ? 1 : 0));
    }
    expect(await desk().count(filter)).toBe(0);
    expect(await desk().replayAll(filter)).toMatchObject({ published: 0 });
  });
});

describe("a record without a generation", () => {
  test("does not overwrite a later record of the log, unless forced", async () => {
    const schema = await futureSchema("three");
    const old = Buffer.concat([pythonBody(summaryOf(ID(20), { vgeo_km_s: 20 })), Buffer.from([0])]);
    const failed = await fail([{ key: null, value: wire(schema.id, old) }]);
    await append(whole.kafka, [record(20, { vgeo_km_s: 21 })]);
    await schema.register();
    await caughtUp(whole);

    expect(await replay(failed.id)).toMatchObject({ outcome: "superseded" });
    expect((await meteor(20))!.vgeo_km_s).toBe(21);
    expect((await deadLetter(failed.id)).replayed_at).toBeNull();
    expect(await replay(failed.id, { force: true })).toMatchObject({ outcome: "published" });
    expect((await meteor(20))!.vgeo_km_s).toBe(20);
  });
});

describe("a record of an older generation", () => {
  test("is marked as replayed, and changes nothing", async () => {
    const { sql } = whole.database;
    await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 70) not valid`);
    const generated = (time: string) => ({ "gmn-source-generated-at": time });
    const failed = await fail([record(30, { vgeo_km_s: 71 }, generated("2026-01-01T00:00:00Z"))]);
    await sql.unsafe(`alter table meteor drop constraint slow`);
    await append(whole.kafka, [record(30, { vgeo_km_s: 31 }, generated("2026-02-02T00:00:00Z"))]);
    expect(await replay(failed.id)).toMatchObject({ outcome: "published" });
    expect((await meteor(30))!.vgeo_km_s).toBe(31);
    expect((await deadLetter(failed.id)).replayed_at).toBeInstanceOf(Date);
  });
});

describe("a line that could not be read", () => {
  const lineDeadLetter = (
    id: string,
    text: string,
    columns: DeadLetter["columns"],
  ): DeadLetter => ({
    id,
    at: Date.now() * 1000,
    stage: "read",
    reason: "an earlier reader knew no better",
    field: null,
    run_id: "run-of-old",
    source_file: "daily/old.txt",
    source_line: 12,
    source_generated_at: Date.UTC(2026, 10, 20) * 1000,
    text,
    columns,
    topic: null,
    partition: null,
    offset: null,
    key: null,
    value: null,
    schema_id: null,
  });
  /** The first data line of the sample. */
  async function sampleLine(): Promise<string> {
    const file = await open(join(whole.sourceFolder, "traj_summary_all.txt"));
    try {
      for await (const line of file.readLines()) {
        if (/^\d{14}_/.test(line.trim())) return line.trim();
      }
      throw new Error("the sample has no data");
    } finally {
      await file.close();
    }
  }

  test("is read again under the header of its file, and keeps where it came from", async () => {
    const line = await sampleLine();
    const id = line.slice(0, 20);
    const { log } = whole.service.parts.running!;
    await publishDeadLetters(log.publisher, [
      lineDeadLetter("file:daily/old.txt@x#12", line, null),
      lineDeadLetter("file:daily/old.txt@x#13", line.split(";").slice(0, 4).join(";"), [
        "unique_trajectory_identifier",
        "beginning_julian_date",
        null,
        "iau_no",
      ]),
    ]);
    await caughtUp(whole);
    expect(await replay("file:daily/old.txt@x#12")).toMatchObject({ outcome: "published" });
    const [row] = await whole.database.sql`select * from meteor where id = ${id}`;
    expect(row).toMatchObject({
      source_file: "daily/old.txt",
      source_line: 12n,
      source_generated_at: new Date(Date.UTC(2026, 10, 20)),
      run_id: "run-of-old",
    });
    expect(row!.vgeo_km_s).not.toBeNull();
    expect((await deadLetter("file:daily/old.txt@x#12")).replayed_at).toBeInstanceOf(Date);

    expect(await replay("file:daily/old.txt@x#13")).toMatchObject({ outcome: "published" });
    const [other] = await whole.database.sql`select * from meteor where id = ${id}`;
    expect(other!.vgeo_km_s).toBeNull();
  });

  test("that still can't be read gets its new reason, and nothing is published", async () => {
    const { log } = whole.service.parts.running!;
    await publishDeadLetters(log.publisher, [
      lineDeadLetter("file:daily/old.txt@x#14", "garbage", null),
    ]);
    await caughtUp(whole);
    expect(await replay("file:daily/old.txt@x#14")).toMatchObject({
      outcome: "failed",
      reason: "1 fields where the header has 86 columns",
    });
    expect(await deadLetter("file:daily/old.txt@x#14")).toMatchObject({
      reason: "1 fields where the header has 86 columns",
      text: "garbage",
      replayed_at: null,
    });
    expect(await desk().replayAll({ stage: "read" })).toMatchObject({ failed: 1, published: 0 });
  });
});

describe("over HTTP", () => {
  const post = async (path: string, body?: unknown) => {
    const response = await whole.api(path, {
      method: "POST",
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: response.status, body: await response.json() };
  };

  test("dead letters are counted, replayed by filter, and replayed by id; a second replay is a conflict", async () => {
    const { sql } = whole.database;
    await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 70) not valid`);
    const failed = await fail([record(40, { vgeo_km_s: 71 }), record(41, { vgeo_km_s: 72 })]);
    await sql.unsafe(`alter table meteor drop constraint slow`);

    const filter = { stage: "load", from: "2026-01-01T00:00:00Z" };
    expect(await post("/dead-letters/replay?dry_run=true", filter)).toMatchObject({
      status: 200,
      body: { dry_run: true, matched: 2, published: 0 },
    });
    const path = `/dead-letters/${encodeURIComponent(failed.id)}/replay`;
    expect(await post(path)).toEqual({
      status: 202,
      body: { id: failed.id, outcome: "published", reason: null },
    });
    await caughtUp(whole);
    expect(await post(path)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("was replayed") },
    });
    expect(await post("/dead-letters/replay", filter)).toMatchObject({
      status: 202,
      body: { dry_run: false, matched: 1, published: 1, unpublished: [] },
    });
    await caughtUp(whole);
    expect((await meteor(40))!.vgeo_km_s).toBe(71);
    const listed = await (await whole.api("/dead-letters?stage=load&replayed=false")).json();
    expect(listed.dead_letters).toEqual([]);
  });

  test("ids that do not exist, and impossible filters, are refused", async () => {
    expect(await post("/dead-letters/nobody/replay")).toMatchObject({ status: 404 });
    expect(await post("/dead-letters/replay", { stages: "load" })).toMatchObject({ status: 400 });
    expect(await post("/dead-letters/replay?dry_run=perhaps", {})).toMatchObject({ status: 400 });
  });
});

test("an unknown id finds no dead letter", async () => {
  expect(await desk().replayOne("trajectory_summary_raw-1@999999")).toBeNull();
});

test("a rebuild produces the same dead letters, marked at the same times, and the same meteors", async () => {
  const { sql } = whole.database;
  // Except for their place in the log: a rebuild loads a record that failed once and is valid now from its original place.
  const meteors = () =>
    sql`
    select md5(string_agg((to_jsonb(m) - ${[
      "created_at",
      "updated_at",
      "topic_partition",
      "topic_offset",
    ]}::text[])::text,
      '' order by id)) as checksum from meteor as m`;
  const before = await meteors();
  const { differences } = await rebuildOf(whole);
  expect(differences!.map((line) => line.split(":")[0])).toEqual(["meteor", "run_loaded"]);
  expect(await meteors()).toEqual(before);
  const [row] = await sql`select count(*)::int as n from dead_letter_replay`;
  expect(row!.n).toBeGreaterThan(5);
});

test("dead letters of a clock that was ahead are replayed with the others, each once", async () => {
  const { sql } = whole.database;
  await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 70) not valid`);
  const failed = await fail([record(50, { vgeo_km_s: 71 }), record(51, { vgeo_km_s: 72 })]);
  await sql`update dead_letter set at = now() + interval '1 day' where id = ${failed.id}`;
  expect(await desk().count({ stage: "load" })).toBe(2);
  expect(await desk().replayAll({ stage: "load" })).toMatchObject({ published: 2 });
  await caughtUp(whole);
  // The constraint is still there: they have failed again.
  expect(await desk().count({ stage: "load" })).toBe(2);
  await sql.unsafe(`alter table meteor drop constraint slow`);
  expect(await desk().replayAll({ stage: "load" })).toMatchObject({ published: 2 });
  await caughtUp(whole);
  expect(await desk().count({ stage: "load" })).toBe(0);
});
