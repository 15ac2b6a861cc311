/**
 * The container image, rehearsed without an engine: the Dockerfile's own steps after its base images are done in a folder, and its
 * entry point is started as an ordinary user, with the stand-in where Redpanda would be and a real PostgreSQL.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test as anyTest } from "vitest";
import { until } from "../support/poll.ts";
import { installStandIn, STAND_IN_FOLDER } from "./stand_in/behaviour.ts";

/** Redpanda is for Linux, and these tests look into /proc. */
const test = anyTest.skipIf(process.platform !== "linux");

const run = promisify(execFile);
const CONTEXT = fileURLToPath(new URL("../../", import.meta.url));
const IS_ROOT = process.getuid?.() === 0;
/** A user without a home or rights, on every Unix. */
const USER = "nobody";
/** On a busy machine: PostgreSQL's initdb, and two starts of Deno. */
const START_TIMEOUT_MS = 90_000;

interface Step {
  readonly instruction: string;
  readonly rest: string;
}

/** The steps of a stage, lines joined and comments left out. */
async function stage(from: string): Promise<Step[]> {
  const text = (await readFile(join(CONTEXT, "Dockerfile"), "utf8"))
    .replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
  const steps = text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [, instruction = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return { instruction, rest };
  });
  const begin = steps.findIndex((step) => step.instruction === "FROM" && step.rest === from);
  const length = steps.slice(begin + 1).findIndex(({ instruction }) => instruction === "FROM");
  return steps.slice(begin + 1, length === -1 ? undefined : begin + 1 + length);
}

let root: string;
let app: string;
let deno: string;
let image: Step[];
const one = (instruction: string) => image.find((step) => step.instruction === instruction)!.rest;

/** What `COPY` may take: the names that .dockerignore lets through. */
async function inContext(): Promise<Set<string>> {
  const lines = (await readFile(join(CONTEXT, ".dockerignore"), "utf8")).split("\n");
  expect(lines).toContain("*");
  return new Set(lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1)));
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gmn-image-"));
  await chmod(root, 0o755);
  app = join(root, "app");
  await mkdir(app);
  await mkdir(join(root, "bin"));
  deno = join(root, "bin", "deno");
  await copyFile(process.execPath, deno);
  const allowed = await inContext();
  for (const { instruction, rest } of await stage("base AS application")) {
    if (instruction === "COPY") {
      const [to = "", ...sources] = rest.split(" ").toReversed();
      for (const source of sources) {
        expect(allowed).toContain(source);
        const target = to === "./" ? join(app, source) : join(app, to);
        await cp(join(CONTEXT, source), target, {
          recursive: true,
          filter: (path) => !basename(path).endsWith(".test.ts"),
        });
      }
    } else if (instruction === "RUN") {
      expect(rest).toMatch(/^deno /);
      await run(deno, rest.split(" ").slice(1), { cwd: app });
    } else expect([instruction, rest]).toEqual(["WORKDIR", "/app"]);
  }
  image = await stage("base");
  // Beside the image: the stand-in, which needs the application's code.
  await cp(join(CONTEXT, STAND_IN_FOLDER), join(app, STAND_IN_FOLDER), { recursive: true });
}, START_TIMEOUT_MS);
afterAll(() => rm(root, { recursive: true, force: true }));

/** The image's ENV, with what a rehearsal needs to be different. */
function environment(more: Record<string, string>): Record<string, string> {
  const set = Object.fromEntries(
    one("ENV").split(/\s+/).map((pair) => pair.split("=") as [string, string]),
  );
  return {
    ...set,
    PATH: `${join(root, "bin")}:/usr/bin:/bin`,
    DATA_DIR: join(root, "data"),
    APP_USER: USER,
    ...more,
  };
}

function start(more: Record<string, string>): ChildProcess {
  const [tini, , , entryPoint = ""] = JSON.parse(one("ENTRYPOINT")) as string[];
  expect(tini).toBe("/usr/bin/tini");
  return spawn(entryPoint.replace(/^\/app/, app), {
    env: environment(more),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("starts as an ordinary user, is healthy, stops at SIGTERM", async () => {
  const folder = join(root, "redpanda");
  await mkdir(folder);
  await chmod(folder, 0o777);
  const { program } = await installStandIn(folder, {}, "redpanda", { deno, root: app });
  await run("chmod", ["-R", "a+rwX", folder]);
  const child = start({
    API_TOKEN: "the token of a rehearsal",
    HTTP_HOST: "127.0.0.1",
    ...{ HTTP_PORT: "0", KAFKA_PORT: "0", SCHEMA_REGISTRY_PORT: "0", POSTGRES_PORT: "0" },
    LOG_LEVEL: "debug",
    REDPANDA_BIN: program.path,
    GMN_DATA_URL: folder,
    IAU_SHOWER_URL: "off",
  });
  let said = "";
  let end: unknown[] | null = null;
  const gone = new Promise<void>((resolve) =>
    child.once("close", (...how) => {
      end = how;
      resolve();
    })
  );
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (chunk) => said += chunk);
  }
  try {
    await until("ready", () => said.includes('"service.ready"') || end !== null, START_TIMEOUT_MS);
    expect(said).toContain('"service.ready"');
    expect(said).toMatch(/"broker: redpanda \(.*redpanda is there\)"/);
    if (IS_ROOT) {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).not.toBe("0");
    }
    // The image's own health check, on the port that was free here.
    const [check, ...args] = JSON.parse(one("HEALTHCHECK").replace(/^.*? CMD /, "")) as string[];
    expect(check).toBe("deno");
    const [, port = ""] = /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(said) ?? [];
    await run(deno, args, { cwd: app, env: environment({ HTTP_PORT: port }) });
  } finally {
    // Not child.kill: of a process that it has signalled Deno says that the signal ended it, whatever its exit code.
    process.kill(child.pid!, "SIGTERM");
    await gone;
  }
  expect(end).toEqual([0, null]);
  expect(said).toContain("Shutdown complete.");
  expect(said).toContain('"service.stopped"');
  await expect(
    run(deno, ["run", "-A", "src/commands/health_check.ts"], {
      cwd: app,
      env: environment({ HTTP_PORT: "1" }),
    }),
  )
    .rejects.toThrow();
}, 2 * START_TIMEOUT_MS);

test("without a token it refuses to listen to the world", async () => {
  const child = start({});
  let said = "";
  child.stderr!.on("data", (chunk) => said += chunk);
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(1);
  expect(said).toMatch(/HTTP_HOST="0\.0\.0\.0": is not loopback, so API_TOKEN must be set/);
}, START_TIMEOUT_MS);

test("the image's Redpanda is that of compose.yaml", async () => {
  const [pinned] = /redpandadata\/redpanda:\S+@sha256:[0-9a-f]{64}/.exec(
    await readFile(join(CONTEXT, "Dockerfile"), "utf8"),
  ) ?? ["none"];
  expect(await readFile(join(CONTEXT, "compose.yaml"), "utf8")).toContain(pinned);
});

const hadolint = await run("hadolint", ["--version"]).then(() => true, () => false);
anyTest.skipIf(!hadolint)(
  `hadolint finds nothing${hadolint ? "" : " (not on this machine)"}`,
  async () => {
    const { stdout } = await run("hadolint", [join(CONTEXT, "Dockerfile")]);
    expect(stdout).toBe("");
  },
);
