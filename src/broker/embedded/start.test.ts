import { mkdtemp, rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { startEmbeddedBroker } from "./start.ts";

test("starts in a Worker, serves both ports, stops", async () => {
  const directory = await mkdtemp("/tmp/broker-");
  const broker = await startEmbeddedBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0 });
  expect(broker.brokers[0]).toMatch(/^127\.0\.0\.1:\d+$/);
  const answer = await fetch(`${broker.schemaRegistryUrl}/subjects`);
  expect(await answer.json()).toEqual([]);
  await broker.stop();
  await rm(directory, { recursive: true });
});
