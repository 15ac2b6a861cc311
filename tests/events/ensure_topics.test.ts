/** Creating topics on a cluster whose brokers do not know them at once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiKey, type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { ErrorCode } from "@gmn/kafka-formats";
import { ensureTopics } from "../../src/events/ensure_topics.ts";
import { createKafka, type Kafka } from "../../src/events/kafka_client.ts";
import type { Topic } from "../../src/events/topics.ts";
import { createObserver, type ServiceEvent } from "../../src/observe/observe.ts";

const TOPIC: Topic = {
  name: "things",
  partitions: 2,
  cleanupPolicy: "delete",
  schemaFile: "iau_shower.avsc",
};

let folder: string;
let broker: ControlledBroker;
let kafka: Kafka;
let said: ServiceEvent[];
const observer = createObserver();
observer.listen((event) => said.push(event));

beforeEach(async () => {
  said = [];
  folder = await mkdtemp(join(tmpdir(), "gmn-topics-"));
  broker = await startControlledBroker({ directory: folder, kafkaPort: 0, schemaRegistryPort: 0 });
  kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, observer.observe);
});
afterEach(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

// In a cluster the controller creates a topic, and the brokers, which answer for it, hear of it some milliseconds later.
test.each([
  ["does not know", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  ["has no leader for", ErrorCode.LEADER_NOT_AVAILABLE],
])("waits until a broker that %s the new topic yet does", async (_what, errorCode) => {
  const unknown = { apiKey: ApiKey.Metadata, topic: TOPIC.name, errorCode, times: 12 };
  const fault = await broker.control.failNext(unknown);
  await ensureTopics(kafka, [TOPIC], observer.observe, { factor: null, minInsync: null });
  // More often than kafkajs itself asks.
  expect(fault.count()).toBe(12);
  expect(said.filter(({ name }) => name === "log.topic_created")).toMatchObject([
    { detail: { topic: TOPIC.name, partitions: 2 } },
  ]);
});
