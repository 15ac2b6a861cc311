/**
 * `deno task install`: fetches the packages that the service needs, if they are missing. Every task that needs packages runs it
 * first. `--dev` adds those of `dev/packages.json`: tests, benches and type checks need them, `start` and `demo` don't.
 *
 * Deno installs everything that a lock file names, whatever a program imports, and so does a Deno workspace
 * (docs/decisions/0016-development-packages.md). So there are two lock files, each with a node_modules beside it, and links from
 * the first node_modules to the second:
 *
 *     deno.json          deno.lock      node_modules/        kafkajs, hono, …, vitest ─┐ (a link, only with --dev)
 *     dev/packages.json  dev/deno.lock  dev/node_modules/    vitest, …  ◀──────────────┘
 *
 * The second is not named deno.json: programs in dev/node_modules, such as vitest's workers, must find the first.
 *
 * This file imports no package: it runs before any is installed. It writes to standard error only: standard output belongs to the
 * command that follows.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";

const USAGE = `usage: deno task install [--frozen]        the packages that the service runs on
       deno task install:dev [--frozen]    those of tests, benches and type checks, too

--frozen fails if a lock file does not match its deno.json or packages.json, instead of changing it.
`;

/**
 * Deno opens a connection for each package at once, with a name lookup for each. If the name server drops some of these sixty
 * queries, glibc repeats them after 5 seconds; with this option, after 1 (measured: 5 s for an installation instead of 13).
 */
const RESOLVER_OPTIONS = "timeout:1 attempts:8";
/** Longest time without output while packages are fetched. */
const PROGRESS_INTERVAL_MS = 2_000;
/** Contains the digest of what is installed: while it matches, there is nothing to do. Deno leaves this file alone. */
const STAMP = ".installed";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface PackageSet {
  /** The file whose imports are the packages. deno.lock and node_modules are beside it. */
  readonly config: string;
  readonly what: string;
  /** Size of the compressed packages, so that the user knows how long to wait. */
  readonly download_mb: number;
}

const RUNTIME: PackageSet = { config: "deno.json", what: "packages", download_mb: 34 };
const DEVELOPMENT: PackageSet = {
  config: "dev/packages.json",
  what: "development packages",
  download_mb: 43,
};

/** The packages that a configuration imports: from the name in code to the `npm:` specifier. */
async function importsOf({ config }: PackageSet): Promise<Record<string, string>> {
  const text = await readFile(config, "utf8");
  return (JSON.parse(text) as { imports: Record<string, string> }).imports;
}

/** A digest that changes when a different set of packages must be installed. */
async function digestOf(set: PackageSet): Promise<string> {
  const lock = await readFile(join(dirname(set.config), "deno.lock"), "utf8").catch(() => "");
  return createHash("sha256").update(lock).update(JSON.stringify(await importsOf(set)))
    .digest("hex");
}

/**
 * Installs a set unless it is installed already.
 * @returns an exit code, 0 when all packages are installed
 */
