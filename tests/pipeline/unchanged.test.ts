/** Files that are generated again, end to end: what is published, what is counted, and that a rebuild gives the same tables. */
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { readLog } from "../../src/events/log_reader.ts";
import { valueDigest } from "../../src/store/value_digest.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import { decodeTrajectoryIds } from "../../src/wire_format/trajectory_ids.ts";
import { idsOf, rowLines, summaryText } from "../producer/summary_text.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";

const WINDOW = "daily/traj_summary_20261121_solrange_239.0-240.0.txt";
const LINES = rowLines(300);
const QC = TRAJECTORY_FIELDS.findIndex(({ name }) => name === "qc_deg");
const never = new AbortController().signal;
const at = (hour: number) => `2026-11-22T${String(hour).padStart(2, "0")}:00:00Z`;

let whole: TestService;
beforeAll(async () => {
  whole = await startTestService({ sample: null });
});
afterAll(() => whole[Symbol.asyncDispose]());

async function put(lines: readonly string[], hour: number, more = "", path = WINDOW) {
  await mkdir(dirname(join(whole.sourceFolder, path)), { recursive: true });
  await writeFile(join(whole.sourceFolder, path), summaryText(lines, at(hour)) + more);
}
const read = async () => (await whole.run("/extract", { days: 366 })).rows;
function changed(line: string): string {
  const cells = line.split(";");
  cells[QC] = "  1.25";
  return cells.join(";");
}

/** The records of the topic since the last call. */
let seen = new Map<number, bigint>();
async function newRecords() {
  const { log } = whole.service.parts.running!;
  const { name: topic } = TRAJECTORY_SUMMARY_RAW;
  const marks = (await log.probe.watermarks([topic])).get(topic)!;
  const found: { key: string; digest: bigint; ids: string[] | null; bytes: number }[] = [];
  await readLog({
    kafka: whole.kafka,
    signal: never,
    ranges: [...marks].map(([partition, { high }]) => (
      { topic, partition, from: seen.get(partition) ?? 0n, to: high }
    )),
    onRecords: ({ records }) => {
      for (const { key, value, headers, size_bytes } of records) {
        const ids = headers[HEADERS.unchanged];
        found.push({
          key: String(key),
          digest: valueDigest(value!),
          ids: ids === undefined ? null : decodeTrajectoryIds(ids as Uint8Array),
          bytes: size_bytes,
        });
      }
    },
  });
  seen = new Map([...marks].map(([partition, { high }]) => [partition, high]));
  return found;
}

test("a file that is generated again adds what changed, and one record of each partition for the rest", async () => {
  await put(LINES, 1);
  expect(await read()).toMatchObject({ read: 300, published: 300, unchanged: 0, loaded: 300 });
  const first = await newRecords();
  const digests = new Map(first.map(({ key, digest }) => [key, digest]));

  await put(LINES, 7);
  expect(await read()).toEqual({
    read: 300,
    published: 0,
    unchanged: 300,
    rejected: 0,
    loaded: 0,
    dead: 0,
    ...{ new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 },
  });
  const again = await newRecords();
  expect(again).toHaveLength(3);
  expect(again.flatMap(({ ids }) => ids ?? []).toSorted()).toEqual(idsOf(LINES).toSorted());
  // A consumer that does not know the header sees a repeat.
  for (const { key, digest, ids } of again) {
    expect(digests.get(key)).toBe(digest);
    expect(ids).toContain(key);
  }
  const bytes = (records: typeof first) => records.reduce((sum, one) => sum + one.bytes, 0);
  expect(bytes(again)).toBeLessThan(bytes(first) / 20);

  await put([...LINES.slice(0, 285), ...LINES.slice(285).map(changed)], 13, "no row\n\r");
  expect(await read()).toMatchObject({
    read: 301,
    published: 15,
    unchanged: 285,
    rejected: 1,
    loaded: 15,
    ...{ new: 0, changed: 15, repeated: 0 },
  });
  expect(await newRecords()).toHaveLength(15 + 3);
  const { sql } = whole.database;
  expect(await sql`select count(*)::integer as n from meteor where qc_deg = 1.25`).toEqual([
    { n: 15 },
  ]);
  expect(
    await sql`
      select count(*)::integer as n from meteor m join meteor_generation g on g.meteor_id = m.id
      where g.generated_at = ${at(13)}`,
  ).toEqual([{ n: 285 }]);
});

test("an older file with other values stays stale, and one with the same values adds nothing", async () => {
  await put(LINES.slice(0, 10).map(changed), 2, "", "monthly/traj_summary_monthly_202611.txt");
  const { rows } = await whole.run("/backfill", { month: "2026-11" });
  expect(rows).toMatchObject({ read: 10, published: 10, loaded: 10, stale: 10, changed: 0 });
  await newRecords();
  const { sql } = whole.database;
  expect(await sql`select count(*)::integer as n from meteor where qc_deg = 1.25`).toEqual([
    { n: 15 },
  ]);
  await put(LINES.slice(20, 30), 3, "", "monthly/traj_summary_monthly_202611.txt");
  const older = await whole.run("/backfill", { month: "2026-11" });
  expect(older.rows).toMatchObject({ read: 10, published: 0, unchanged: 10 });
});

test("a rebuild gives the same tables, generations included", async () => {
  const { differences } = await rebuildOf(whole, { isOnlyVerified: true });
  expect(differences).toEqual([]);
});

test("a row that somebody has changed is published, and repaired", async () => {
  const [id] = idsOf(LINES);
  const { sql } = whole.database;
  await sql`update meteor set qc_deg = 77 where id = ${id!}`;
  await put(LINES, 14);
  // 15 rows have their first values again.
  expect(await read()).toMatchObject({ published: 16, unchanged: 284 });
  expect(await sql`select from meteor where qc_deg = 77`).toHaveLength(0);
});

test("after a restart, rows that are known are still not published", async () => {
  await whole.restart();
  await put(LINES, 15);
  expect(await read()).toMatchObject({ published: 0, unchanged: 300 });
});

test("two versions of one size and one second are both read", async () => {
  // Ahead of the clock: the second in which the first is read can't be over.
  const second = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
  const path = WINDOW.replaceAll("20261121", "20261122");
  for (const lines of [LINES.slice(0, 10), LINES.slice(0, 10).map(changed)]) {
    await put(lines, 16, "", path);
    await utimes(join(whole.sourceFolder, path), second, second);
    const { file_list } = await whole.run("/extract", { days: 366 });
    expect(file_list).toContainEqual(
      expect.objectContaining({ file: path, state: "extracted" }),
    );
  }
  const { sql } = whole.database;
  expect(await sql`select from meteor where qc_deg = 1.25`).toHaveLength(10);
});
