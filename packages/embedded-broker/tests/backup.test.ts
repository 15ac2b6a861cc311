/** A copy of the log while producers write: whole, of one moment, and no producer waits for it. */
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backUpLog, type EmbeddedBroker, inspectLog, startEmbeddedBroker } from "../mod.ts";
import "./running.ts";

let folder: string;
let directory: string;
let broker: EmbeddedBroker;
let producer: Producer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-backup-"));
  directory = join(folder, "broker");
  broker = await start(directory);
  producer = kafkaOf(broker).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
});
afterEach(async () => {
  await producer.disconnect();
  await broker.stop();
  await rm(folder, { recursive: true });
});

const start = (directory: string) =>
  startEmbeddedBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0 });
const kafkaOf = ({ brokers }: EmbeddedBroker) =>
  new Kafka({ clientId: "test", brokers, logLevel: logLevel.NOTHING });

/** About 40 MB: several steps of a copy, and more than the WAL holds. */
const RECORDS = 400;
const VALUE = "x".repeat(100_000);

async function createTopic(numPartitions: number): Promise<void> {
  const admin = kafkaOf(broker).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "t", numPartitions }] });
  await admin.disconnect();
}

/** The offsets after the last record, by partition. */
async function endsOf(from: EmbeddedBroker): Promise<number[]> {
  const admin = kafkaOf(from).admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets("t");
  await admin.disconnect();
  return offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
}

const send = (partition: number, key: string, value = VALUE) =>
  producer.send({ topic: "t", messages: [{ partition, key, value }] });

/** The keys of every record, in any order. */
async function keysOf(from: EmbeddedBroker, records: number): Promise<string[]> {
  const consumer = kafkaOf(from).consumer({ groupId: "reader" });
  await consumer.connect();
  await consumer.subscribe({ topic: "t", fromBeginning: true });
  const keys: string[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage({ message }) {
        if (keys.push(String(message.key)) === records) resolve();
        return Promise.resolve();
      },
    });
  });
  await consumer.disconnect();
  return keys;
}

test("has all that was acknowledged before it, while a producer goes on", async () => {
  await createTopic(2);
  for (let i = 0; i < RECORDS; i++) await send(i % 2, `${i}`);
  const before = await endsOf(broker);
  const writing = new AbortController();
  let during = 0;
  const writer = (async () => {
    for (; !writing.signal.aborted; during++) await send(during % 2, "during");
  })();
  const steps: { done: number; total: number; during: number }[] = [];
  const file = join(folder, "copy.sqlite");
  const onProgress = (pages: { done: number; total: number }) => steps.push({ ...pages, during });
  await backUpLog({ directory, file, onProgress });
  const after = await endsOf(broker);
  writing.abort();
  await writer;
  expect(steps.length).toBeGreaterThan(5);
  // The producer was answered between the first step and the last.
  expect(steps.at(-1)!.during).toBeGreaterThan(steps[0]!.during);
  const ends = (await inspectLog(file)).partitions.map(({ end }) => end);
  for (const [partition, end] of ends.entries()) {
    expect(end).toBeGreaterThanOrEqual(before[partition]!);
    expect(end).toBeLessThanOrEqual(after[partition]!);
  }

  const second = join(folder, "second");
  await mkdir(second);
  await rename(file, join(second, "broker.sqlite"));
  const restored = await start(second);
  expect(await endsOf(restored)).toEqual(ends);
  const keys = await keysOf(restored, ends[0]! + ends[1]!);
  await restored.stop();
  expect(keys.filter((key) => key !== "during").map(Number).toSorted((a, b) => a - b))
    .toEqual(Array.from({ length: RECORDS }, (_, i) => i));
});

test("that is interrupted leaves nothing, and the broker goes on", async () => {
  await createTopic(1);
  for (let i = 0; i < RECORDS; i++) await send(0, `${i}`);
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error("enough"));
  const file = join(folder, "copy.sqlite");
  await expect(backUpLog({ directory, file, signal: stop.signal, onProgress }))
    .rejects.toThrow("enough");
  expect(await readdir(folder)).toEqual(["broker"]);
  await send(0, "after");
  expect(await endsOf(broker)).toEqual([RECORDS + 1]);
});

test("is refused where there is no log; a damaged copy, and another file, are named", async () => {
  const file = join(folder, "copy.sqlite");
  await expect(backUpLog({ directory: folder, file }))
    .rejects.toThrow(`there is no log in ${folder}`);
  await createTopic(1);
  for (let i = 0; i < 50; i++) await send(0, `${i}`);
  await backUpLog({ directory, file });
  await truncate(file, (await stat(file)).size / 2);
  await expect(inspectLog(file)).rejects.toThrow(/integrity check|malformed/);
  await writeFile(file, "");
  await expect(inspectLog(file)).rejects.toThrow(/no such table/);
  await expect(inspectLog(join(folder, "nowhere"))).rejects.toThrow(/there is no file/);
});

test("of a broker that was killed has what is only in its WAL", async () => {
  await createTopic(1);
  await send(0, "in the WAL");
  // The files as a kill leaves them.
  const killed = join(folder, "killed");
  await cp(directory, killed, { recursive: true });
  const file = join(folder, "copy.sqlite");
  await backUpLog({ directory: killed, file });
  await expect(inspectLog(file)).resolves.toMatchObject({
    partitions: [{ topic: "t", partition: 0, start: 0, end: 1 }],
  });
});
