import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BrokerRefusal, type EmbeddedBrokerOptions, startEmbeddedBroker } from "./mod.ts";
import { startControlledBroker } from "./tests/testing/mod.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-start-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const start = (options: Partial<EmbeddedBrokerOptions> = {}) =>
  startEmbeddedBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0, ...options });
const startControlled = (options: Partial<EmbeddedBrokerOptions> = {}) =>
  startControlledBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0, ...options });

test("both ports answer while it runs, and are free after it has stopped", async () => {
  const said: string[] = [];
  const broker = await start({ onEvent: ({ kind }) => said.push(kind) });
  expect(broker.brokers).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  const answer = await fetch(`${broker.schemaRegistryUrl}/subjects`);
  expect(await answer.json()).toEqual([]);
  await Promise.all([broker.stop(), broker.stop()]);
  expect(said).toEqual(["stopped"]);
  await expect(fetch(`${broker.schemaRegistryUrl}/subjects`)).rejects.toThrow();
  const again = await start({ kafkaPort: Number(broker.brokers[0].split(":")[1]) });
  expect(again.brokers).toEqual(broker.brokers);
  await again.stop();
});

test.each([
  ["kafkaPort", "KAFKA_PORT"],
  ["schemaRegistryPort", "SCHEMA_REGISTRY_PORT"],
])(
  "a %s in use is reported with its setting, and nothing is left behind",
  async (option, setting) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const failure = await start({ [option]: port }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BrokerRefusal);
    expect((failure as Error).message).toContain(`port ${port} on 127.0.0.1`);
    expect((failure as Error).message).toContain("is in use");
    expect((failure as BrokerRefusal).hint).toContain(setting);
    other.close();
    // The directory was released.
    await (await start()).stop();
  },
);

test("a directory that another broker uses is refused", async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(/is in use by another process/);
  await first.stop();
});

test("controlling a stopped broker fails with an error that says so", async () => {
  const broker = await startControlled();
  await broker.stop();
  await expect(broker.control.stats()).rejects.toThrow("the embedded broker is not running");
});

test("a broker that dies reports it, and its directory can be used again", async () => {
  const said: unknown[] = [];
  const broker = await startControlled({ onEvent: (event) => said.push(event) });
  broker.control.crash();
  expect((await broker.failed).message).toContain("crashed by order");
  expect(said).toEqual([{ kind: "died", reason: expect.stringContaining("crashed by order") }]);
  await broker.stop(); // does nothing
  await (await start()).stop();
});
