/**
 * A log of 200,000 records moves to Apache Kafka and back, by `deno task log copy` as a process that is killed in the middle. The
 * service goes on where it was, and its tables are what the copied log gives.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKafka, type Kafka, withAdmin } from "../../src/events/kafka_client.ts";
import { readWatermarks, type Watermarks } from "../../src/events/start_position.ts";
import { ALL_TOPICS, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { rebuildDatabase } from "../../src/service/rebuild.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import { encodeTrajectory } from "../../src/trajectory/codec.ts";
import { append, passed } from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";
import { summaryOf } from "../support/trajectories.ts";

const RECORDS = 200_000;
const PUBLISHED_AT_ONCE = 5_000;
/** Where a copy is killed: any place that is neither the beginning nor the end. */
const KILLED_AFTER = 60_000;
/** The same for the embedded broker's files: about a third of the log. */
const KILLED_AFTER_BYTES = 60_000_000;
/** It takes some minutes on two busy cores. */
const TEST_MS = 900_000;
const LOAD_MS = 300_000;
const COPY_MS = 300_000;

const RAW = TRAJECTORY_SUMMARY_RAW;
const KAFKA = {
  BROKER: "external",
  KAFKA_BROKERS: process.env.KAFKA_BROKERS!,
  SCHEMA_REGISTRY_URL: process.env.SCHEMA_REGISTRY_URL!,
};
const EMBEDDED = { BROKER: "embedded", KAFKA_BROKERS: "", SCHEMA_REGISTRY_URL: "" };

let whole: TestService;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-moved-"));
  const kafka = createKafka({ brokers: [KAFKA.KAFKA_BROKERS], clientId: "test" }, unobserved);
  await withAdmin(kafka, "test", async (admin) => {
    const existing = new Set(await admin.listTopics());
    const ours = ALL_TOPICS.map(({ name }) => name).filter((name) => existing.has(name));
    if (ours.length > 0) await admin.deleteTopics({ topics: ours });
  });
  whole = await startTestService({ environment: EMBEDDED });
}, TEST_MS);
afterAll(async () => {
  await whole[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}, TEST_MS);

const idOf = (n: number) => `20260101000000_${String(n).padStart(6, "0")}`;

/** Publishes the records, with a dead letter in between, and waits until they are loaded. */
async function fill(): Promise<void> {
  const { publisher } = whole.service.parts.running!.log;
  const schemaId = publisher.schemaId(RAW);
  for (let from = 0; from < RECORDS; from += PUBLISHED_AT_ONCE) {
    await publisher.publish(
      RAW,
      Array.from({ length: PUBLISHED_AT_ONCE }, (_, n) => ({
        key: idOf(from + n),
        value: encodeTrajectory(summaryOf(idOf(from + n), { vgeo_km_s: n % 70 }), schemaId),
        headers: { "gmn-run-id": "made-up" },
      })),
    );
  }
  await append(whole.kafka, [{ key: "broken", value: Buffer.from([0, 0, 0, 0, schemaId, 9, 9]) }]);
  await caughtUp();
}

async function caughtUp(): Promise<void> {
  for (const { name } of ALL_TOPICS.slice(0, 3)) {
    for (const [partition, { high }] of await readWatermarks(whole.kafka, name)) {
      await passed(whole.database.sql, high, partition, name, LOAD_MS);
    }
  }
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `deno task log copy`; with `kill`, as soon as it resolves, kill -9. */
function copy(from: string, to: string, kill?: () => Promise<unknown>): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const args = [...taskCommand("log").args, "copy", "--from", from, "--to", to];
    const child = spawn(process.execPath, args, { cwd: folder });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => out += chunk);
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
    kill?.().then(() => child.kill("SIGKILL"), (error) => {
      child.kill("SIGKILL");
      reject(error);
    });
  });
}

async function recordsIn(kafka: Kafka): Promise<number> {
  const topics = await withAdmin(kafka, "test", (admin) => admin.listTopics());
  if (!topics.includes(RAW.name)) return 0;
  // Its partitions have no leader yet while the topic is being created.
  const marks = await readWatermarks(kafka, RAW.name).catch(() => new Map<number, Watermarks>());
  return [...marks.values()].reduce((sum, { high }) => sum + Number(high), 0);
}

/** Bytes of the embedded broker's database, with the file that new pages go to first. */
async function brokerBytes(dataDirectory: string): Promise<number> {
  const files = ["broker.sqlite", "broker.sqlite-wal"];
  const sizes = files.map((file) =>
    stat(join(dataDirectory, "broker", file)).then(({ size }) => size, () => 0)
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size);
}

const copiedNow = (out: string) =>
  Number(/([\d,]+) record\(s\) copied/.exec(out)![1]!.replaceAll(",", ""));

/** The service on its new broker goes on, and its rows stay. */
async function proveMoved(before: Awaited<ReturnType<typeof checksumProjections>>) {
  await caughtUp();
  expect(whole.events.filter(({ name }) => name === "log.undecided")).toEqual([]);
  expect(await checksumProjections(whole.database.sql)).toEqual(before);
}

/** The log gives the rows that the data store has. */
async function proveRebuilt() {
  const report = await rebuildDatabase(whole.config, whole.observer, {
    isLossAccepted: false,
    isOnlyVerified: true,
    signal: AbortSignal.timeout(LOAD_MS),
    onProgress: () => {},
  });
  expect(report).toMatchObject({ differences: [], losses: [] });
}

test("to Apache Kafka and back, killed in the middle each time", async () => {
  await whole.run("/backfill", { all: true });
  await fill();
  const before = await checksumProjections(whole.database.sql);
  const embedded = `embedded:${whole.config.dataDirectory}`;
  const external = `kafka://${KAFKA.KAFKA_BROKERS}?registry=${KAFKA.SCHEMA_REGISTRY_URL}`;
  const kafka = createKafka({ brokers: [KAFKA.KAFKA_BROKERS], clientId: "test" }, unobserved);

  await whole.whileStopped(async () => {
    const killed = await copy(
      embedded,
      external,
      () => until("a part is copied", async () => await recordsIn(kafka) > KILLED_AFTER, COPY_MS),
    );
    expect(killed.code).not.toBe(0);
    expect(await recordsIn(kafka)).toBeLessThan(RECORDS);
    const { code, out, err } = await copy(embedded, external);
    expect(code, err).toBe(0);
    expect(out).toMatch(/are the same in both logs/);
    expect(copiedNow(out)).toBeLessThan(RECORDS - KILLED_AFTER + PUBLISHED_AT_ONCE);
  }, KAFKA);
  expect(whole.service.addresses.brokers).toEqual([KAFKA.KAFKA_BROKERS]);
  await proveMoved(before);

  const dataDirectory = join(folder, "back");
  await whole.whileStopped(async () => {
    const back = `embedded:${dataDirectory}`;
    const killed = await copy(
      external,
      back,
      () =>
        until(
          "a part is copied",
          async () => await brokerBytes(dataDirectory) > KILLED_AFTER_BYTES,
          COPY_MS,
        ),
    );
    expect(killed.code).not.toBe(0);
    const { code, out, err } = await copy(external, back);
    expect(code, err).toBe(0);
    expect(out).toMatch(/are the same in both logs/);
    expect(copiedNow(out)).toBeGreaterThan(0);
    expect(copiedNow(out)).toBeLessThan(RECORDS);
  }, { ...EMBEDDED, DATA_DIR: dataDirectory });
  await proveMoved(before);
  // The copy of the copy: what the first had not taken over is missing here, too.
  await proveRebuilt();
}, TEST_MS);
