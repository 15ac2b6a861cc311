/**
 * The checks that every Kafka client goes through, against whatever broker is under test: they say what a broker is to its
 * clients. They are written once; `client.ts` says what a client must be able to do for them.
 *
 * What a client can't do by itself is skipped with the reason, and so is a client that is not on this machine.
 */
import { afterAll, beforeAll, describe, expect, inject, test, type TestContext } from "vitest";
import { type Ability, type Client, COMPRESSIONS, type OpenClient } from "./client.ts";
import type { Installed } from "./install/installed.ts";
import { describeGroupChecks } from "./conformance_groups.ts";
import { expectSame, makeRecord, makeRecords } from "./records.ts";
import "./provided.ts";
import { Reference } from "./reference.ts";

/** What a check has at hand. */
export interface Bench {
  readonly client: Client;
  readonly reference: Reference;
}

/** Declares one check; `ability` is what it needs beyond what all clients can. */
export type Check = (
  name: string,
  ability: Ability | null,
  body: (bench: Bench) => Promise<void>,
) => void;

/** Below the 1 MiB that brokers and clients allow by default, overhead included. */
const LARGE_VALUE_BYTES = 900_000;
/** Kafka tells of a topic some time after it made it, and clients keep for seconds what they were told. */
const LISTED = { timeout: 10_000 };
const PLAIN = { compression: "none", idempotent: false } as const;

/**
 * Declares all checks for a client.
 * @param installed the client as the set-up found it; when it is missing, all its checks are skipped
 */
export function describeConformance<Where>(
  installed: Installed<Where>,
  open: (found: Where) => OpenClient,
): void {
  const broker = inject("brokerUnderTest");
  describe(`${installed.label} and ${broker.name}`, () => {
    let bench: Bench | undefined;
    beforeAll(async () => {
      if ("missing" in installed) return;
      const reference = await Reference.connect(broker.address);
      bench = { reference, client: await open(installed)(broker.address) };
    });
    afterAll(async () => {
      await bench?.client.close();
      await bench?.reference.close();
    });
    const check: Check = (name, ability, body) =>
      test(name, async (context: TestContext) => {
        if ("missing" in installed) return context.skip(installed.missing);
        const reason = ability === null ? undefined : bench!.client.cannot[ability];
        if (reason !== undefined) return context.skip(reason);
        await body(bench!);
      });
    describeTopicChecks(check);
    describeRecordChecks(check);
    describeNullAndHeaderChecks(check);
    describeBatchChecks(check);
    describeGroupChecks(check);
  });
}

function describeTopicChecks(check: Check): void {
  check("creates, lists and deletes topics", "topics", async ({ client, reference }) => {
    const topic = `t-${crypto.randomUUID()}`;
    await client.createTopic(topic, 3);
    await expect.poll(() => client.listTopics(), LISTED).toContain(topic);
    const { topics: [found] } = await reference.admin.fetchTopicMetadata({ topics: [topic] });
    expect(found!.partitions.map((one) => one.partitionId).toSorted()).toEqual([0, 1, 2]);

    await expect(client.createTopic(topic, 3)).rejects.toThrow(/exist/i);

    await client.deleteTopic(topic);
    await expect.poll(() => client.listTopics(), LISTED).not.toContain(topic);
  });

  check("lists topics that others made", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    await expect.poll(() => client.listTopics(), LISTED).toContain(topic);
  });
}

function describeRecordChecks(check: Check): void {
  check("produces to partitions and reads them back in order", null, async (bench) => {
    const { client, reference } = bench;
    const topic = await reference.newTopic(3);
    const records = makeRecords(300, 3);
    await client.produce(topic, records, PLAIN);
    for (const partition of [0, 1, 2]) {
      const seen = await client.read(topic, partition, 0, 100);
      expectSame(seen, records.filter((one) => one.partition === partition), 0);
    }
  });

  check("reads from any offset on", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = makeRecords(50, 1);
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 17, 33), records.slice(17), 17);
    expectSame(await client.read(topic, 0, 49, 1), records.slice(49), 49);
  });

  check("carries any bytes, and large values", "binary", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const value = new Uint8Array(LARGE_VALUE_BYTES).map((_, at) => at * 31 + (at >> 8));
    const records = [makeRecord({ key: value.slice(0, 256), value })];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 1), records, 0);
  });
}

function describeNullAndHeaderChecks(check: Check): void {
  check("tells null from empty in keys and values", "nulls", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = [
      makeRecord({ key: null, value: "no key" }),
      makeRecord({ key: "a tombstone", value: null }),
      makeRecord({ key: "", value: "" }),
      makeRecord({ key: null, value: null }),
    ];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 4), records, 0);
  });

  check("carries null keys and null values", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = [
      makeRecord({ key: null, value: "no key" }),
      makeRecord({ key: "a tombstone", value: null }),
    ];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 2), records, 0);
  });

  check("carries headers", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = [
      makeRecord({ headers: [["run", "r-1"], ["source file", "a=b.txt"], ["ünï", "ço∂é"]] }),
      makeRecord({ headers: [] }),
    ];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 2), records, 0);
  });

  check("keeps headers that repeat a name", "repeated headers", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = [makeRecord({ headers: [["again", "1"], ["other", "x"], ["again", "2"]] })];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 1), records, 0);
  });

  check("tells null headers from empty ones", "null headers", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = [makeRecord({ headers: [["null", null], ["empty", ""]] })];
    await client.produce(topic, records, PLAIN);
    expectSame(await client.read(topic, 0, 0, 1), records, 0);
  });
}

/** What producers do with whole batches, and how records are found in them. */
function describeBatchChecks(check: Check): void {
  for (const compression of COMPRESSIONS) {
    const ability = compression === "none" ? null : compression;
    check(`compresses with ${compression}`, ability, async ({ client, reference }) => {
      const topic = await reference.newTopic(1);
      const records = makeRecords(200, 1);
      await client.produce(topic, records, { compression, idempotent: false });
      expectSame(await client.read(topic, 0, 0, 200), records, 0);
      const stored = await reference.storedBatches(topic, 0);
      expect(new Set(stored.map((batch) => batch.compression))).toEqual(new Set([compression]));
    });
  }

  check("produces with idempotence", "idempotence", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const records = makeRecords(100, 1);
    await client.produce(topic, records, { compression: "none", idempotent: true });
    expectSame(await client.read(topic, 0, 0, 100), records, 0);
    let sequence = 0;
    for (const batch of await reference.storedBatches(topic, 0)) {
      expect(batch.producerId).toBeGreaterThanOrEqual(0n);
      expect(batch.baseSequence).toBe(sequence);
      sequence += batch.records;
    }
    expect(sequence).toBe(100);
  });

  check("finds offsets by time", "time", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const first_ms = Date.UTC(2024, 7, 12);
    await reference.produce(topic, 0, Array.from({ length: 10 }, (_, at) => `${at}`), first_ms);
    expect(await client.offsetForTime(topic, 0, first_ms + 4500)).toBe(5);
    expect(await client.offsetForTime(topic, 0, 0)).toBe(0);
    expect(await client.offsetForTime(topic, 0, first_ms + 9000)).toBe(9);
    expect(await client.offsetForTime(topic, 0, first_ms + 9001)).toBeNull();
  });
}
