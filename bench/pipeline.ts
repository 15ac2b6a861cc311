/**
 * The cost of the log: the whole way compared with the same parser and loader without a log in between.
 *
 *     deno task bench [--rows 200000] [--repeat 1] [--cases abcd] [--profile FOLDER]
 *
 * One file of N made-up rows, one embedded PostgreSQL with the durability of a real start, each case in a separate process:
 *
 *     a  direct      file ─▶ PostgreSQL
 *     b  whole way   file ─▶ topic of the embedded broker ─▶ PostgreSQL, one process
 *     c  sink alone  the topic that b filled ─▶ an empty database
 *     d  again       the same file the whole way once more: nothing in it is new
 *
 * With `--repeat` every case is measured that many times, in turn, and the median printed. `--profile` writes each case's CPU
 * profile (for Chromium's developer tools) to the folder; such runs are slower. Linux only: numbers come from /proc.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { generateFile } from "../sample/generate_file.ts";
import { unobserved } from "../src/observe/observe.ts";
import { connectStore, type Store } from "../src/store/connection.ts";
import { startEmbeddedPostgres } from "../src/service/embedded_postgres.ts";
import { migrate } from "../src/store/migrate.ts";
import { taskCommand } from "../tests/support/task_command.ts";
import { parentOf, postgresCpuSeconds, postgresMiB, type Said } from "./pipeline/usage.ts";

const { values: given } = parseArgs({
  options: {
    rows: { type: "string", default: "200000" },
    repeat: { type: "string", default: "1" },
    cases: { type: "string", default: "abcd" },
    profile: { type: "string" },
  },
});
const rows = Number(given.rows);
/** Interval at which PostgreSQL's memory is sampled for its peak. */
const SAMPLE_INTERVAL_MS = 250;

/** As in `deno task start`. */
const START = taskCommand("start");
const HEAP = START.args.filter((argument) => argument.startsWith("--v8-flags="));

const CASES = {
  a: { name: "a  direct", script: "direct.ts" },
  b: { name: "b  whole way", script: "whole_way.ts" },
  c: { name: "c  sink alone", script: "sink_alone.ts" },
  d: { name: "d  again, unchanged", script: "whole_way.ts" },
} as const;
type Case = keyof typeof CASES;

/** The figures of one case. */
interface Result {
  readonly rowsPerSecond: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
  readonly postgresCpuSeconds: number;
  readonly postgresPeakMiB: number;
  /** Load average of the whole machine when the case began. */
  readonly load: number;
}

