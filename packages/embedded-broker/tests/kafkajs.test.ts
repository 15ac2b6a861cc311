/**
 * kafkajs with the embedded broker, over TCP: the operations that the service uses.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Admin, CompressionTypes, ConfigResourceTypes, type Producer } from "kafkajs";
import { TestBroker, TestConsumer } from "./running.ts";
import { RawClient } from "./testing/raw_client.ts";

let running: TestBroker;
let admin: Admin;
let producer: Producer;

beforeAll(async () => {
  running = await TestBroker.start();
  admin = running.kafka().admin();
  producer = running.kafka().producer();
  await admin.connect();
  await producer.connect();
});

afterAll(async () => {
  await producer.disconnect();
  await admin.disconnect();
  await running.stop();
});

let topics = 0;
/** Creates a separate topic for each test. */
async function newTopic(numPartitions = 1): Promise<string> {
  const topic = `topic-${++topics}`;
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  return topic;
}

describe("topics", () => {
  test("are created, described, enlarged, listed and deleted", async () => {
    const topic = await newTopic(3);
    const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [topic] });
    expect(found.partitions.map((p) => p.partitionId)).toEqual([0, 1, 2]);
    expect(found.partitions.every((p) => p.leader === 0)).toBe(true);

    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    expect((await admin.fetchTopicOffsets(topic)).length).toBe(5);

    expect(await admin.listTopics()).toContain(topic);
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
  });

  test("that exist are not created a second time", async () => {
    const topic = await newTopic();
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false);
  });

  test("get the broker's default number of partitions when the client does not specify it", async () => {
    const topic = `topic-${++topics}`;
    await admin.createTopics({ topics: [{ topic }] }); // kafkajs sends -1
    expect((await admin.fetchTopicOffsets(topic)).length).toBe(1);
  });

  test("are not created by a Metadata request", async () => {
    await expect(producer.send({ topic: "nobody-made-me", messages: [{ value: "x" }] })).rejects
      .toThrow(/does not host this topic-partition/);
  });

  test("have configurations that can be read and changed", async () => {
    const topic = await newTopic();
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    await RawClient.setConfig(running.address, topic, "max.message.bytes", "2000");
    const { resources: [{ configEntries }] } = await admin.describeConfigs({
      includeSynonyms: true,
      resources: [{ ...resource, configNames: ["max.message.bytes", "cleanup.policy"] }],
    });
    expect(Object.fromEntries(configEntries.map((e) => [e.configName, e.configValue]))).toEqual({
      "cleanup.policy": "delete",
      "max.message.bytes": "2000",
    });
    const large = { topic, messages: [{ value: "x".repeat(3000) }] };
    await expect(producer.send(large)).rejects.toThrow(/larger than the max message size/);
  });

  test("refuse configurations that the broker does not implement", async () => {
    await expect(admin.createTopics({
      topics: [{
        topic: "no",
        configEntries: [{ name: "message.timestamp.type", value: "LogAppendTime" }],
      }],
    })).rejects.toMatchObject({
      errors: [{ message: expect.stringMatching(/Configuration is invalid/) }],
    });
  });
});

describe("records", () => {
  test("are returned as they were sent, with headers and null keys and values", async () => {
    const topic = await newTopic();
    const sent = [
      { key: "a", value: "1", headers: { h: "x", empty: "" }, timestamp: "1700000000000" },
      { key: null, value: "2" },
      { key: "withdrawn", value: null },
      { key: "", value: "" },
    ];
    const [{ baseOffset }] = await producer.send({ topic, messages: sent });
    expect(baseOffset).toBe("0");
    const consumer = running.kafka().consumer({ groupId: "as-they-went", maxWaitTimeInMs: 100 });
    const seen: unknown[] = [];
    const all = Promise.withResolvers<void>();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message: { key, value, headers } }) => {
        seen.push({
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
          headers: Object.fromEntries(
            Object.entries(headers ?? {}).map(([name, h]) => [name, String(h)]),
          ),
        });
        if (seen.length === sent.length) all.resolve();
        return Promise.resolve();
      },
    });
    await all.promise;
    await consumer.disconnect();
    expect(seen).toEqual([
      { key: "a", value: "1", headers: { h: "x", empty: "" } },
      { key: null, value: "2", headers: {} },
      { key: "withdrawn", value: null, headers: {} },
      { key: "", value: "", headers: {} },
    ]);
  });

  test.each([0, 1, -1])("are accepted with acks=%d, plain and gzip", async (acks) => {
    const topic = await newTopic();
    const send = (value: string, compression: CompressionTypes) =>
      producer.send({ topic, acks, compression, messages: [{ value }, { value }] });
    await send("plain", CompressionTypes.None);
    await send("gzip", CompressionTypes.GZIP);
    const consumer = await TestConsumer.run(running.kafka(), topic, { groupId: `acks${acks}` });
    await consumer.sees(4);
    await consumer.stop();
    expect(consumer.seen.map(({ value }) => value)).toEqual(["plain", "plain", "gzip", "gzip"]);
    expect(consumer.seen.map(({ offset }) => offset)).toEqual(["0", "1", "2", "3"]);
  });

  test("are found by time, also inside a batch, compressed or not", async () => {
    const topic = await newTopic();
    const at = (second: number) => ({ value: `${second}`, timestamp: `${1000 * second}` });
    await producer.send({ topic, messages: [at(1), at(2), at(3)] });
    const compression = CompressionTypes.GZIP;
    await producer.send({ topic, compression, messages: [at(4), at(5), at(6)] });
    const offsetAt = async (ms: number) =>
      (await admin.fetchTopicOffsetsByTimestamp(topic, ms))[0].offset;
    expect(await offsetAt(0)).toBe("0");
    expect(await offsetAt(2000)).toBe("1");
    expect(await offsetAt(2001)).toBe("2");
    expect(await offsetAt(5500)).toBe("5");
    // kafkajs requests the end offset when there is no such record.
    expect(await offsetAt(7000)).toBe("6");
  });

  test("below an offset can be deleted", async () => {
    const topic = await newTopic();
    for (const value of ["a", "b", "c"]) await producer.send({ topic, messages: [{ value }] });
    await admin.fetchTopicMetadata({ topics: [topic] }); // kafkajs looks up the leader in its cached metadata
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
    expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ low: "2", high: "3" }]);
    const consumer = await TestConsumer.run(running.kafka(), topic, { groupId: "below" });
    await consumer.sees(1);
    await consumer.stop();
    expect(consumer.seen).toMatchObject([{ offset: "2", value: "c" }]);
  });

  test("of an idempotent producer are stored once and in order", async () => {
    const topic = await newTopic();
    const idempotent = running.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
    await idempotent.connect();
    for (let i = 0; i < 20; i++) await idempotent.send({ topic, messages: [{ value: `${i}` }] });
    await idempotent.disconnect();
    expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: "20" }]);
  });
});

