/** `deno task demo` as a process of its own: it works offline by purpose, so it asks no network for shower names, and has them. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { taskCommand } from "../support/task_command.ts";

const TEST_MS = 60_000;

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly message: string;
}

test("the demo has shower names and warns of nothing", async () => {
  await using database = await createTestDatabase({ empty: true });
  const folder = await mkdtemp(join(tmpdir(), "gmn-demo-"));
  // Of the environment only what a process needs to start: a demo takes its settings from it.
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [...taskCommand("demo").args], {
    cwd: folder,
    env: {
      PATH,
      HOME,
      DATA_DIR: join(folder, "data"),
      DATABASE_URL: database.url,
      HTTP_PORT: "0",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      LOG_FORMAT: "json",
    },
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let out = "";
  const loaded = new Promise<void>((resolve) => {
    const take = (chunk: unknown) => {
      out += chunk;
      if (out.includes("is loaded:")) resolve();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
  });
  try {
    await Promise.race([loaded, ended]);
    const http = /dashboard +(http:\S+)\//.exec(out)?.[1];
    expect(http, out).toBeDefined();
    const shower_list = async () => (await (await fetch(`${http}/status`)).json()).shower_list;
    await expect.poll(shower_list, { timeout: 10_000 })
      .toMatchObject({ in_use: "shipped", address: null, note: null });
    const { showers } = await (await fetch(`${http}/statistics/showers`)).json() as {
      showers: { number: number; name: string | null }[];
    };
    const listed = showers.filter(({ number }) => number < 9001);
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.filter(({ name }) => name === null)).toEqual([]);
  } finally {
    process.kill(child.pid!, "SIGINT");
    await ended;
    await rm(folder, { recursive: true });
  }
  const lines = out.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
  expect(lines.filter(({ event }) => event.startsWith("showers.")).map(({ message }) => message))
    .toEqual(["973 shower names from the shipped IAU list of November 2021"]);
  expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
}, TEST_MS);
