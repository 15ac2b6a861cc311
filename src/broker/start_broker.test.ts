import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createObserver, type ServiceEvent } from "../observe/observe.ts";
import { readLogHome, writeLogHome } from "./log_home.ts";
import { type BrokerSettings, type ChosenBroker, startBroker } from "./start_broker.ts";

let dataDirectory: string;
let events: ServiceEvent[];
beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "gmn-broker-"));
  events = [];
});
afterEach(() => rm(dataDirectory, { recursive: true, force: true }));

function start(settings: Partial<BrokerSettings>): Promise<ChosenBroker> {
  const observer = createObserver();
  observer.listen((event) => events.push(event));
  return startBroker({
    broker: "auto",
    kafkaBrokers: null,
    schemaRegistryUrl: null,
    kafkaPort: 0,
    schemaRegistryPort: 0,
    dataDirectory,
    redpandaBin: null,
    redpandaMemory: "1200M",
    ...settings,
  }, {
    observe: observer.observe,
    signal: new AbortController().signal,
    proveLog: () => Promise.resolve(),
  });
}

test("a folder with a log keeps its broker when the machine would now choose another", async () => {
  const first = await start({ broker: "embedded" });
  await first.stop();
  expect(await readLogHome(dataDirectory)).toBe("embedded");
  // This program exists, so it would be chosen for a new folder.
  const second = await start({ redpandaBin: "/bin/sh" });
  await second.stop();
  expect(second).toMatchObject({ kind: "embedded", reason: expect.stringContaining("kept by it") });
});

test("the reason of the choice says when another broker kept the log until now", async () => {
  await writeLogHome(dataDirectory, "docker");
  const broker = await start({ broker: "embedded" });
  await broker.stop();
  expect(events[0]).toMatchObject({
    name: "broker.starting",
    detail: {
      kind: "embedded",
      reason: "BROKER=embedded; until now docker kept this DATA_DIR's log",
    },
  });
  expect(await readLogHome(dataDirectory)).toBe("embedded");
});

test("an external broker is returned as set, and is not remembered in the folder", async () => {
  const brokers = ["a.example:9092", "b.example:9092"];
  const broker = await start({ kafkaBrokers: brokers, schemaRegistryUrl: "http://r.example" });
  expect(broker).toMatchObject({
    kind: "external",
    brokers,
    schemaRegistryUrl: "http://r.example",
    reason: "KAFKA_BROKERS is set",
  });
  await broker.stop();
  await expect(readFile(join(dataDirectory, "broker.json"))).rejects.toThrow(/ENOENT/);
});

test("refuses a REDPANDA_BIN that is not a program", async () => {
  await expect(start({ redpandaBin: "/nowhere/redpanda" })).rejects.toThrow(
    /REDPANDA_BIN=\/nowhere\/redpanda is not a program/,
  );
});
