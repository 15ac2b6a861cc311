/**
 * `deno task backup` and `deno task restore` as processes of their own: beside a service that works, killed, on full disks, with
 * damaged backups. What a service loads from a restored log is compared with the source, every row.
 */
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TOPICS } from "../../src/events/topics.ts";
import { createObserver } from "../../src/observe/observe.ts";
import type { Manifest } from "../../src/service/backup_manifest.ts";
import { type Service, startService } from "../../src/service/service.ts";
import type { Sql } from "../../src/store/connection.ts";
import { readOffsets } from "../../src/store/consumer_offsets.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import { type CommandProcess, startCommand } from "../support/command_process.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { withSmallDisk } from "../support/small_disk.ts";

/** So large that a kill finds a copy in progress: it takes about a second. */
const FILLER_RECORDS = 200;
const FILLER = "x".repeat(900_000);

/** A backup, a restore and a service that loads all of it, on a machine that does other work. */
const WHOLE_MS = 180_000;

let source: TestService;
/** Awaited before the source answers a request. */
let beforeAnswer: (path: string) => Promise<void> = () => Promise.resolve();
let folder: string;
/** Number of the next folder in `folder`. */
let next = 0;
beforeAll(async () => {
  source = await startTestService({
    withSchedule: true,
    sample: { meteorsPerDay: 300 },
    fault: async (path) => {
      await beforeAnswer(path);
      return undefined;
    },
  });
  await source.run("/extract", {});
  await source.api("/schedule/pause", { method: "POST" });
  await source.database.sql`
    insert into shower_list_fetch (url, fetched_at, showers) values ('http://list', '2026-01-02', 3)`;
  const admin = source.kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "filler", numPartitions: 1 }] });
  await admin.disconnect();
  const producer = source.kafka.producer();
  await producer.connect();
  for (let i = 0; i < FILLER_RECORDS; i++) {
    await producer.send({ topic: "filler", messages: [{ value: FILLER }] });
  }
  await producer.disconnect();
});
afterAll(() => source?.[Symbol.asyncDispose]());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-backups-"));
  return () => rm(folder, { recursive: true });
});
const newFolder = () => join(folder, `${++next}`);

/** The settings of a command that works on this data directory. */
const settings = (dataDirectory: string): Record<string, string> => ({
  DATA_DIR: dataDirectory,
  BROKER: "embedded",
  DATABASE_URL: source.database.url,
});
const backup = (to: string, more: Record<string, string> = {}): CommandProcess =>
  startCommand("backup", ["--to", to], { ...settings(source.config.dataDirectory), ...more });
const restore = (from: string, dataDirectory: string): CommandProcess =>
  startCommand("restore", ["--from", from], settings(dataDirectory));

async function backedUp(): Promise<{ to: string; manifest: Manifest }> {
  const to = newFolder();
  const { code, out, err } = await backup(to).ended;
  expect(err).not.toContain("error");
  expect(out).toMatch(/: [\d,]+ records, \d+ MiB, in [\d.]+ s\n$/);
  expect(code).toBe(0);
  expect((await readdir(to)).toSorted()).toEqual(["broker.sqlite", "manifest.json"]);
  return { to, manifest: await manifestOf(to) };
}

async function manifestOf(to: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(to, "manifest.json"), "utf8"));
}

/** Starts a service on a restored log, with an empty database, and runs `look` when all of the log is loaded. */
async function whenLoaded(
  from: string,
  manifest: Manifest,
  look: (sql: Sql, service: Service) => Promise<void>,
): Promise<void> {
  const dataDirectory = newFolder();
  const { code, out, err } = await restore(from, dataDirectory).ended;
  expect(err).not.toContain("error");
  expect(out).toContain("deno task start loads the data store from it");
  expect(code).toBe(0);
  await using database = await createTestDatabase();
  const config = { ...source.config, dataDirectory, databaseUrl: database.url };
  const service = await startService({
    config,
    observer: createObserver(),
    // Runs that the copy shows as unfinished stay so: only the log is compared.
    isForOneCommand: true,
  });
  try {
    await until("everything is loaded", async () => {
      for (const { topic, partition, end } of manifest.log.partitions) {
        if (!TOPICS.some(({ name }) => name === topic) || end === 0) continue;
        const position = (await readOffsets(database.sql, topic)).get(partition) ?? 0n;
        if (position < BigInt(end)) return false;
      }
      return true;
    }, 60_000);
    await look(database.sql, service);
  } finally {
    await service.stop("the test is over");
  }
}

/** Waits until no run is at work and everything is loaded. */
async function quiet(): Promise<void> {
  await until("no run is at work", async () => {
    const { runs } = await (await source.api("/runs")).json();
    const { lag } = await (await source.api("/status")).json();
    return runs.length > 0 && runs.every(({ state }: { state: string }) =>
      !/requested|running/.test(state)
    ) &&
      lag.length > 0 && lag.every(({ lag }: { lag: number }) => lag === 0);
  }, 60_000);
}

