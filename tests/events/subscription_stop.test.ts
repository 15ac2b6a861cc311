/** Stopping a subscription takes a bounded time, whatever the broker does. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiKey, type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { groupMembers } from "../../src/events/consumer_group.ts";
import { createKafka, type Kafka } from "../../src/events/kafka_client.ts";
import { subscribe } from "../../src/events/subscription.ts";
import { createObserver, type ServiceEvent, unobserved } from "../../src/observe/observe.ts";
import { until } from "../support/poll.ts";

const TOPIC = "things";
const GROUP = "readers";
/** How long the broker delays an answer. */
const HELD_MS = 3_000;

let folder: string;
let broker: ControlledBroker;
let kafka: Kafka;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-stop-"));
  broker = await startControlledBroker({ directory: folder, kafkaPort: 0, schemaRegistryPort: 0 });
  kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC }] });
  await admin.disconnect();
});
afterEach(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

test.each(
  [
    ["an unanswered join", ApiKey.JoinGroup, "before"],
    ["an unanswered leave", ApiKey.LeaveGroup, "after"],
  ] as const,
)("%s does not block a stop, and is reported; no member left", async (_what, apiKey, when) => {
  const held = await broker.control.failNext({ apiKey, delay_ms: HELD_MS, group: GROUP });
  const observer = createObserver();
  const said: ServiceEvent[] = [];
  observer.listen((event) => said.push(event));
  const subscription = subscribe({
    kafka,
    groupId: GROUP,
    topics: [TOPIC],
    limits: { maxRecords: 100, maxBytes: 1_000_000, queueBytes: 10_000_000 },
    observe: observer.observe,
    leaveTimeout_ms: HELD_MS / 60,
    reader: {
      position: () => Promise.resolve(0n),
      begin: () => Promise.resolve(),
      process: () => Promise.resolve(),
    },
  });
  if (when === "before") await held.struck;
  else await until("joined", () => said.some(({ name }) => name === "sink.assigned"));

  await subscription.stop();
  expect(said.map(({ name, detail }) => name === "log.client" ? detail.message : ""))
    .toContainEqual(expect.stringContaining("has not left its group after"));

  // Leaving continues in the background until it is complete.
  await until("its connections are closed", async () => {
    return (await broker.control.stats()).connections === 0;
  });
  expect(await groupMembers(kafka, GROUP)).toEqual([]);
});
