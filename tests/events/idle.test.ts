/**
 * The patches of kafkajs that concern time: an idle process uses almost no CPU, time-outs still fire, and a resumed partition
 * is read at once although fetches wait long.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kafka, logLevel } from "../../src/events/kafkajs/kafkajs.ts";
import { until } from "../support/poll.ts";
import { BrokerProcess } from "@gmn/embedded-broker/testing";

const IDLE = fileURLToPath(new URL("./idle_process.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
/** Measured: 0.2 % with the patches, 1.1 % without the last two, 2.1 % without any. */
const IDLE_PERCENT_MAX = 0.8;

let directory: string;
let broker: BrokerProcess;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-idle-"));
  broker = await BrokerProcess.start(directory);
});
afterAll(async () => {
  await broker.stop();
  await rm(directory, { recursive: true, force: true });
});

test("an idle producer and consumer use almost no CPU", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "run",
    "-A",
    "--config",
    CONFIG,
    IDLE,
    broker.kafka,
  ]);
  expect(Number(stdout)).toBeGreaterThan(0);
  expect(Number(stdout)).toBeLessThan(IDLE_PERCENT_MAX);
});

test("a request that is never answered times out on time", async () => {
  const silent = createServer((socket) => socket.resume().on("error", () => {}));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    requestTimeout: 300,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  }).admin();
  const began = performance.now();
  await expect(admin.connect()).rejects.toThrow(/timed out/);
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(290);
  // The client may try each of the three versions of the first request.
  expect(took).toBeLessThan(3_000);
  await admin.disconnect();
  silent.close();
});

test("a resumed partition is read at once, however long an idle fetch waits", async () => {
  const LONG_MS = 30_000;
  const kafka = new Kafka({ brokers: [broker.kafka], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic: "resumed", numPartitions: 2 }] });
  const consumer = kafka.consumer({ groupId: "resumed", maxWaitTimeInMs: LONG_MS });
  const seen: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: ["resumed"], fromBeginning: true });
  const partition0 = [{ topic: "resumed", partitions: [0] }];
  const send = (value: string) =>
    producer.send({ topic: "resumed", messages: [{ partition: 0, value }] });
  await consumer.run({
    eachMessage: ({ message }) => {
      seen.push(String(message.value));
      consumer.pause(partition0);
      return Promise.resolve();
    },
  });
  await send("first");
  await until("the first", () => seen.length === 1);
  await send("second");
  consumer.resume(partition0);
  // `until` waits a third of LONG_MS.
  await until("the second", () => seen.length === 2);
  expect(seen).toEqual(["first", "second"]);
  // Publish a record, so that the stop does not wait for the long fetch.
  consumer.resume(partition0);
  const stopping = consumer.disconnect();
  await send("third");
  await stopping;
  await Promise.all([admin.disconnect(), producer.disconnect()]);
});