async function install(set: PackageSet, options: readonly string[]): Promise<number> {
  const { config } = set;
  const modules = join(dirname(config), "node_modules");
  const stamp = join(modules, STAMP);
  const installed = await readFile(stamp, "utf8").catch(() => null);
  if (installed === await digestOf(set)) return 0;
  if (!await canWrite(modules)) {
    process.stderr.write(
      `error: ${resolve(modules)} can't be written by this user\n` +
        "hint: run deno task install once as the user who owns it\n",
    );
    return 1;
  }
  const began = performance.now();
  const say = (what: string) =>
    process.stderr.write(`${what}, ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  process.stderr.write(
    installed === null
      ? `Fetching ${set.what} (about ${set.download_mb} MB, only once) …\n`
      : `Updating ${set.what}: ${config} or its lock file has changed …\n`,
  );
  const code = await runInstall(config, options, say);
  // A signal ended it: that is not a failure.
  if (code > 128) return code;
  if (code !== 0) {
    process.stderr.write(
      `error: the packages of ${config} could not be installed (exit code ${code})\n` +
        "hint: the reason is above; packages that Deno's cache does not have come from the npm registry " +
        "(registry.npmjs.org, or that of .npmrc)\n",
    );
    return code;
  }
  await mkdir(modules, { recursive: true });
  // Computed again: an installation that is not frozen may have added to the lock file.
  await writeFile(stamp, await digestOf(set));
  say("Packages are installed");
  return 0;
}

/** Whether files can be created in this folder, which is created if it is missing. */
async function canWrite(folder: string): Promise<boolean> {
  const probe = join(folder, `${STAMP}.${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, "");
    await rm(probe);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs `deno install` as a child process; signals end it too.
 * @returns its exit code, or 128 and the signal's number as in a shell
 */
function runInstall(
  config: string,
  options: readonly string[],
  say: (what: string) => void,
): Promise<number> {
  const child = spawn(process.execPath, ["install", "--config", config, ...options], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { RES_OPTIONS: RESOLVER_OPTIONS, ...process.env, NO_COLOR: "1" },
  });
  const counts = { requested: 0, installed: 0 };
  forward(child.stderr, counts);
  const progress = setInterval(
    () => say(`Packages: ${counts.requested} requested, ${counts.installed} installed`),
    PROGRESS_INTERVAL_MS,
  );

  let stoppedBy: typeof SIGNALS[number] | null = null;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      stoppedBy ??= signal;
      child.kill("SIGTERM");
    });
  }
  return new Promise((resolve) => {
    const end = (code: number) => {
      clearInterval(progress);
      for (const signal of SIGNALS) process.removeAllListeners(signal);
      resolve(stoppedBy === null ? code : 128 + constants.signals[stoppedBy]);
    };
    child.once("error", (error) => {
      process.stderr.write(`${error.message}\n`);
      end(1);
    });
    child.once("close", (code) => end(code ?? 1));
  });
}

/** Lines that Deno prints in normal operation: one for each download and package, which are counted, and a summary. */
const ROUTINE =
  /^(Download |Initialize |Installed |Reused |Downloaded |Dependencies:|[+]+( npm:|$)|Stack backtrace:| +\d+: <unknown>|$)/;

/** Passes on Deno's other messages. */
function forward(
  stream: NodeJS.ReadableStream,
  counts: { requested: number; installed: number },
): void {
  let rest = "";
  const line = (text: string) => {
    if (/^Download .*\.tgz$/.test(text)) counts.requested++;
    if (/^Initialize \S+$/.test(text)) counts.installed++;
    if (!ROUTINE.test(text)) process.stderr.write(`${text}\n`);
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    lines.forEach(line);
  });
  stream.on("end", () => line(rest));
}

/**
 * Links each development package into node_modules, where imports are resolved. `deno install` removes the links, so they are
 * checked each time.
 */
async function linkDevelopmentPackages(): Promise<void> {
  for (const name of Object.keys(await importsOf(DEVELOPMENT))) {
    const at = join("node_modules", name);
    const target = relative(dirname(at), join(dirname(DEVELOPMENT.config), "node_modules", name));
    if (await readlink(at).catch(() => null) === target) continue;
    await mkdir(dirname(at), { recursive: true });
    await rm(at, { force: true, recursive: true });
    try {
      // On Windows a junction needs no special rights.
      await symlink(target, at, "junction");
    } catch (error) {
      // Another task has created the link in the meantime, which is fine.
      if (await readlink(at).catch(() => null) !== target) throw error;
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !["--dev", "--frozen"].includes(arg));
  if (unknown !== undefined) {
    process.stderr.write(USAGE);
    return unknown === "--help" ? 0 : 2;
  }
  const options = args.includes("--frozen") ? ["--frozen"] : [];
  const code = await install(RUNTIME, options);
  if (code !== 0 || !args.includes("--dev")) return code;
  const developmentCode = await install(DEVELOPMENT, options);
  if (developmentCode === 0) await linkDevelopmentPackages();
  return developmentCode;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