/** Runs a case in a separate process. */
async function run(which: Case, postmaster: number, env: Record<string, string>): Promise<Result> {
  const script = new URL(`./pipeline/${CASES[which].script}`, import.meta.url).pathname;
  const profile = given.profile === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${given.profile}`, `--cpu-prof-name=${which}.cpuprofile`];
  const child = spawn(process.execPath, ["run", "-A", ...HEAP, ...profile, script], {
    env: { ...process.env, ...START.environment, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const load = loadavg()[0]!;
  let peak = 0;
  let before = 0;
  let result: Result | null = null;
  const timer = setInterval(async () => {
    peak = Math.max(peak, await postgresMiB(postmaster));
  }, SAMPLE_INTERVAL_MS);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Said;
    if (said.event === "begin") before = await postgresCpuSeconds(postmaster);
    else {
      result = {
        rowsPerSecond: rows / said.seconds,
        cpuSeconds: said.cpuSeconds,
        peakRssMiB: said.peakRssMiB,
        postgresCpuSeconds: await postgresCpuSeconds(postmaster) - before,
        postgresPeakMiB: peak,
        load,
      };
    }
  }
  clearInterval(timer);
  const code = await ended;
  if (result === null || code !== 0) throw new Error(`case ${which} ended with code ${code}`);
  return result;
}

/** One connection; to another database of the same server when `name` is given. */
function connect(serverUrl: string, name?: string): Store & { readonly url: string } {
  const url = name === undefined
    ? serverUrl
    : Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
  return { ...connectStore({ url, max: 1, applicationName: "bench", observe: unobserved }), url };
}

/** Creates a database with the service's tables; returns its URL. */
async function makeDatabase(adminUrl: string, name: string): Promise<string> {
  const admin = connect(adminUrl);
  await admin.sql.unsafe(`drop database if exists ${name} with (force)`);
  await admin.sql.unsafe(`create database ${name}`);
  await admin.close();
  const store = connect(adminUrl, name);
  await migrate(store.sql, unobserved);
  await store.close();
  return store.url;
}

/** Finishes the background work of earlier cases: otherwise autovacuum and the checkpoint would be measured with the next case. */
async function settle(adminUrl: string): Promise<void> {
  const admin = connect(adminUrl);
  const databases = await admin.sql<{ name: string }[]>`
    select datname as name from pg_database where datname like 'bench\\_%'`;
  for (const { name } of databases) {
    const store = connect(adminUrl, name);
    await store.sql.unsafe("vacuum (analyze)");
    await store.close();
  }
  await admin.sql.unsafe("checkpoint");
  await admin.close();
}

async function postmasterOf(url: string): Promise<number> {
  const store = connect(url);
  const [row] = await store.sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const parent = await parentOf(row!.pid);
  await store.close();
  return parent;
}

/** All cases once, in turn. */
async function round(
  folder: string,
  file: string,
  adminUrl: string,
  postmaster: number,
): Promise<Map<Case, Result>> {
  const results = new Map<Case, Result>();
  const DATA_DIR = join(folder, "data");
  await rm(DATA_DIR, { recursive: true, force: true });
  const wholeUrl = await makeDatabase(adminUrl, "bench_whole");
  const databaseOf: Record<Case, () => Promise<string>> = {
    a: () => makeDatabase(adminUrl, "bench_direct"),
    b: () => Promise.resolve(wholeUrl),
    c: () => makeDatabase(adminUrl, "bench_sink"),
    d: () => Promise.resolve(wholeUrl),
  };
  for (const which of given.cases as Iterable<Case>) {
    const DATABASE_URL = await databaseOf[which]();
    await settle(adminUrl);
    const result = await run(which, postmaster, { BENCH_FILE: file, DATA_DIR, DATABASE_URL });
    results.set(which, result);
    console.log(format(CASES[which].name, result));
  }
  return results;
}

function format(name: string, result: Result): string {
  const n = (value: number, digits = 0) =>
    value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `${name.padEnd(20)} ${n(result.rowsPerSecond).padStart(8)} rows/s` +
    `   here ${n(result.cpuSeconds, 1).padStart(6)} s CPU, peak ${
      n(result.peakRssMiB).padStart(5)
    } MiB` +
    `   PostgreSQL ${n(result.postgresCpuSeconds, 1).padStart(6)} s CPU, peak ${
      n(result.postgresPeakMiB).padStart(5)
    } MiB` +
    `   load ${n(result.load, 1)}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function report(rounds: readonly Map<Case, Result>[]): void {
  const of = (which: Case, pick: (result: Result) => number) =>
    median(rounds.flatMap((results) => {
      const result = results.get(which);
      return result === undefined ? [] : [pick(result)];
    }));
  if (rounds.length > 1) {
    console.log(`median of ${rounds.length}:`);
    for (const which of given.cases as Iterable<Case>) {
      console.log(format(CASES[which].name, {
        rowsPerSecond: of(which, (r) => r.rowsPerSecond),
        cpuSeconds: of(which, (r) => r.cpuSeconds),
        peakRssMiB: of(which, (r) => r.peakRssMiB),
        postgresCpuSeconds: of(which, (r) => r.postgresCpuSeconds),
        postgresPeakMiB: of(which, (r) => r.postgresPeakMiB),
        load: of(which, (r) => r.load),
      }));
    }
  }
  // The median of ratios within a round, because other load on the machine was then about the same for both.
  const ratio = (over: Case, under: Case) =>
    median(rounds.flatMap((results) => {
      const [x, y] = [results.get(over), results.get(under)];
      return x === undefined || y === undefined ? [] : [x.rowsPerSecond / y.rowsPerSecond];
    }));
  for (const [over, under] of [["b", "a"], ["c", "a"], ["d", "b"]] as const) {
    const value = ratio(over, under);
    if (!Number.isNaN(value)) console.log(`${over}/${under}  ${value.toFixed(2)}`);
  }
}

const folder = await mkdtemp(join(tmpdir(), "gmn-bench-"));
if (given.profile !== undefined) await mkdir(given.profile, { recursive: true });
const server = await startEmbeddedPostgres({
  directory: join(folder, "postgres"),
  port: 0,
  observe: unobserved,
});
try {
  const file = join(folder, "bench.txt");
  const size = await generateFile({
    path: file,
    style: "daily",
    rows,
    from: new Date("2019-01-01T00:00:00Z"),
    perDay: 2500,
    seed: 1,
    fast: true,
  });
  console.log(
    `${rows.toLocaleString("en-US")} rows, ${
      (size / 1e6).toFixed(0)
    } MB; ${availableParallelism()} processors; ` +
      `Deno ${Deno.version.deno}, PostgreSQL ${server.version}`,
  );
  const postmaster = await postmasterOf(server.url);
  const rounds: Map<Case, Result>[] = [];
  for (let at = 0; at < Number(given.repeat); at++) {
    rounds.push(await round(folder, file, server.url, postmaster));
  }
  report(rounds);
} finally {
  await server.stop();
  await rm(server.directory, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}
