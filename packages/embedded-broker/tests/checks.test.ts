/** The broker's own checks: damage on the disk is found, at start where it is cheap, and then in the background. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import type { BrokerEvent, DamageEvent } from "../settings.ts";
import { type ControlledBroker, startControlledBroker } from "./testing/mod.ts";
import { RawClient } from "./testing/raw_client.ts";

const BATCHES = 6;
const RECORDS = 5;
const TEST_MS = 30_000;

let directory: string;
let broker: ControlledBroker;
let events: BrokerEvent[];
let onEvent: () => void;

async function start(): Promise<void> {
  events = [];
  onEvent = () => {};
  broker = await startControlledBroker({
    directory,
    kafkaPort: 0,
    schemaRegistryPort: 0,
    onEvent: (event) => {
      events.push(event);
      onEvent();
    },
  });
}
const damages = () => events.filter((event): event is DamageEvent => event.kind === "damaged");
/** Resolves when there are `count` findings. */
const found = (count: number) =>
  new Promise<void>((resolve) => {
    onEvent = () => damages().length >= count && resolve();
    onEvent();
  });

/** Stops the broker, changes its file, and starts it again. */
async function damage(...statements: string[]): Promise<void> {
  await broker.stop();
  const database = new DatabaseSync(join(directory, "broker.sqlite"));
  for (const statement of statements) database.exec(statement);
  database.close();
  await start();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-checks-"));
  await start();
  const client = await RawClient.connect(broker.brokers[0]!);
  await client.createTopic("a", 2);
  for (let n = 0; n < BATCHES; n++) {
    for (const partition of [0, 1]) {
      const records = Array.from({ length: RECORDS }, () => ({ value: `${partition} ${n}` }));
      await client.produce("a", partition, makeBatch(records));
    }
  }
  client.close();
}, TEST_MS);
afterEach(async () => {
  await broker.stop();
  await rm(directory, { recursive: true, force: true });
});

const FLIP =
  "UPDATE batch SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'2a' AS BLOB) WHERE";
const at = (partition: number, firstOffset: number, lastOffset: number, reason: string) => ({
  kind: "damaged",
  topic: "a",
  partition,
  firstOffset,
  lastOffset,
  reason,
});
const HEAD = "the batch does not match its head";

test(
  "a sound log has no findings, and a batch in the middle is found in the background",
  async () => {
    expect(damages()).toEqual([]);
    await damage(`${FLIP} base_offset = 10 AND partition_id = 2`);
    await found(1);
    expect(damages()).toEqual([at(1, 10, 14, HEAD)]);
  },
  TEST_MS,
);

test("the last batch of a partition is found before the broker answers", async () => {
  await damage(`${FLIP} base_offset = 25 AND partition_id = 1`);
  expect(damages()).toEqual([at(0, 25, 29, HEAD)]);
}, TEST_MS);

test(
  "missing batches, and a wrong first offset, are found, each range once",
  async () => {
    await damage(
      "DELETE FROM batch WHERE base_offset IN (5, 10) AND partition_id = 1",
      "UPDATE batch SET bytes = CAST(x'0000000000000063' || substr(bytes, 9) AS BLOB) WHERE base_offset = 15 AND partition_id = 2",
      `${FLIP} base_offset = 25 AND partition_id = 2`,
    );
    await found(3);
    expect(damages().toSorted((a, b) => a.firstOffset - b.firstOffset)).toEqual([
      at(0, 5, 14, "no batch has these offsets"),
      at(1, 15, 19, HEAD),
      at(1, 25, 29, HEAD),
    ]);
  },
  TEST_MS,
);

test("records that were deleted from the beginning are not missed", async () => {
  await damage(
    "UPDATE partition SET start_offset = 12 WHERE partition_id = 1",
    "DELETE FROM batch WHERE base_offset < 10 AND partition_id = 1",
    `${FLIP} base_offset = 20 AND partition_id = 2`,
  );
  await found(1);
  expect(damages()).toEqual([at(1, 20, 24, HEAD)]);
}, TEST_MS);
