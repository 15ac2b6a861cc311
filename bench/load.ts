/**
 * The cost of the database: the loader alone, with rows generated in memory, without file or log.
 *
 *     deno run -A bench/load.ts [--rows 100000] [--batch 5000] [--loaders 1] [--drop-indexes]
 *
 * Four passes over the same rows: new, the same again, the same from a newer file generation, every row changed. Each batch
 * is a transaction with the durability of a real start. Compare CPU times on a busy machine.
 * Uses an embedded PostgreSQL in a temporary directory, or the database of DATABASE_URL (which must be empty).
 */
import { mkdtemp, readdir, readFile, readlink, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { unobserved } from "../src/observe/observe.ts";
import { connectStore, type Sql } from "../src/store/connection.ts";
import { startEmbeddedPostgres } from "../src/service/embedded_postgres.ts";
import { migrate } from "../src/store/migrate.ts";
import { createTrajectoryLoader, type TrajectoryLoader } from "../src/store/trajectory_loader.ts";
import type { LoadCounts, TrajectoryUpsert } from "../src/store/trajectory_batch.ts";
import { TRAJECTORY_FIELDS } from "../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../src/trajectory/summary.ts";

const { values: given } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    batch: { type: "string", default: "5000" },
    loaders: { type: "string", default: "1" },
    "drop-indexes": { type: "boolean", default: false },
  },
});
const rows = Number(given.rows);
const batchRows = Number(given.batch);
const loaders = Number(given.loaders);

/** A small random generator with the same numbers in every run (mulberry32). */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const STATIONS = Array.from(
  { length: 1000 },
  (_, at) => `${["UK", "US", "HR", "NZ", "DE"][at % 5]}${String(at).padStart(4, "0")}`,
);
const SHOWERS = Array.from(
  { length: 80 },
  (_, at) => ({ number: at + 1, code: `S${String(at).padStart(2, "0")}` }),
);

/** A realistic summary: half of them are sporadic, two to eight stations, times in order. */
function makeSummary(at: number, random: () => number): TrajectorySummary {
  const micros = Date.UTC(2024, 0, 1) * 1000 + at * 20_000_000 + Math.floor(random() * 1e6);
  const summary = Object.fromEntries(
    TRAJECTORY_FIELDS.map(({ name, kind }) => [name, kind === "double" ? random() * 360 : null]),
  ) as unknown as TrajectorySummary;
  const stamp = new Date(micros / 1000).toISOString().replaceAll(/[-T:]/g, "").slice(0, 14);
  const suffix = Array.from({ length: 5 }, () => ALPHABET[Math.floor(random() * 62)]).join("");
  const shower = random() < 0.5 ? SHOWERS[Math.floor(random() * SHOWERS.length)] : undefined;
  const stations = new Set<string>();
  const count = 2 + Math.floor(random() * random() * 7);
  while (stations.size < count) stations.add(STATIONS[Math.floor(random() * STATIONS.length)]!);
  return Object.assign(summary, {
    unique_trajectory_identifier: `${stamp}_${suffix}`,
    beginning_utc_time: micros,
    iau_no: shower?.number ?? -1,
    iau_code: shower?.code ?? null,
    latbeg_n_deg: random() * 120 - 50,
    beg_in_fov: random() < 0.9,
    end_in_fov: random() < 0.9,
    num_stat: count,
    participating_stations: [...stations].sort(),
    schema_version: "2.0",
  });
}

/** The rows of one partition from one file generation, as upserts. */
function pass(
  summaries: readonly TrajectorySummary[],
  partition: number,
  first: bigint,
  generation: Date,
): TrajectoryUpsert[] {
  const mine = summaries.filter((_, at) => at % loaders === partition);
  return mine.map((summary, at) => ({
    summary,
    lineage: {
      offset: first + BigInt(at),
      sourceFile: "monthly/traj_summary_monthly_202401.txt",
      sourceLine: at + 5,
      sourceGeneratedAt: generation,
      runId: "bench",
    },
  }));
}

const NO_COUNTS: LoadCounts = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  duplicates: 0,
  withdrawn: 0,
  confirmed: 0,
  unknown: 0,
};

async function loadAll(
  loader: TrajectoryLoader,
  partition: number,
  changes: readonly TrajectoryUpsert[],
): Promise<LoadCounts> {
  const total: Record<keyof LoadCounts, number> = { ...NO_COUNTS };
  for (let from = 0; from < changes.length; from += batchRows) {
    const batch = changes.slice(from, from + batchRows);
    const firstOffset = batch[0]!.lineage.offset;
    const counts = await loader.load({
      topic: "bench",
      partition,
      firstOffset,
      nextOffset: firstOffset + BigInt(batch.length),
      changes: batch,
      dead: [],
    });
    for (const key of Object.keys(total) as (keyof LoadCounts)[]) total[key] += counts[key];
  }
  return total;
}

