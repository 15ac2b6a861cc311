/**
 * Each role in a process of its own, on one broker and one database.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateDataDirectory } from "../../sample/generate.ts";
import { serveDataDirectory } from "../../sample/server.ts";
import { startEmbeddedBroker } from "@gmn/embedded-broker";
import { until } from "../support/poll.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { type RunJson, SAMPLE } from "../support/service.ts";
import { startProcess } from "./consumer_process.ts";

const TEST_MS = 240_000;
const WAIT_MS = 90_000;

test("a run asked of the one is read by the other and loaded by the third", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "gmn-roles-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const sample = await generateDataDirectory({ directory: folder, ...SAMPLE });
  const source = await serveDataDirectory({ directory: folder, port: 0 });
  stack.defer(() => source.stop());
  const database = stack.use(await createTestDatabase());
  const broker = await startEmbeddedBroker({
    directory: join(folder, "broker"),
    kafkaPort: 0,
    schemaRegistryPort: 0,
  });
  stack.defer(() => broker.stop());

  const engines = { ...broker, databaseUrl: database.url };
  const settings = {
    GMN_DATA_URL: source.url,
    GMN_REQUEST_INTERVAL_MS: "0",
    SCHEDULE: "0 0 1 1 *",
  };
  // All at once: they make topics, schemas and tables together.
  const [producer, consumer, http] = await Promise.all(
    ["producer", "consumer", "http"].map((role) => startProcess(role, engines, settings)),
  );
  for (const process of [producer, consumer, http]) stack.use(process!);
  await Promise.all([producer!.service.booted(), consumer!.service.booted()]);
  const api = await http!.service.ready();

  const asked = await fetch(`${api}/backfill`, {
    method: "POST",
    body: '{"all":true}',
    headers: { "content-type": "application/json" },
  });
  expect(asked.status).toBe(202);
  const { run_id: id } = await asked.json();
  const run = await until("the run is loaded", async () => {
    const found = await (await fetch(`${api}/runs/${id}`)).json() as RunJson;
    return found.state === "completed" && found.rows.loaded === sample.rows ? found : null;
  }, WAIT_MS);
  expect(run.rows).toMatchObject({ read: sample.rows, published: sample.rows, rejected: 0 });
  // The schedule makes up for a daily run too, so more than one run may have ended there.
  const completed = producer!.service.events("run.completed");
  expect(completed.filter(({ detail }) => detail.runId === id)).toHaveLength(1);
  expect(consumer!.service.events("sink.loaded").length).toBeGreaterThan(0);

  const codes = await Promise.all(
    [producer, consumer, http].map((process) => process!.service.stop()),
  );
  expect(codes).toEqual([0, 0, 0]);
}, TEST_MS);