test(
  "a service on the copy of a quiet log has every row of the source, and its pause",
  async () => {
    await quiet();
    const { to, manifest } = await backedUp();
    const expected = await checksumProjections(source.database.sql);
    expect(expected.find(({ table }) => table === "meteor")!.rows).toBeGreaterThan(100);
    await whenLoaded(to, manifest, async (sql) => {
      expect(await checksumProjections(sql)).toEqual(expected);
      const kept = (from: Sql) =>
        Promise.all([
          from`select * from schedule_pause`,
          from`select * from shower_list_fetch where url = 'http://list'`,
        ]);
      expect(await kept(sql)).toEqual(await kept(source.database.sql));
      expect((await kept(sql)).map(({ length }) => length)).toEqual([1, 1]);
    });
    const { log } = await (await source.api("/status")).json();
    expect(manifest.log.log_id).toBe(log.log_id);
  },
  WHOLE_MS,
);

/** Every row whose record is before the ends, and the record that it is from. */
async function rowsBefore(sql: Sql, { log: { partitions } }: Manifest) {
  const ends = partitions.filter(({ topic }) => topic === "trajectory_summary_raw");
  const rows: { row: string }[] = [];
  for (const { partition, end } of ends) {
    rows.push(
      ...await sql<{ row: string }[]>`
        select (to_jsonb(m) - '{created_at,updated_at}'::text[])::text as row from meteor as m
        where topic_partition = ${partition} and topic_offset < ${end} order by id`,
    );
  }
  return rows.map(({ row }) => row);
}

test(
  "a copy made during a backfill has what was acknowledged before it, and the backfill goes on",
  async () => {
    const copying = Promise.withResolvers<void>();
    // Its rows come once the copy has begun.
    beforeAnswer = (path) => path.endsWith(".txt") ? copying.promise : Promise.resolve();
    const asked = await source.api("/backfill", {
      method: "POST",
      body: JSON.stringify({ all: true }),
      headers: { "content-type": "application/json" },
    });
    const { run_id } = await asked.json();
    await source.next("run.planned", ({ runId }) => runId === run_id);
    const topic = "trajectory_summary_raw";
    const admin = source.kafka.admin();
    await admin.connect();
    const before = await admin.fetchTopicOffsets(topic);
    const to = newFolder();
    const command = backup(to);
    await until(
      "the copy has begun",
      () => readdir(`${to}.part`).then((names) => names.includes("broker.sqlite"), () => false),
    );
    copying.resolve();
    expect((await command.ended).code).toBe(0);
    await source.next("run.loaded", ({ runId }) => runId === run_id);
    await quiet();
    const after = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    const manifest = await manifestOf(to);
    const endOf = (wanted: number) =>
      manifest.log.partitions.find((one) => one.topic === topic && one.partition === wanted)!.end;
    for (const { partition, high } of before) {
      expect(endOf(partition)).toBeGreaterThanOrEqual(Number(high));
    }
    expect(after.some(({ partition, high }) => Number(high) > endOf(partition))).toBe(true);
    const expected = await rowsBefore(source.database.sql, manifest);
    expect(expected.length).toBeGreaterThan(100);
    await whenLoaded(to, manifest, async (sql) => {
      const copied = new Set(await rowsBefore(sql, manifest));
      expect(expected.filter((row) => !copied.has(row))).toEqual([]);
      const [run] = await sql`select state from ingestion_run where id = ${run_id}`;
      expect(run?.state).toBe("running");
    });
  },
  WHOLE_MS,
);

test("without a service it works too", async () => {
  await source.whileStopped(async () => {
    const { manifest } = await backedUp();
    expect(manifest.kept?.schedule_pause).toHaveLength(1);
  });
});

