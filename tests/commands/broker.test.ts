/** `broker` as a process of its own: where it keeps its data and listens, by settings and by options. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "@gmn/engines";
import { taskCommand } from "../support/task_command.ts";

const TEST_MS = 60_000;
let folder: string;
let running: ChildProcess | null = null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-broker-command-"));
});
afterEach(async () => {
  running?.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Starts it, stops it when it says where it listens, and gives what it said and its exit code. */
function broker(args: readonly string[], settings: Readonly<Record<string, string>>) {
  return new Promise<{ code: number | null; said: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [...taskCommand("broker").args, ...args], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running = child;
    let said = "";
    const hear = (chunk: unknown) => {
      said += chunk;
      // Not `child.kill`: Deno then tells of a death by the signal, whatever the exit code was.
      if (/schema registry +http/.test(said)) process.kill(child.pid!, "SIGTERM");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => {
      running = null;
      resolve({ code, said });
    });
  });
}

test("takes folder and ports from the environment", async () => {
  const [kafka, registry] = [await freePort(), await freePort()];
  const settings = {
    DATA_DIR: join(folder, "elsewhere"),
    KAFKA_PORT: String(kafka),
    SCHEMA_REGISTRY_PORT: String(registry),
  };
  const { code, said } = await broker([], settings);
  expect(said).toMatch(new RegExp(`^kafka +127\\.0\\.0\\.1:${kafka}$`, "m"));
  expect(said).toMatch(new RegExp(`^schema registry +http://127\\.0\\.0\\.1:${registry}$`, "m"));
  expect(await readdir(join(folder, "elsewhere/broker"))).not.toEqual([]);
  expect(said).toMatch(/stopping: SIGTERM/);
  expect(code).toBe(0);
}, TEST_MS);

test("options win over the environment", async () => {
  const kafka = await freePort();
  const settings = {
    DATA_DIR: join(folder, "elsewhere"),
    KAFKA_PORT: "1",
    SCHEMA_REGISTRY_PORT: "0",
  };
  const args = ["--", "--directory", join(folder, "here"), "--kafka-port", String(kafka)];
  const { code, said } = await broker(args, settings);
  expect(said).toMatch(new RegExp(`^kafka +127\\.0\\.0\\.1:${kafka}$`, "m"));
  expect(await readdir(folder)).toEqual(["here"]);
  expect(code).toBe(0);
}, TEST_MS);

test("a port that is in use is named with its setting, and the exit code is 1", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const settings = { DATA_DIR: folder, KAFKA_PORT: String(port), SCHEMA_REGISTRY_PORT: "0" };
  const { code, said } = await broker([], settings);
  await new Promise((resolve) => server.close(resolve));
  expect(said).toMatch(new RegExp(`error: port ${port} .* in use`));
  expect(said).toMatch(/hint: .*KAFKA_PORT/);
  expect(code).toBe(1);
}, TEST_MS);

// TEST-NET-3 is no machine's (RFC 5737), and no name ends in .invalid (RFC 6761).
test.each(["203.0.113.7", "nosuch.invalid"])(
  "an address that is not of this machine is named: %s",
  async (host) => {
    const settings = { DATA_DIR: folder, KAFKA_PORT: "0", SCHEMA_REGISTRY_PORT: "0" };
    const { code, said } = await broker(["--host", host], settings);
    expect(said).toMatch(new RegExp(`error: .* can't listen on ${host}`));
    expect(said).toMatch(/hint: .*--host/);
    expect(said).not.toMatch(/_PORT/);
    expect(code).toBe(1);
  },
  TEST_MS,
);