/** CPU seconds that the processes of a cluster have used, from /proc; null except on Linux. */
async function serverCpuSeconds(cluster: string | null): Promise<number | null> {
  if (cluster === null || process.platform !== "linux") return null;
  let ticks = 0;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || await readlink(`/proc/${pid}/cwd`).catch(() => "") !== cluster) {
      continue;
    }
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8").catch(() =>
      ""
    )).split(") ")[1]?.split(" ") ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  // The kernel's clock tick is 10 ms on every Linux that Deno runs on.
  return ticks / 100;
}

async function sizes(sql: Sql): Promise<string> {
  const found = await sql<{ name: string; mb: number; dead: number }[]>`
    select relname as name, (pg_total_relation_size(relid) / 1e6)::float8 as mb, n_dead_tup::float8 as dead
    from pg_stat_user_tables where pg_total_relation_size(relid) > 1e6 order by 2 desc`;
  return found.map(({ name, mb, dead }) => `${name} ${mb.toFixed(0)} MB, ${dead} dead`).join("; ");
}

async function run(url: string, cluster: string | null): Promise<void> {
  const store = connectStore({ url, max: 1, applicationName: "bench", observe: unobserved });
  await migrate(store.sql, unobserved);
  if (given["drop-indexes"]) {
    await store.sql.unsafe(`drop index meteor_beginning_utc_time, meteor_iau_code, meteor_position,
      meteor_updated_at, participating_station_station_code`);
  }
  const random = randomFrom(1);
  const summaries = Array.from({ length: rows }, (_, at) => makeSummary(at, random));
  const changed = summaries.map((summary) => ({ ...summary, qc_deg: (summary.qc_deg ?? 0) + 1 }));
  const workers = Array.from(
    { length: loaders },
    () => createTrajectoryLoader({ url, observe: unobserved }),
  );
  const passes: [string, readonly TrajectorySummary[], Date][] = [
    ["new", summaries, new Date("2026-01-01T00:00:00Z")],
    ["the same again", summaries, new Date("2026-01-01T00:00:00Z")],
    ["newer, same values", summaries, new Date("2026-01-02T00:00:00Z")],
    ["changed", changed, new Date("2026-01-03T00:00:00Z")],
  ];
  for (const [at, [name, values, generation]] of passes.entries()) {
    const parts = workers.map((_, partition) =>
      pass(values, partition, BigInt(at) * BigInt(rows), generation)
    );
    const first = BigInt(at) * BigInt(rows);
    await store.sql`update consumer_offset set next_offset = ${first}`;
    const [cpu, serverCpu] = [process.cpuUsage(), await serverCpuSeconds(cluster)];
    const startedAt = performance.now();
    const counts = await Promise.all(
      workers.map((loader, partition) => loadAll(loader, partition, parts[partition]!)),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const used = process.cpuUsage(cpu);
    const serverUsed = (await serverCpuSeconds(cluster) ?? NaN) - (serverCpu ?? NaN);
    const total: Record<keyof LoadCounts, number> = { ...NO_COUNTS };
    for (const one of counts) {
      for (const key of Object.keys(total) as (keyof LoadCounts)[]) total[key] += one[key];
    }
    console.log([
      name.padEnd(20),
      `${Math.round(rows / seconds).toLocaleString("en-US").padStart(8)} rows/s`,
      `CPU a row: ${((used.user + used.system) / rows).toFixed(1).padStart(5)} us here`,
      `${(serverUsed * 1e6 / rows).toFixed(1).padStart(5)} us in PostgreSQL`,
      Object.entries(total).filter(([, n]) => n > 0).map(([key, n]) => `${n} ${key}`).join(", "),
    ].join("  "));
  }
  await Promise.all(workers.map((loader) => loader.close()));
  console.log(await sizes(store.sql));
  console.log(`rss ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  await store.close();
}

const external = process.env.DATABASE_URL;
if (external !== undefined) {
  await run(external, null);
} else {
  const directory = await mkdtemp(join(tmpdir(), "gmn-bench-"));
  const server = await startEmbeddedPostgres({ directory, port: 0, observe: unobserved });
  try {
    await run(server.url, await realpath(join(server.directory, "cluster")));
  } finally {
    await server.stop();
    await rm(server.directory, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  }
}
