/**
 * A year at the source's rhythm: how much the log grows and how long it takes when every row of every file is published (the old
 * way) and when only what changed is (the new way, docs/decisions/0021-unchanged-rows.md).
 *
 *     deno task bench:year [--days 12] [--per-day 2000] [--changed 0.05] [--repeat 3]
 *
 * Of the year, `--days` days are measured, evenly spread over its months and over their days: on each, the ten latest windows and the
 * running month are generated four times and read each time. What is before such a day is loaded without being measured. Both ways
 * read the same files in turn, each into a log and a database of its own, in one process with the embedded broker.
 *
 * At the end, files without any changed row are generated: what an unchanged file costs, in the run of the windows and in that of
 * the month, and what a run costs that finds nothing new. The time of a run is that from its request until its last row is loaded;
 * the CPU time is that of the process, without PostgreSQL's. On a busy machine the latter says more.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readLog } from "../src/events/log_reader.ts";
import { TOPICS } from "../src/events/topics.ts";
import { unobserved } from "../src/observe/observe.ts";
import { RunEngine, type RunRequest } from "../src/producer/run_engine.ts";
import { LocalDirectory } from "../src/producer/source/local_directory.ts";
import { countRows } from "../src/runs/run.ts";
import { startEmbeddedPostgres } from "../src/service/embedded_postgres.ts";
import { createUnchangedRows } from "../src/service/roles.ts";
import { createRunHistory, waitForRows } from "../src/service/run_access.ts";
import type { Service } from "../src/service/service.ts";
import { startBenchService } from "./pipeline/service.ts";
import { REGENERATIONS, Source, WINDOWS } from "./year/source.ts";

const { values: given } = parseArgs({
  options: {
    days: { type: "string", default: "12" },
    "per-day": { type: "string", default: "2000" },
    changed: { type: "string", default: "0.05" },
    repeat: { type: "string", default: "3" },
  },
});
const [days, perDay] = [Number(given.days), Number(given["per-day"])];
const changed = Number(given.changed);
const YEAR = 2026;
const DAY_MS = 86_400_000;
const never = new AbortController().signal;

/** What one way has used so far. */
interface Used {
  lines: number;
  published: number;
  seconds: number;
  cpu_seconds: number;
  log_bytes: number;
}

/** The two runs of a generation: what they read, and how long it took. */
const RUNS = ["windows", "month"] as const;
type RunName = (typeof RUNS)[number];
type Costs = Pick<Used, "seconds" | "cpu_seconds" | "lines">;
type ReadCosts = Readonly<Record<RunName, Costs>>;

/** One of the two ways, with its own log and database. */
class Way {
  readonly used: Used = { lines: 0, published: 0, seconds: 0, cpu_seconds: 0, log_bytes: 0 };
  now = new Date();
  readonly #service: Service;
  readonly #engine: RunEngine;

  constructor(readonly name: string, service: Service, folder: string, isNew: boolean) {
    const { log, store } = service.parts.running!;
    this.#service = service;
    this.#engine = new RunEngine({
      directory: new LocalDirectory(folder),
      journal: log.journal,
      history: createRunHistory(store.sql, log.probe, never),
      publisher: log.publisher,
      unchanged: isNew ? createUnchangedRows({ store, log }) : undefined,
      owner: "bench",
      observe: unobserved,
      now: () => this.now,
    });
  }

  /** Reads the files as they are now; what it used is added to `used` if it is measured. */
  async read(at: Date, isMeasured: boolean): Promise<ReadCosts> {
    this.now = at;
    const before = await this.#ends();
    const costs = {
      windows: await this.#run({
        kind: "daily",
        selection: { days: WINDOWS },
        requestedBy: "schedule",
      }),
      month: await this.#run({
        kind: "backfill",
        selection: { month: at.toISOString().slice(0, 7) },
        requestedBy: "cli",
      }),
    };
    if (isMeasured) {
      for (const { lines, published, seconds, cpu_seconds } of Object.values(costs)) {
        this.used.lines += lines;
        this.used.published += published;
        this.used.seconds += seconds;
        this.used.cpu_seconds += cpu_seconds;
      }
      this.used.log_bytes += await this.#bytesSince(before);
    }
    return costs;
  }

  /** One run, until its last row is loaded. */
  async #run(request: RunRequest): Promise<Costs & Pick<Used, "published">> {
    const began = performance.now();
    const cpu = process.cpuUsage();
    const { run } = await this.#engine.submit(request);
    const state = await this.#engine.waitFor(run.runId);
    // On the first day of a month there is no file of it yet.
    if (state.status !== "completed" && request.kind === "daily") {
      throw new Error(`the run ${state.status}: ${state.reason}`);
    }
    await waitForRows(this.#service.parts.running!.store.sql, state.nextOffsets, never);
    const { read: lines, published } = countRows(state);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpu_seconds: (user + system) / 1e6, lines, published };
  }

  async stop(): Promise<void> {
    await this.#engine.stop();
    await this.#service.stop("measured");
  }

  async #ends(): Promise<Map<string, Map<number, bigint>>> {
    const marks = await this.#service.parts.running!.log.probe.watermarks(
      TOPICS.map(({ name }) => name),
    );
    return new Map(
      [...marks].map(([topic, of]) => [
        topic,
        new Map([...of].map(([partition, { high }]) => [partition, high])),
      ]),
    );
  }

  /** Bytes of all records since then, of all topics: keys, values, headers and the record format. */
  async #bytesSince(before: Map<string, Map<number, bigint>>): Promise<number> {
    let bytes = 0;
    const now = await this.#ends();
    const ranges = [...now].flatMap(([topic, of]) =>
      [...of].map(([partition, to]) => {
        const from = before.get(topic)?.get(partition) ?? 0n;
        return { topic, partition, from, to };
      })
    );
    await readLog({
      kafka: this.#service.parts.running!.log.kafka,
      ranges,
      signal: never,
      onRecords: ({ records }) => {
        for (const record of records) bytes += record.size_bytes;
      },
    });
    return bytes;
  }
}

