/** Fetches without a group: calls of the same turn share a request, and each gets what it would get alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiKey, type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { createKafka } from "../../src/events/kafka_client.ts";
import { type DirectFetch, openDirectFetch } from "../../src/events/kafkajs/direct_fetch.ts";
import { unobserved } from "../../src/observe/observe.ts";

let folder: string;
let broker: ControlledBroker;
let fetch: DirectFetch;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-fetch-"));
  broker = await startControlledBroker({ directory: folder, kafkaPort: 0, schemaRegistryPort: 0 });
  const kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: ["a", "b"].map((topic) => ({ topic, numPartitions: 2 })) });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  for (const topic of ["a", "b"]) {
    for (const partition of [0, 1]) {
      const messages = [0, 1, 2].map((n) => ({ value: `${topic}${partition} ${n}`, partition }));
      await producer.send({ topic, messages });
    }
  }
  await producer.disconnect();
  fetch = await openDirectFetch(kafka);
  // Its topics are known from here on: learning them takes a request.
  for (const topic of ["a", "b"]) await fetch.recordsFrom(topic, 0, 0n);
});
afterAll(async () => {
  await fetch.close();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

const values = async (topic: string, partition: number, offset: bigint) =>
  (await fetch.recordsFrom(topic, partition, offset)).map(({ value }) => value?.toString());

test("each call gets the records of its partition, from its offset on", async () => {
  expect(
    await Promise.all([
      values("a", 0, 0n),
      values("b", 1, 2n),
      values("a", 1, 1n),
      values("a", 0, 0n),
      // The same partition from elsewhere, and the end of the log.
      values("a", 0, 2n),
      values("b", 0, 3n),
    ]),
  ).toEqual([
    ["a0 0", "a0 1", "a0 2"],
    ["b1 2"],
    ["a1 1", "a1 2"],
    ["a0 0", "a0 1", "a0 2"],
    ["a0 2"],
    [],
  ]);
});

test("an offset that is out of range is the failure of its own call only", async () => {
  const [good, bad] = await Promise.allSettled([values("a", 0, 1n), values("b", 0, 99n)]);
  expect(good).toEqual({ status: "fulfilled", value: ["a0 1", "a0 2"] });
  expect(bad).toMatchObject({ status: "rejected", reason: { type: "OFFSET_OUT_OF_RANGE" } });
});

test("calls of one turn are one request, and a later call is another", async () => {
  const [first, second] = [await nextFetch(), await nextFetch()];
  await Promise.all([values("a", 0, 0n), values("a", 1, 0n), values("b", 0, 0n)]);
  expect([first.isSeen(), second.isSeen()]).toEqual([true, false]);
  await values("b", 1, 0n);
  await second.seen;
});

/** Notices a fetch; each call waits for another one. */
async function nextFetch() {
  const { struck } = await broker.control.failNext({ apiKey: ApiKey.Fetch, delay_ms: 1 });
  let isSeen = false;
  const seen = struck.then(() => void (isSeen = true));
  return { seen, isSeen: () => isSeen };
}
