/**
 * The memory that the service uses for one large `traj_summary_all.txt`, which should not depend on the file's size.
 *
 *     deno run -A bench/memory.ts [--mb 3000]
 *
 * The file is generated, served by the sample server, and read by `deno task start` with the embedded broker and the embedded
 * PostgreSQL, in a separate process. It reports the resident memory of that process, at its peak and over time, and whether it
 * grows, as memory that depends on the file would. It fails when the peak exceeds LIMIT_MB. Linux only: numbers come from
 * /proc. 3 GB need three times that on the disk, for the file, the log and the database.
 */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { wait } from "@gmn/failures";
import { generateFile } from "../sample/generate_file.ts";
import { serveDataDirectory } from "../sample/server.ts";
import { readAddresses } from "../src/service/address_file.ts";
import { ServiceProcess } from "../tests/crash/service_process.ts";
import { processCost } from "./process_cost.ts";

/** The design's bound, outside PostgreSQL. */
const LIMIT_MB = 400;
/** Bytes of a row in the file, on average. */
const ROW_BYTES = 935;
const LOOK_INTERVAL_MS = 1_000;
/** The time line has about this many lines. */
const LINES = 20;

const { values: given } = parseArgs({ options: { mb: { type: "string", default: "3000" } } });
const rows = Math.round(Number(given.mb) * 1e6 / ROW_BYTES);

interface Look {
  readonly seconds: number;
  readonly loaded: number;
  readonly rss_mb: number;
}

interface Run {
  readonly state: string;
  readonly reason: string | null;
  readonly rows: { readonly published: number; readonly loaded: number; readonly dead: number };
}

/** Resident memory of a process now, in MB. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024 / 1e6;
}

async function json<Answer>(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return await response.json() as Answer;
}

/** Runs the backfill; returns the samples taken meanwhile. */
async function backfill(http: string, pid: number): Promise<Look[]> {
  const began = performance.now();
  const { run_id } = await json<{ run_id: string }>(`${http}/backfill`, {
    method: "POST",
    body: JSON.stringify({ all: true }),
    headers: { "content-type": "application/json" },
  });
  const looks: Look[] = [];
  for (;;) {
    const run = await json<Run>(`${http}/runs/${run_id}`);
    const { published, loaded, dead } = run.rows;
    const seconds = (performance.now() - began) / 1000;
    looks.push({ seconds, loaded, rss_mb: await residentMb(pid) });
    if (run.state === "completed" && loaded + dead === published) return looks;
    if (run.state === "failed" || run.state === "cancelled") {
      throw new Error(`${run.state}: ${run.reason}`);
    }
    await wait(LOOK_INTERVAL_MS);
  }
}

function report(looks: readonly Look[], peak_mb: number): void {
  const every = Math.max(1, Math.ceil(looks.length / LINES));
  for (const { seconds, loaded, rss_mb } of looks.filter((_, at) => at % every === 0)) {
    console.log(
      `${seconds.toFixed(0).padStart(6)} s  ${String(loaded).padStart(9)} rows loaded  ${
        rss_mb.toFixed(0).padStart(4)
      } MB`,
    );
  }
  const part = (from: number, to: number) => {
    const some = looks.slice(Math.floor(looks.length * from), Math.ceil(looks.length * to));
    return some.reduce((sum, { rss_mb }) => sum + rss_mb, 0) / Math.max(1, some.length);
  };
  const last = looks.at(-1);
  console.log(
    `${rows} rows, ${given.mb} MB: at most ${
      peak_mb.toFixed(0)
    } MB outside PostgreSQL (limit ${LIMIT_MB}); ` +
      `mean of the second tenth of the time ${part(0.1, 0.2).toFixed(0)} MB, of the last ${
        part(0.9, 1).toFixed(0)
      } MB; ` +
      `${Math.round((last?.loaded ?? 0) / (last?.seconds ?? 1))} rows/s`,
  );
}

const folder = await mkdtemp(join(tmpdir(), "gmn-memory-"));
let failed = false;
try {
  await mkdir(join(folder, "source"));
  const path = join(folder, "source/traj_summary_all.txt");
  const from = new Date("2019-01-01T00:00:00Z");
  await generateFile({ path, style: "all", rows, from, perDay: 2500, seed: 1, fast: true });
  const source = await serveDataDirectory({ directory: join(folder, "source"), port: 0 });
  const dataDirectory = join(folder, "data");
  const service = ServiceProcess.start({
    DATA_DIR: dataDirectory,
    GMN_DATA_URL: source.url,
    GMN_REQUEST_INTERVAL_MS: "0",
    IAU_SHOWER_URL: "off",
    BROKER: "embedded",
    HTTP_PORT: "0",
    KAFKA_PORT: "0",
    SCHEMA_REGISTRY_PORT: "0",
    POSTGRES_PORT: "0",
    LOG_LEVEL: "warning",
  });
  try {
    const http = await service.ready();
    const { pid } = (await readAddresses(dataDirectory))!;
    const looks = await backfill(http, pid);
    const peak_mb = processCost(pid).peak_bytes / 1e6;
    report(looks, peak_mb);
    failed = peak_mb > LIMIT_MB;
  } finally {
    await service.stop();
    await source.stop();
    // The place of a root process's cluster when PostgreSQL's user can't reach the folder (packages/engines/postgres/place.ts).
    const moved = await readFile(join(dataDirectory, "postgres/LOCATION"), "utf8").catch(() =>
      null
    );
    if (moved !== null) await rm(moved.trim(), { recursive: true, force: true });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
