/**
 * The patches of kafkajs verify that they were applied: an unexpected version, loading order or copy is a descriptive error.
 * Each case runs in a separate process, because modules are loaded once.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PROCESS = fileURLToPath(new URL("./patched_process.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

test.each([
  ["nothing", /^made$/],
  ["version", /all\): expected version 2\.2\.4, found 2\.2\.5/],
  ["loaded before", /group_messages\.ts\): expected to be loaded before .*sendMessages\.js/],
  ["one module loaded before", /decode_batches\.ts\): .*decodeMessages\.js, which was loaded/],
  ["exports undone", /group_messages\.ts\): expected .*as it was patched, found another/],
  ["method undone", /request_timeouts\.ts\): expected .*as it was patched, found another/],
  ["no such method", /pending_requests\.ts\): expected a method scheduleCheckPendingRequests/],
  ["another module used", /unreadable_batch_offsets\.ts\): expected .*consumerGroup\.js to use /],
  ["two copies", /all\): expected one copy of kafkajs, found two/],
])("%s", async (what, said) => {
  const args = ["run", "-A", "--config", CONFIG, PROCESS, what];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toMatch(said);
  if (what !== "nothing") expect(stdout).toContain("deno task install");
});

test("only one module imports kafkajs's values", async () => {
  const files = (await readdir(SRC, { recursive: true })).filter((file) =>
    /\.ts$/.test(file) && !/\.(test|d)\.ts$/.test(file)
  );
  const importing = await Promise.all(files.map(async (file) => {
    const text = await readFile(`${SRC}${file}`, "utf8");
    return /^(?:import|export) (?!type\b)[^;]*?from "kafkajs["/]/m.test(text) ? [file] : [];
  }));
  expect(importing.flat()).toEqual(["events/kafkajs/kafkajs.ts"]);
});