async function startWay(name: string, folder: string, url: string, isNew: boolean): Promise<Way> {
  process.env.DATA_DIR = join(folder, name);
  process.env.DATABASE_URL = url;
  const { service } = await startBenchService(["producer", "consumer"]);
  return new Way(name, service, join(folder, "source"), isNew);
}

/** The measured days: spread over the months, and (by the golden ratio) over the days of a month, whose file grows. */
function dayOf(at: number): Date {
  const month = Math.floor((at + 0.5) * 12 / days);
  return new Date(Date.UTC(YEAR, month, 1 + Math.floor(28 * ((0.5 + at * 0.618) % 1))));
}

const n = (value: number, digits = 0) =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });

function report(ways: readonly Way[]): void {
  for (const { name, used } of ways) {
    console.log(
      `${name}  ${n(used.lines)} lines, ${n(used.published)} published, ${
        n(used.log_bytes / 1e6, 1)
      } MB of log, ${n(used.seconds, 1)} s, ${n(used.cpu_seconds, 1)} s CPU`,
    );
  }
  const [old, now] = ways.map(({ used }) => used);
  console.log(
    `the new way takes ${n(100 * now!.log_bytes / old!.log_bytes, 2)} % of the log and ${
      n(100 * now!.seconds / old!.seconds, 1)
    } % of the time (CPU: ${n(100 * now!.cpu_seconds / old!.cpu_seconds, 1)} %)`,
  );
}

function reportRuns(way: string, costs: Readonly<Record<string, Costs>>): void {
  for (const [name, { lines, seconds, cpu_seconds }] of Object.entries(costs)) {
    console.log(
      `${way}  ${name}: ${n(lines)} lines in ${n(seconds, 2)} s, ${n(cpu_seconds, 2)} s CPU`,
    );
  }
}

/** The share of the old way's costs that the new way has: median of the repeats, and their range. */
function reportShares(reads: readonly { old: ReadCosts; now: ReadCosts }[]): void {
  const spread = (shares: readonly number[]) => {
    const [least, ...others] = shares.map((share) => n(100 * share, 1)).toSorted((a, b) =>
      Number(a) - Number(b)
    );
    const middle = [least, ...others][shares.length >> 1];
    return `${middle} % (${least} to ${others.at(-1) ?? least})`;
  };
  for (const name of RUNS) {
    const shareOf = (cost: "seconds" | "cpu_seconds") =>
      spread(reads.map(({ old, now }) => now[name][cost] / old[name][cost]));
    console.log(
      `${name}: the new way takes ${shareOf("seconds")} of the time, ${
        shareOf("cpu_seconds")
      } of the CPU`,
    );
  }
}

const folder = await mkdtemp(join(tmpdir(), "gmn-year-"));
const server = await startEmbeddedPostgres({
  directory: join(folder, "postgres"),
  port: 0,
  observe: unobserved,
});
try {
  const databaseOf = async (name: string) => {
    const { connectStore } = await import("../src/store/connection.ts");
    const admin = connectStore({
      url: server.url,
      max: 1,
      applicationName: "bench",
      observe: unobserved,
    });
    await admin.sql.unsafe(`create database ${name}`);
    await admin.close();
    return Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  };
  const source = new Source({ folder: join(folder, "source"), perDay, changed });
  const ways = [
    await startWay("old", folder, await databaseOf("bench_old"), false),
    await startWay("new", folder, await databaseOf("bench_new"), true),
  ];
  // Every way is first half of the time, so neither gains from what the other has warmed.
  let turn = 0;
  const inTurn = () => turn++ % 2 === 0 ? ways : ways.toReversed();

  console.log(
    `${days} of 365 days, ${n(perDay)} meteors a day, ${
      n(100 * changed)
    } % of the rows changed in each of ${REGENERATIONS} generations a day`,
  );
  let last = new Date(0);
  for (let at = 0; at < days; at++) {
    const day = dayOf(at);
    await source.generate(new Date(day.getTime() - 1), 0);
    for (const way of ways) await way.read(new Date(day.getTime() - 1), false);
    for (let generation = 0; generation < REGENERATIONS; generation++) {
      last = new Date(day.getTime() + (generation + 0.5) * DAY_MS / REGENERATIONS);
      await source.generate(last);
      for (const way of inTurn()) await way.read(last, true);
    }
    console.log(`${day.toISOString().slice(0, 10)}:`);
    report(ways);
  }

  console.log("the same files, generated again without a change:");
  const reads: { old: ReadCosts; now: ReadCosts }[] = [];
  for (let at = 0; at < Number(given.repeat); at++) {
    last = new Date(last.getTime() + 60_000);
    await source.generate(last, 0);
    const costs = new Map<string, ReadCosts>();
    for (const way of inTurn()) {
      costs.set(way.name, await way.read(last, false));
      // Again, without a new generation: only what a run costs.
      const { windows } = await way.read(last, false);
      reportRuns(way.name, { ...costs.get(way.name)!, nothing: windows });
    }
    reads.push({ old: costs.get("old")!, now: costs.get("new")! });
  }
  reportShares(reads);
  for (const way of ways) await way.stop();
} finally {
  await server.stop();
  await rm(server.directory, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
