/**
 * Acknowledged data survives kill -9 at any moment: records, in order and exactly once; producer states; group offsets;
 * topics; schemas. The broker is killed under load and restarted, and all data is checked, many times on the same
 * database.
 *
 * `BROKER_KILLS` sets how often (20), `BROKER_KILL_SEED` repeats a sequence.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { BrokerProcess } from "./testing/broker_process.ts";
import {
  IdempotentWriter,
  OffsetWriter,
  PlainWriter,
  SchemaWriter,
  type Target,
  TopicWriter,
  type Writer,
} from "./load.ts";
import { RawClient } from "./testing/raw_client.ts";
import { seeded } from "./seeded.ts";

const KILLS = Number(process.env.BROKER_KILLS ?? 20);
const SEED = Number(process.env.BROKER_KILL_SEED ?? Date.now() % 2 ** 31);
/** The broker is killed after at most this many acknowledgements, whatever it is doing. */
const MAX_ACKNOWLEDGEMENTS = 150;
const TIMEOUT_MS = 60_000 + KILLS * 5000;

/** Runs all writers until the broker is killed after `acknowledgements`. */
async function loadAndKill(
  broker: BrokerProcess,
  writers: readonly (readonly [Writer, lanes: number])[],
  acknowledgements: number,
): Promise<void> {
  let left = acknowledgements;
  let killing: Promise<void> | undefined;
  const lane = async (writer: Writer): Promise<void> => {
    const client = await RawClient.connect(broker.kafka);
    const target = { client, schemaRegistryUrl: broker.schemaRegistryUrl };
    const work = async (): Promise<void> => {
      while (killing === undefined) {
        await writer.write(target);
        if (--left <= 0) killing ??= broker.kill();
      }
    };
    await work().catch((error: Error) => {
      // The death of the broker ends a lane; any other error is a failure that this test must find.
      if (killing === undefined || error.name === "AssertionError") throw error;
    });
    client.close();
  };
  await Promise.all(
    writers.flatMap(([writer, lanes]) => Array.from({ length: lanes }, () => lane(writer))),
  );
  await killing;
}

test(`acknowledged data is kept across ${KILLS} kills`, async () => {
  console.log(`kill seed ${SEED}`);
  const draw = seeded(SEED);
  const directory = await mkdtemp(join(tmpdir(), "gmn-kills-"));
  const writers: [Writer, number][] = [
    [new IdempotentWriter("idempotent", draw), 1],
    [new PlainWriter("plain"), 4],
    [new OffsetWriter("group", "plain"), 2],
    [new TopicWriter(), 1],
    [new SchemaWriter(), 1],
  ];
  let broker = await BrokerProcess.start(directory);
  try {
    const first = await RawClient.connect(broker.kafka);
    for (const topic of ["idempotent", "plain"]) await first.createTopic(topic);
    first.close();
    for (let kill = 1; kill <= KILLS; kill++) {
      await loadAndKill(broker, writers, 1 + draw(MAX_ACKNOWLEDGEMENTS));
      broker = await BrokerProcess.start(directory);
      const target: Target = {
        client: await RawClient.connect(broker.kafka),
        schemaRegistryUrl: broker.schemaRegistryUrl,
      };
      for (const [writer] of writers) await writer.check(target);
      target.client.close();
    }
  } finally {
    await broker.stop();
    await rm(directory, { recursive: true });
  }
}, TIMEOUT_MS);

test("a second process is refused while the first one lives, and starts once it was killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gmn-second-"));
  const first = await BrokerProcess.start(directory);
  await expect(BrokerProcess.start(directory)).rejects.toThrow(
    /in use by another process \(process \d+\)/,
  );
  await first.kill();
  const second = await BrokerProcess.start(directory);
  await second.stop();
  await rm(directory, { recursive: true });
});

test("on a full disk the broker refuses records, loses none, and recovers with space", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gmn-full-"));
  const limited = await BrokerProcess.start(directory, 8000);
  const client = await RawClient.connect(limited.kafka);
  await client.createTopic("t");
  const value = () => new Uint8Array(300_000);
  let kept = 0;
  let refused = 0;
  while (refused < 3) {
    const { errorCode } = await client.produce("t", 0, makeBatch([{ value: value() }]));
    if (errorCode === ErrorCode.NONE) kept++;
    else {
      expect(errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR); // clients retry by themselves
      refused++;
    }
    expect(kept).toBeLessThan(100);
  }
  expect(kept).toBeGreaterThan(3);
  expect((await client.fetch("t", 0, 0)).highWatermark).toBe(kept);
  client.close();
  expect(await limited.stop()).toBe(0);

  const roomy = await BrokerProcess.start(directory);
  const again = await RawClient.connect(roomy.kafka);
  expect(await again.produce("t", 0, makeBatch([{ value: value() }])))
    .toEqual({ errorCode: ErrorCode.NONE, baseOffset: kept });
  again.close();
  await roomy.stop();
  await rm(directory, { recursive: true });
}, 60_000);
