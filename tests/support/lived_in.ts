/**
 * A data store that has lived: generations of files, changes, withdrawals, dead letters (one replayed), an upload, a failed run, records of
 * other programs, a list of showers. And what it has, without what differs by nature when it was built from another log.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generateDataDirectory } from "../../sample/generate.ts";
import { createKeyPartitioner } from "@gmn/kafka-formats";
import { ReplayDesk } from "../../src/dead_letters/replay_desk.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { deadLetterTable } from "../../src/store/dead_letters.ts";
import type { Sql } from "../../src/store/connection.ts";
import { idsOf, rowLines, summaryText } from "../producer/summary_text.ts";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "./foreign_producer.ts";
import { SAMPLE, type TestService } from "./service.ts";
import { summaryOf } from "./trajectories.ts";

/** An id whose key belongs to partition 1, the one that `append` writes to. */
function id(n: number): string {
  const partitionOf = createKeyPartitioner(TRAJECTORY_SUMMARY_RAW.partitions);
  for (let suffix = 0;; suffix++) {
    const id = `202601010000${String(n).padStart(2, "0")}_lv${String(suffix).padStart(3, "0")}`;
    if (partitionOf(id) === 1) return id;
  }
}

/** Times of the source's runs, as hours of one day. */
const at = (hour: number) => `2026-11-21T${String(hour).padStart(2, "0")}:00:00Z`;

/** A window whose trajectories are known. */
export interface KnownWindow {
  readonly path: string;
  readonly lines: readonly string[];
  readonly ids: readonly string[];
}

/** Writes a window's file of these lines. */
export async function writeWindow(
  whole: TestService,
  path: string,
  lines: readonly string[],
  hour: number,
): Promise<void> {
  await mkdir(dirname(join(whole.sourceFolder, path)), { recursive: true });
  await writeFile(join(whole.sourceFolder, path), summaryText(lines, at(hour)));
}

/** Waits until the withdrawals of all runs so far are made and loaded. */
export async function withdrawn(whole: TestService): Promise<void> {
  await whole.service.parts.running!.runs!.withdrawals.settle();
  await caughtUp(whole);
}

/** Lets a service live through all of that. @returns a window of which the first trajectory has been withdrawn */
export async function live(whole: TestService): Promise<KnownWindow> {
  await whole.run("/backfill", { all: true });
  await changeFiles(whole);
  await whole.run("/backfill", { all: true });
  const window = await withdrawOne(whole);
  await writeWindow(whole, "monthly/traj_summary_monthly_202603.txt", [], 1);
  await writeFile(
    join(whole.sourceFolder, "monthly/traj_summary_monthly_202603.txt"),
    "no file of ours",
  );
  await whole.run("/backfill", { month: "2026-03" });
  await upload(whole);
  await otherPrograms(whole);
  await replayed(whole);
  await whole.service.parts.running!.log.publishShowers([
    { number: 4, code: "GMN", name: "Geminids by another code", status: 1, source: "a test" },
  ]);
  await withdrawn(whole);
  await caughtUp(whole);
  return window;
}

/** A newer generation with changed rows, and lines that can't be read. */
async function changeFiles(whole: TestService): Promise<void> {
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
  await writeFile(month, lines.join("\n"), "latin1");
}

async function withdrawOne(whole: TestService): Promise<KnownWindow> {
  const path = "daily/traj_summary_20260114_solrange_237.0-238.0.txt";
  const lines = rowLines(12, 99);
  await writeWindow(whole, path, lines, 1);
  await whole.run("/extract", { days: 366 });
  await writeWindow(whole, path, lines.slice(1), 7);
  await whole.run("/extract", { days: 366 });
  await withdrawn(whole);
  return { path, lines, ids: idsOf(lines) };
}

async function upload(whole: TestService): Promise<void> {
  const answer = await whole.api("/trajectories?name=night.txt", {
    method: "POST",
    body: summaryText(rowLines(5, 123)),
  });
  const { run_id } = await answer.json() as { run_id: string };
  await whole.next("run.loaded", ({ runId }) => runId === run_id);
}