describe("groups", () => {
  test("continue at their committed offset, also after a restart of the broker", async () => {
    const own = await TestBroker.start();
    const kafka = own.kafka();
    const [ownAdmin, ownProducer] = [kafka.admin(), kafka.producer()];
    await ownAdmin.connect();
    await ownProducer.connect();
    await ownAdmin.createTopics({ topics: [{ topic: "t" }] });
    await ownProducer.send({ topic: "t", messages: [{ value: "1" }, { value: "2" }] });
    const first = await TestConsumer.run(kafka, "t", { groupId: "g" });
    await first.sees(2);
    await first.stop();

    await own.restart();
    await ownProducer.send({ topic: "t", messages: [{ value: "3" }] });
    const second = await TestConsumer.run(kafka, "t", { groupId: "g" });
    await second.sees(1);
    expect(second.seen).toMatchObject([{ value: "3", offset: "2" }]);
    await second.stop();
    expect(await ownAdmin.fetchOffsets({ groupId: "g", topics: ["t"] }))
      .toMatchObject([{ partitions: [{ offset: "3" }] }]);
    await ownAdmin.disconnect();
    await ownProducer.disconnect();
    await own.stop();
  });

  test("redistribute partitions when a member joins and when it leaves", async () => {
    const topic = await newTopic(4);
    const config = { groupId: "share" };
    const first = await TestConsumer.run(running.kafka("one"), topic, config);
    await first.has(4);
    const second = await TestConsumer.run(running.kafka("two"), topic, config);
    await Promise.all([first.has(2), second.has(2)]);
    expect([...first.assigned, ...second.assigned].sort()).toEqual([0, 1, 2, 3]);

    const { groups: [group] } = await admin.describeGroups(["share"]);
    expect(group).toMatchObject({ state: "Stable", protocol: "RoundRobinAssigner" });
    expect(group.members.map((member) => member.clientId).sort()).toEqual(["one", "two"]);

    await second.stop();
    await first.has(4);
    await first.stop();
  });

  test("seek, and commit the given offsets", async () => {
    const topic = await newTopic();
    await producer.send({ topic, messages: [..."abcdef"].map((value) => ({ value })) });
    const test = await TestConsumer.run(running.kafka(), topic, {
      groupId: "seek",
      autoCommit: false,
    });
    await test.sees(6);
    test.consumer.seek({ topic, partition: 0, offset: "4" });
    await test.sees(8);
    expect(test.seen.slice(6).map(({ value }) => value)).toEqual(["e", "f"]);
    await test.consumer.commitOffsets([{ topic, partition: 0, offset: "3", metadata: "why" }]);
    const offsets = await admin.fetchOffsets({ groupId: "seek", topics: [topic] });
    expect(offsets[0].partitions[0]).toMatchObject({ offset: "3", metadata: "why" });
    await test.stop();
  });

  test("lose their offsets with the topic, and can be deleted when empty", async () => {
    const topic = await newTopic();
    await producer.send({ topic, messages: [{ value: "x" }] });
    await admin.setOffsets({ groupId: "gone", topic, partitions: [{ partition: 0, offset: "1" }] });
    expect((await admin.listGroups()).groups.map((g) => g.groupId)).toContain("gone");
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.fetchOffsets({ groupId: "gone" })).toEqual([]);
    await admin.deleteGroups(["gone"]);
    expect((await admin.listGroups()).groups.map((g) => g.groupId)).not.toContain("gone");
  });
});
