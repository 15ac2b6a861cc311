/**
 * What `deno task start` and `demo` install: what they run on, within a limit, and no package of development
 * (docs/decisions/0016-development-packages.md). The installation is a real one, in a folder of its own. Packages that Deno's
 * cache has already are linked from there, so it is quick; bench/first_start.ts measures it with an empty cache.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskUsage } from "../bench/first_start/disk_usage.ts";
import { until } from "./support/poll.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname!, "..");
/** As `du -m` counts; the goal of a first start. It was 267. */
const PACKAGES_MB_MAX = 130;
/** Where the cache has none of them, and the network is slow. */
const INSTALL_TIMEOUT_MS = 180_000;
/** Depended on by protobufjs, which the schema registry's client depends on. */
const ALSO_OF_RUNTIME = ["@types/node"];

/** Deno asks for the members of the workspace. */
const MEMBERS = ["embedded-broker", "engines", "failures", "kafka-formats"]
  .map((name) => `packages/${name}/deno.json`);

interface DenoJson {
  imports: Record<string, string>;
  tasks: Record<string, { command: string; dependencies?: string[] }>;
}

const readJson = async <Content>(path: string) =>
  JSON.parse(await readFile(join(ROOT, path), "utf8")) as Content;

let root: string;
beforeAll(async () => root = await mkdtemp(join(tmpdir(), "gmn-install-")));
afterAll(() => rm(root, { recursive: true, force: true }));

/** A folder with what an installation needs of this project, and no packages. */
async function freshClone(name: string): Promise<string> {
  const folder = join(root, name);
  for (const file of ["deno.json", "deno.lock", ...MEMBERS, "src/commands/install.ts"]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await cp(join(ROOT, file), join(folder, file));
  }
  return folder;
}

/** Environment with an empty cache and a registry of its own. */
const withRegistry = (folder: string, port: number) => ({
  ...process.env,
  DENO_DIR: join(folder, "cache"),
  NPM_CONFIG_REGISTRY: `http://127.0.0.1:${port}/`,
});

describe("a first start", () => {
  let folder: string;
  beforeAll(async () => folder = await freshClone("first"));
  const install = (...args: string[]) =>
    run(process.execPath, ["task", "install", ...args], { cwd: folder });

  test("says first that it fetches, and writes nothing to standard output", async () => {
    const { stdout, stderr } = await install("--frozen");
    expect(stderr).toMatch(/^[^\n]*Task[^\n]*\nFetching packages/);
    expect(stderr).toMatch(/Packages are installed, [\d.]+ s\n$/);
    expect(stdout).toBe("");
  }, INSTALL_TIMEOUT_MS);

  test("is the only one that installs anything", async () => {
    const { stderr } = await install();
    expect(stderr).not.toMatch(/packages/i);
  }, INSTALL_TIMEOUT_MS);

  test(`takes at most ${PACKAGES_MB_MAX} MB for packages`, async () => {
    const usage_mb = await diskUsage([join(folder, "node_modules")]) / (1024 * 1024);
    expect(usage_mb).toBeLessThanOrEqual(PACKAGES_MB_MAX);
  });

  test("installs no package of development", async () => {
    const { imports } = await readJson<DenoJson>("dev/packages.json");
    const names = (await readdir(join(folder, "node_modules", ".deno"))).map((name) =>
      name.replace("+", "/").replace(/(?<=.)@.*$/, "")
    );
    expect(names).toContain("kafkajs");
    expect(Object.keys(imports).filter((name) => names.includes(name))).toEqual(ALSO_OF_RUNTIME);
  });
});

describe("an installation", () => {
  test("shows progress while the registry says nothing; a signal ends all of it", async () => {
    const folder = await freshClone("silent");
    const sockets: Socket[] = [];
    const registry = createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      socket.resume();
    });
    await once(registry.listen(0, "127.0.0.1"), "listening");
    const { port } = registry.address() as { port: number };
    const child = spawn(process.execPath, ["task", "demo"], {
      cwd: folder,
      env: withRegistry(folder, port),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const exited = once(child, "close");
    let said = "";
    child.stderr.on("data", (chunk) => said += chunk);
    try {
      await until("progress", () => /\nPackages: \d+ requested, 0 installed/.test(said));
      expect(sockets.length).toBeGreaterThan(0);
    } finally {
      process.kill(child.pid!, "SIGTERM");
    }
    expect(await exited).toEqual([143, null]);
    // `deno install`, two processes further down, has ended: nobody holds its connections.
    await until("no connection is left", () => sockets.every((socket) => socket.readableEnded));
    await new Promise((resolve) => registry.close(resolve));
    // And the service was not started.
    expect(said).not.toContain("service.starting");
    expect(said).not.toMatch(/Task.* demo/);
  });

  test("that fails says why, and what it needs", async () => {
    const folder = await freshClone("refused");
    const closed = createServer();
    await once(closed.listen(0, "127.0.0.1"), "listening");
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const failure = await run(process.execPath, ["task", "install"], {
      cwd: folder,
      env: withRegistry(folder, port),
    }).then(() => null, (error: { code: number; stderr: string }) => error);
    expect(failure?.code).toBe(1);
    expect(failure?.stderr).toContain(`127.0.0.1:${port}`);
    expect(failure?.stderr).toMatch(/error: the packages of deno\.json could not be installed/);
    expect(failure?.stderr).toMatch(/hint: .*npm registry/);
  }, INSTALL_TIMEOUT_MS);
});

test("every task installs its packages first", async () => {
  const { tasks } = await readJson<DenoJson>("deno.json");
  const isForInstall = (name: string) => name === "install" || name === "install:dev";
  const without = Object.entries(tasks)
    .filter(([name, { dependencies }]) => !isForInstall(name) && !dependencies?.some(isForInstall));
  expect(without).toEqual([]);
  // The service's own commands need no package of development.
  const { start, demo, replay, ingest } = tasks;
  for (const task of [start, demo, replay, ingest]) {
    expect(task!.dependencies).not.toContain("install:dev");
  }
});

test("a development package that the service's packages need, too, has one version", async () => {
  const { npm } = await readJson<{ npm: Record<string, unknown> }>("deno.lock");
  const { imports } = await readJson<DenoJson>("dev/packages.json");
  for (const name of ALSO_OF_RUNTIME) {
    expect(Object.keys(npm)).toContain(imports[name]!.replace("npm:", ""));
  }
});