async function otherPrograms(whole: TestService): Promise<void> {
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const record = (n: number, values = {}, headers: Record<string, string> = {}) => ({
    key: id(n),
    value: wire(schemaId, pythonBody(summaryOf(id(n), values))),
    headers,
  });
  const generated = (time: string) => ({ "gmn-source-generated-at": time });
  const withdrawn = (n: number, headers = {}) => ({ key: id(n), value: null, headers });
  await append(whole.kafka, [
    record(1),
    record(1, { vgeo_km_s: 31.5 }),
    record(2),
    withdrawn(2),
    record(3),
    withdrawn(3),
    record(3),
    // A newer generation with the same values, and an older one with others.
    record(4, { vgeo_km_s: 3 }, generated("2026-03-03T00:00:00Z")),
    record(4, { vgeo_km_s: 3 }, generated("2026-05-05T00:00:00Z")),
    record(4, { vgeo_km_s: 4 }, generated("2026-04-04T00:00:00Z")),
    // Withdrawn twice, by a newer generation the second time.
    record(5, {}, generated("2026-03-03T00:00:00Z")),
    withdrawn(5, generated("2026-04-04T00:00:00Z")),
    withdrawn(5, generated("2026-05-05T00:00:00Z")),
    // Without a generation, after one that had one.
    record(6, { vgeo_km_s: 5 }, generated("2026-03-03T00:00:00Z")),
    record(6, { vgeo_km_s: 6 }),
    record(7, { iau_no: 9001, iau_code: "M25A1" }),
    record(8, { iau_no: 9001, iau_code: "M26B2", beginning_utc_time: 1_767_225_600_000_001 }),
    record(9, { iau_no: -1, iau_code: "...", participating_stations: null, num_stat: null }),
    { key: "bytes", value: wire(schemaId, new Uint8Array([1, 2, 3])) },
  ]);
  await caughtUp(whole);
  await caughtUp(whole);
}

/** A record that the database refused first; then it is replayed, and changed once more. */
async function replayed(whole: TestService): Promise<void> {
  const { sql } = whole.database;
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const record = (n: number, vgeo_km_s: number) => ({
    key: id(n),
    value: wire(schemaId, pythonBody(summaryOf(id(n), { vgeo_km_s }))),
  });
  await sql.unsafe(`alter table meteor add constraint slow check (vgeo_km_s < 170) not valid`);
  await append(whole.kafka, [record(20, 171), record(21, 172)]);
  await caughtUp(whole);
  await caughtUp(whole);
  await sql.unsafe(`alter table meteor drop constraint slow`);
  const { store, log } = whole.service.parts.running!;
  const desk = new ReplayDesk({
    table: deadLetterTable((question) => question(store.sql)),
    publisher: log.publisher,
    registry: log.registry,
    observe: whole.observer.observe,
  });
  const counts = await desk.replayAll({ stage: "load", reason: "CHECK constraint" });
  if (counts.published !== 2) throw new Error(`replayed ${JSON.stringify(counts)}`);
  await append(whole.kafka, [record(21, 50)]);
  await caughtUp(whole);
}

/** Adds copies of a trajectory, as many as make several pages. */
export async function addCopies(sql: Sql, id: string, count: number): Promise<void> {
  await sql.unsafe(
    `insert into meteor select (jsonb_populate_record(m, jsonb_build_object('id', m.id || '_' || n))).*
    from meteor m cross join generate_series(1, ${count}) as n where m.id = $1`,
    [id],
  );
  await sql`
    insert into participating_station
    select m.id, unnest(m.participating_stations) from meteor m where starts_with(m.id, ${id} || '_')`;
}