describe("kill -9", () => {
  test("in the middle of a backup: no backup is there, the service works, the next one succeeds", async () => {
    const to = newFolder();
    const command = backup(to);
    await until("the copy has begun", () => readdir(`${to}.part`).then(() => true, () => false));
    command.kill("SIGKILL");
    expect((await command.ended).code).not.toBe(0);
    await expect(readdir(to)).rejects.toThrow(/ENOENT/);
    expect((await source.api("/readyz")).status).toBe(200);
    expect((await backup(to).ended).code).toBe(0);
    expect((await readdir(folder)).toSorted()).toEqual([`${next}`]);
  });

  test("in the middle of a restore: there is no log, and the next restore succeeds", async () => {
    const { to } = await backedUp();
    const dataDirectory = newFolder();
    const command = restore(to, dataDirectory);
    await until(
      "the copy has begun",
      () => readdir(join(dataDirectory, "broker.restoring")).then(() => true, () => false),
    );
    command.kill("SIGKILL");
    expect((await command.ended).code).not.toBe(0);
    await expect(readdir(join(dataDirectory, "broker"))).rejects.toThrow(/ENOENT/);
    expect((await restore(to, dataDirectory).ended).code).toBe(0);
    expect((await readdir(dataDirectory)).toSorted()).toEqual(["broker", "broker.json"]);
  });

  test("Ctrl-C leaves nothing at once, exit code 130", async () => {
    const to = newFolder();
    const command = backup(to);
    await until("the copy has begun", () => readdir(`${to}.part`).then(() => true, () => false));
    command.kill("SIGINT");
    const { code, err } = await command.ended;
    expect(err).toContain("SIGINT: nothing is left of the backup");
    expect(code).toBe(130);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("a backup is refused", () => {
  test.each<[string, () => Promise<CommandProcess>, RegExp]>([
    ["into a folder that is not empty", async () => {
      const to = newFolder();
      await mkdir(to);
      await writeFile(join(to, "mine"), "");
      return backup(to);
    }, /is not empty[\s\S]*hint: .*never overwrites/],
    ["below a file", async () => {
      const file = newFolder();
      await writeFile(file, "");
      return backup(join(file, "to"));
    }, /can't be a folder for a backup: .*ENOTDIR/],
    [
      "where there is no log",
      () => Promise.resolve(backup(newFolder(), { DATA_DIR: newFolder() })),
      /there is no log in .*[\s\S]*DATA_DIR/,
    ],
    [
      "of an external Kafka",
      () =>
        Promise.resolve(backup(newFolder(), {
          BROKER: "external",
          KAFKA_BROKERS: "127.0.0.1:1",
          SCHEMA_REGISTRY_URL: "http://127.0.0.1:1",
        })),
      /external Kafka.*[\s\S]*rpk.*docs\/operations\.md#back-up/,
    ],
    ["of a Redpanda", async () => {
      const dataDirectory = newFolder();
      await mkdir(dataDirectory);
      await writeFile(join(dataDirectory, "broker.json"), `{"kind":"redpanda"}`);
      return backup(newFolder(), { DATA_DIR: dataDirectory, BROKER: "auto" });
    }, /Redpanda \(redpanda\) keeps the log[\s\S]*docs\/operations\.md#back-up/],
  ])("%s", async (_, command, message) => {
    const { code, err } = await (await command()).ended;
    expect(err).toMatch(message);
    expect(code).toBe(1);
  });

  test("onto a disk that is too small, with both numbers", async (context) => {
    await withSmallDisk(context, 100, async (disk) => {
      const { code, err } = await backup(join(disk, "to")).ended;
      expect(err).toMatch(/the disk of .* has \d+ MiB free, and \d+ MiB are needed[\s\S]*hint: /);
      expect(code).toBe(1);
      expect(await readdir(disk)).toEqual([]);
    });
  });
});

describe("a restore is refused", () => {
  let good: string;
  beforeEach(async () => {
    good = (await backedUp()).to;
  });

  async function expectRefusal(dataDirectory: string, message: RegExp): Promise<void> {
    const { code, err } = await restore(good, dataDirectory).ended;
    expect(err).toMatch(message);
    expect(code).toBe(1);
  }

  test("of a folder that is no backup, and of a damaged one; then there is no log", async () => {
    const dataDirectory = newFolder();
    const log = await open(join(good, "broker.sqlite"), "r+");
    const { size } = await log.stat();
    const original = new Uint8Array(1);
    await log.read(original, 0, 1, size / 2);
    await log.write(Uint8Array.of(original[0]! ^ 255), 0, 1, size / 2);
    await expectRefusal(dataDirectory, /is damaged: its SHA-256 is \w+, not \w+[\s\S]*hint: /);
    await log.write(original, 0, 1, size / 2);
    await log.truncate(size - 1);
    await expectRefusal(dataDirectory, /has \d+ bytes, not \d+ as manifest\.json says/);
    await log.close();
    await writeFile(join(good, "manifest.json"), `{"format":2}`);
    await expectRefusal(dataDirectory, /manifest\.json can't be read[\s\S]*reads format 1/);
    await rm(join(good, "manifest.json"));
    await expectRefusal(dataDirectory, /is no backup: ENOENT[\s\S]*deno task backup/);
    expect(await readdir(dataDirectory).catch(() => [])).toEqual([]);
  });

  test("where a service runs, and where a log is", async () => {
    const { dataDirectory } = source.config;
    await expectRefusal(dataDirectory, /a service runs on .*[\s\S]*hint: set DATA_DIR to a new/);
    await source.whileStopped(() =>
      expectRefusal(dataDirectory, /has a log already \(embedded\)[\s\S]*hint: /)
    );
  });
});
