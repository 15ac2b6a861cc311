/**
 * Apache Kafka's console tools, as an operator types them: kafka-topics.sh and its kin are one class each in the jars.
 */
import { afterAll, beforeAll, describe, expect, inject, test, type TestContext } from "vitest";
import "../provided.ts";
import { Reference } from "../reference.ts";
import { type RunTool, toolRunner } from "./console_tool.ts";

const broker = inject("brokerUnderTest");
const java = inject("installedClients").java;

/** Reading stops by itself when there is less than asked for. */
const READ_DEADLINE = ["--timeout-ms", "20000"];

describe(`the console tools of the ${java.label} and ${broker.name}`, () => {
  let reference: Reference;
  let tool: RunTool;

  beforeAll(async () => {
    if ("missing" in java) return;
    reference = await Reference.connect(broker.address);
    tool = toolRunner(java, broker.address);
  });
  afterAll(() => reference?.close());

  const check = (name: string, body: () => Promise<void>): void =>
    test(name, async (context: TestContext) => {
      if ("missing" in java) return context.skip(java.missing);
      await body();
    });

  check("kafka-topics creates, describes, enlarges, lists and deletes", async () => {
    const topic = `tools-${crypto.randomUUID()}`;
    const create = ["--create", "--topic", topic, "--partitions", "2"];
    await tool("topics", [...create, "--config", "max.message.bytes=2000000"]);
    await expect(tool("topics", create)).rejects.toThrow(/exists/);
    const described = await tool("topics", ["--describe", "--topic", topic]);
    expect(described).toMatch(/PartitionCount: 2\s+ReplicationFactor: 1/);
    expect(described).toContain("max.message.bytes=2000000");

    await tool("topics", ["--alter", "--topic", topic, "--partitions", "3"]);
    expect(await tool("topics", ["--describe", "--topic", topic])).toContain("PartitionCount: 3");
    expect((await tool("topics", ["--list"])).split("\n")).toContain(topic);

    await tool("topics", ["--delete", "--topic", topic]);
    await expect.poll(() => tool("topics", ["--list"]), { timeout: 20_000 }).not.toContain(topic);
  });

  check("kafka-configs shows and changes a topic's configuration", async () => {
    const topic = await reference.newTopic(1);
    const which = ["--entity-type", "topics", "--entity-name", topic];
    await tool("configs", ["--alter", ...which, "--add-config", "retention.ms=86400000"]);
    expect(await tool("configs", ["--describe", ...which])).toContain("retention.ms=86400000");
    await tool("configs", ["--alter", ...which, "--delete-config", "retention.ms"]);
    expect(await tool("configs", ["--describe", ...which])).not.toContain("retention.ms=86400000");
  });

  check("the console producer and consumer carry keys, headers and nulls", async () => {
    const topic = await reference.newTopic(1);
    await tool(
      "console-producer",
      [
        ...["--topic", topic, "--compression-codec", "zstd"],
        ...["--reader-property", "parse.key=true", "--reader-property", "parse.headers=true"],
        ...["--reader-property", "headers.key.separator==", "--reader-property", "null.marker=NIL"],
      ],
      "a=1,b=NIL\tkey\tvalue\na=2\tNIL\tno key\na=3\ta tombstone\tNIL\n",
    );
    const output = await tool("console-consumer", [
      ...["--topic", topic, "--from-beginning", "--max-messages", "3", ...READ_DEADLINE],
      ...["--formatter-property", "print.key=true", "--formatter-property", "print.headers=true"],
    ]);
    expect(output.split("\n").filter((line) => line.includes("\t"))).toEqual([
      "a:1,b:null\tkey\tvalue",
      "a:2\tnull\tno key",
      "a:3\ta tombstone\tnull",
    ]);
    const stored = await reference.storedBatches(topic, 0);
    expect(new Set(stored.map((batch) => batch.compression))).toEqual(new Set(["zstd"]));
  });

  check("the console consumer begins at an offset", async () => {
    const topic = await reference.newTopic(2);
    await reference.produce(topic, 1, ["zero", "one", "two", "three"]);
    const output = await tool("console-consumer", [
      ...["--topic", topic, "--partition", "1", "--offset", "2", "--max-messages", "2"],
      ...READ_DEADLINE,
    ]);
    expect(output.split("\n").slice(0, 2)).toEqual(["two", "three"]);
    expect(await tool("get-offsets", ["--topic", topic])).toBe(`${topic}:0:0\n${topic}:1:4\n`);
  });

  check("kafka-consumer-groups lists, describes, resets and deletes a group", async () => {
    const topic = await reference.newTopic(2);
    const group = `tools-${crypto.randomUUID()}`;
    await reference.produce(topic, 0, ["a", "b", "c"]);
    await tool("console-consumer", [
      ...["--topic", topic, "--group", group, "--from-beginning", "--max-messages", "3"],
      ...READ_DEADLINE,
    ]);
    await reference.produce(topic, 0, ["d", "e"]);

    expect((await tool("consumer-groups", ["--list"])).split("\n")).toContain(group);
    const lines = await tool("consumer-groups", ["--describe", "--group", group]);
    // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID …
    expect(lines).toMatch(new RegExp(`${group}\\s+${topic}\\s+0\\s+3\\s+5\\s+2\\s+-`));
    const state = await tool("consumer-groups", ["--describe", "--group", group, "--state"]);
    expect(state).toMatch(/Empty\s+0/);

    const reset = ["--reset-offsets", "--to-offset", "1", "--topic", `${topic}:0`, "--execute"];
    await tool("consumer-groups", ["--group", group, ...reset]);
    expect(await reference.committed(group, topic, 0)).toBe(1);

    await tool("consumer-groups", ["--delete", "--group", group]);
    expect(await tool("consumer-groups", ["--list"])).not.toContain(group);
  });

  check("kafka-consumer-groups shows the members of a group at work", async () => {
    const topic = await reference.newTopic(4);
    const group = `tools-${crypto.randomUUID()}`;
    const consumer = reference.newConsumer(group);
    try {
      const joined = new Promise<void>((resolve) =>
        consumer.on(consumer.events.GROUP_JOIN, () => resolve())
      );
      await consumer.connect();
      await consumer.subscribe({ topics: [topic] });
      await consumer.run({ eachMessage: () => Promise.resolve() });
      await joined;
      const members = await tool("consumer-groups", ["--describe", "--group", group, "--members"]);
      // GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS
      expect(members).toMatch(
        new RegExp(`${group}\\s+conformance-\\S+\\s+/127\\.0\\.0\\.1\\s+conformance\\s+4`),
      );
      const state = await tool("consumer-groups", ["--describe", "--group", group, "--state"]);
      expect(state).toMatch(/RoundRobinAssigner\s+Stable\s+1/);
      await expect(tool("consumer-groups", ["--delete", "--group", group])).rejects.toThrow(
        /not empty/,
      );
    } finally {
      await consumer.disconnect();
    }
  });

  check("kafka-delete-records moves the start of a partition", async () => {
    const topic = await reference.newTopic(1);
    await reference.produce(topic, 0, ["a", "b", "c"]);
    const wanted = { version: 1, partitions: [{ topic, partition: 0, offset: 2 }] };
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify(wanted));
      const output = await tool("delete-records", ["--offset-json-file", file]);
      expect(output).toMatch(new RegExp(`${topic}-0\\s+low_watermark: 2`));
    } finally {
      await Deno.remove(file);
    }
    const read = ["--topic", topic, "--from-beginning", "--max-messages", "1", ...READ_DEADLINE];
    expect((await tool("console-consumer", read)).split("\n")[0]).toBe("c");
  });
});