/** Places in a log, and times at which rows were written here. */
const BY_NATURE = [
  "topic_offset",
  "last_event_offset",
  "event_offset",
  "next_offsets",
  "created_at",
  "updated_at",
  // That of a record of another program is of its own schema id.
  "value_digest",
];
const TABLES = [
  "meteor",
  "participating_station",
  "station",
  "iau_shower",
  "run_loaded",
  "dead_letter_replay",
  "dead_letter",
  "ingestion_run",
  "ingestion_run_file",
  "ingestion_file",
  "iau_shower_list",
];

/** The rows of every table, in any order but always the same one. */
export async function contentOf(sql: Sql): Promise<Record<string, string[]>> {
  const content: Record<string, string[]> = {};
  for (const table of TABLES) {
    const rows = await sql<{ row: string }[]>`
      select (to_jsonb(t) - ${BY_NATURE}::text[])::text as row from ${sql(table)} as t`;
    content[table] = rows.map(({ row }) => row).toSorted();
  }
  // Not those that are older than their rows, of which nothing depends.
  const generations = await sql<{ row: string }[]>`
    select to_jsonb(g)::text as row from meteor_generation g join meteor m on m.id = g.meteor_id
    where (g.generated_at <= m.source_generated_at) is not true`;
  content.meteor_generation = generations.map(({ row }) => row).toSorted();
  // Not those of other programs and of copies: they are digests of other bytes than a refill publishes.
  content.value_digest = (await digestsOf(sql)).filter((row) => !/_lv|^\w+_\w+_\d/.test(row));
  const history = await sql<{ row: string }[]>`
    select (to_jsonb(e) - ${BY_NATURE}::text[])::text as row
    from ingestion_run_event e order by run_id, event_offset`;
  content.ingestion_run_event = history.map(({ row }) => row);
  const members = await sql<{ row: string }[]>`
    select distinct concat_ws(' ', s.file, s.generated_at, u.id) as row
    from source_file_member s cross join unnest(s.ids) as u (id)
    join meteor m on m.id = u.id where m.withdrawn_at is null order by 1`;
  content.source_file_member = members.map(({ row }) => row);
  return content;
}

/** The trajectories with the digests of their records. */
export async function digestsOf(sql: Sql): Promise<string[]> {
  const rows = await sql<{ row: string }[]>`
    select concat_ws(' ', id, value_digest, line_digest) as row from meteor order by id`;
  return rows.map(({ row }) => row);
}

/** How the contents differ: per table, the rows of only one of them; of rows that differ, only the columns that do. */
export function differencesOf(
  before: Readonly<Record<string, readonly string[]>>,
  after: Readonly<Record<string, readonly string[]>>,
): string[] {
  return Object.keys(before).flatMap((table) => {
    const [was, is] = [before[table]!, after[table] ?? []];
    const [wasIn, isIn] = [new Set(was), new Set(is)];
    const gone = was.filter((row) => !isIn.has(row));
    const come = is.filter((row) => !wasIn.has(row));
    if (gone.length === 0 && come.length === 0) {
      return was.join() === is.join() ? [] : [`${table}: another order`];
    }
    return [...gone.slice(0, SHOWN), ...come.slice(0, SHOWN)].map((row, at) => {
      const isGone = at < Math.min(gone.length, SHOWN);
      return `${table}: ${isGone ? "-" : "+"} ${inShort(row, isGone ? come : gone)}`;
    });
  });
}

const SHOWN = 3;

/** A row without the columns that it has in common with the row of the same key among the others. */
function inShort(row: string, others: readonly string[]): string {
  if (!row.startsWith("{")) return row;
  const fields = JSON.parse(row) as Record<string, unknown>;
  const key = Object.keys(fields).find((name) => /^(id|.*_id|code|number|file)$/.test(name)) ?? "";
  const other = others.map((text) => JSON.parse(text) as Record<string, unknown>)
    .find((other) => JSON.stringify(other[key]) === JSON.stringify(fields[key]));
  const differing = Object.entries(fields).filter(([name, value]) =>
    name === key || other === undefined || JSON.stringify(other[name]) !== JSON.stringify(value)
  );
  return JSON.stringify(Object.fromEntries(differing));
}
