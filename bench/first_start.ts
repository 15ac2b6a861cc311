/**
 * The cost of a first start: a fresh clone of this repository (committed files only), an empty package cache, then the README's
 * command.
 *
 *     deno run -A bench/first_start.ts [--branch NAME]
 *
 * It uses free ports and a temporary folder, which is removed at the end. npx fetches Deno itself: that is measured first,
 * separately.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { createInterface } from "node:readline";
import { diskUsage } from "./first_start/disk_usage.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const DENO = "deno@2.9.6";
/** Far above the goal of 20 s, so that slow starts are measured, too. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** As `du -m` counts. */
const MB = 1024 * 1024;

const { values: { branch } } = parseArgs({ options: { branch: { type: "string" } } });

/** Seconds since the command was given, and the longest time without a line. */
interface Start {
  readonly firstLine_s: number;
  readonly firstLine: string;
  readonly ready_s: number;
  readonly firstRow_s: number;
  readonly loaded_s: number;
  readonly silence_s: number;
}

async function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}`);
}

/** Resolves with the seconds since `began` when the API has a meteor. */
async function firstRow(api: string, began: number, signal: AbortSignal): Promise<number> {
  while (!signal.aborted) {
    const response = await fetch(`${api}/meteors?limit=1`, { signal }).catch(() => null);
    if (response?.ok) {
      const { meteors } = await response.json() as { meteors: unknown[] };
      if (meteors.length > 0) return since(began);
    } else await response?.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no row within ${START_TIMEOUT_MS / 1000} s`);
}

const since = (began: number) => (performance.now() - began) / 1000;

/** Runs the README's command in the clone, waits until its first run is loaded, and stops it. */
async function measureStart(clone: string, env: NodeJS.ProcessEnv): Promise<Start> {
  const began = performance.now();
  const child = spawn("npx", ["--yes", DENO, "task", "demo"], {
    cwd: clone,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "close");
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), START_TIMEOUT_MS);
  try {
    return await readStart(child, began, late.signal);
  } finally {
    clearTimeout(timer);
    late.abort();
    if (!await stop(clone)) child.kill();
    await exited;
  }
}

async function readStart(
  child: ChildProcess,
  began: number,
  signal: AbortSignal,
): Promise<Start> {
  let firstLine: { at: number; text: string } | null = null;
  let ready_s = 0, silence_s = 0, before = 0;
  let row: Promise<number> | null = null;
  const loaded = new Promise<number>((resolve, reject) => {
    const onLine = (text: string) => {
      const at = since(began);
      silence_s = Math.max(silence_s, at - before);
      before = at;
      firstLine ??= { at, text };
      const [, api] = /"event":"http\.listening".*"url":"([^"]+)"/.exec(text) ?? [];
      if (api !== undefined) row = firstRow(api, began, signal);
      if (text === "GMN Data Store ingestion") ready_s = at;
      if (/^first run \S+ is loaded/.test(text)) resolve(at);
    };
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on("line", onLine);
    }
    child.once("exit", (code) => reject(new Error(`ended with ${code} before its first run`)));
    signal.addEventListener("abort", () => reject(new Error("not loaded in time")));
  });
  const loaded_s = await loaded;
  const { at, text } = firstLine!;
  return {
    firstLine_s: at,
    firstLine: text,
    ready_s,
    firstRow_s: await row!,
    loaded_s,
    silence_s,
  };
}

/**
 * Signals the service itself, so that its exit code is not npx's.
 * @returns whether it is running
 */
async function stop(clone: string): Promise<boolean> {
  const file = join(clone, "data", "demo", "service.json");
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return false;
  process.kill((JSON.parse(text) as { pid: number }).pid, "SIGTERM");
  return true;
}

function print(what: string, { firstLine_s, firstLine, ...start }: Start): void {
  const row = (name: string, seconds: number) =>
    console.log(`  ${name.padEnd(24)}${seconds.toFixed(1).padStart(6)} s`);
  console.log(what);
  row("first line", firstLine_s);
  console.log(`    ${firstLine.slice(0, 100)}`);
  row("ready", start.ready_s);
  row("first loaded row", start.firstRow_s);
  row("first run is loaded", start.loaded_s);
  row("longest silence", start.silence_s);
}

const folder = await mkdtemp(join(tmpdir(), "gmn-first-start-"));
// As root, PostgreSQL runs as another user. If that user can't enter the folder, the cluster would be elsewhere, and remain there.
await chmod(folder, 0o755);
try {
  const clone = join(folder, "clone");
  const denoDirectory = join(folder, "deno");
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DENO_DIR: denoDirectory,
    npm_config_cache: join(folder, "npm"),
    NO_COLOR: "1",
    ...{ HTTP_PORT: "0", KAFKA_PORT: "0", SCHEMA_REGISTRY_PORT: "0", POSTGRES_PORT: "0" },
  };
  await run("git", [
    ...["clone", "--quiet", ...(branch === undefined ? [] : ["--branch", branch])],
    ...[ROOT, clone],
  ], env);
  const began = performance.now();
  await run("npx", ["--yes", DENO, "--version"], env);
  console.log(`npx has fetched Deno after ${since(began).toFixed(1)} s (not counted below)`);

  print("first start", await measureStart(clone, env));
  const modules = join(clone, "node_modules");
  const packages = await diskUsage([modules, join(denoDirectory, "npm")]);
  const everything = await diskUsage([modules, denoDirectory]);
  console.log(`  packages                ${(packages / MB).toFixed(0).padStart(6)} MB`);
  console.log(
    `  Deno's compile caches   ${((everything - packages) / MB).toFixed(0).padStart(6)} MB`,
  );
  print("second start", await measureStart(clone, env));
} finally {
  await rm(folder, { recursive: true, force: true });
}
