/** The copies of the topics on real clusters: three brokers, and one. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backoff, retry } from "@gmn/failures";
import { ensureTopics } from "../../src/events/ensure_topics.ts";
import { createKafka, type Kafka, withAdmin } from "../../src/events/kafka_client.ts";
import {
  readReplication,
  type ReplicationSettings,
  type TopicReplication,
} from "../../src/events/replication.ts";
import type { Topic } from "../../src/events/topics.ts";
import { createObserver, unobserved } from "../../src/observe/observe.ts";
import { type ApacheKafka, startKafkaCluster } from "./apache_kafka.ts";

const UNSET: ReplicationSettings = { factor: null, minInsync: null };
/** Three JVMs at once, on a machine with two cores. */
const CLUSTER_START_MS = 120_000;

const LOOK_BACKOFF: Backoff = { base_ms: 100, cap_ms: 500, attempts: 10 };

const newTopic = (): Topic => ({
  name: `copies-${randomUUID()}`,
  partitions: 2,
  cleanupPolicy: "delete",
  schemaFile: "iau_shower.avsc",
});

/** Ensures the topic; gives its copies, and what was warned of. */
async function ensure(
  kafka: Kafka,
  topic: Topic,
  replication: ReplicationSettings,
): Promise<TopicReplication & { warned: string[] }> {
  const warned: string[] = [];
  const observer = createObserver();
  observer.listen((event) => {
    if (event.name !== "log.underreplicated") return;
    warned.push(`${event.detail.reason}. ${event.detail.advice}`);
  });
  await ensureTopics(kafka, [topic], observer.observe, replication);
  // The broker that answers here may not have heard of the topic yet.
  const [copies] = await retry(
    () => withAdmin(kafka, "looking", (admin) => readReplication(admin, [topic.name])),
    { backoff: LOOK_BACKOFF },
  );
  return { ...copies!, warned };
}

describe("three brokers", () => {
  let nodes: ApacheKafka[];
  let kafka: Kafka;
  beforeAll(async () => {
    nodes = await startKafkaCluster(3, { heap_MB: 256 });
    const brokers = nodes.map(({ address }) => address);
    kafka = createKafka({ brokers, clientId: "test" }, unobserved);
  }, CLUSTER_START_MS);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  }, CLUSTER_START_MS);

  test("3 copies, of which 2 must have a record, and no warning", async () => {
    const topic = newTopic();
    expect(await ensure(kafka, topic, UNSET)).toEqual({
      topic: topic.name,
      factor: 3,
      minInsync: 2,
      warned: [],
    });
  });

  test("as set; and a topic that exists is warned of, and not changed", async () => {
    const topic = newTopic();
    const few = await ensure(kafka, topic, { factor: 2, minInsync: 1 });
    expect(few).toMatchObject({ factor: 2, minInsync: 1 });
    expect(few.warned).toEqual([
      expect.stringMatching(/replication factor 2; .*min\.insync\.replicas=1\. raise .*, then set/),
    ]);
    expect(await ensure(kafka, topic, UNSET)).toEqual(few);
  });

  test.each([
    [{ factor: 4, minInsync: null }, /KAFKA_REPLICATION_FACTOR=4: the cluster has 3 broker/],
    [{ factor: 2, minInsync: 3 }, /KAFKA_MIN_INSYNC_REPLICAS=3: a topic has 2 replica/],
  ])("%o can't work", async (settings, says) => {
    await expect(ensure(kafka, newTopic(), settings)).rejects.toThrow(says);
  });
});

test("one broker: one copy, and a warning with the reason", async () => {
  const kafka = createKafka(
    { brokers: [process.env.KAFKA_BROKERS!], clientId: "test" },
    unobserved,
  );
  const { factor, minInsync, warned } = await ensure(kafka, newTopic(), UNSET);
  expect({ factor, minInsync }).toEqual({ factor: 1, minInsync: 1 });
  expect(warned).toEqual([
    expect.stringMatching(/^the loss of one broker .* has 1 broker.* add brokers/),
  ]);
  await expect(ensure(kafka, newTopic(), { factor: 3, minInsync: null })).rejects.toThrow(
    /KAFKA_REPLICATION_FACTOR=3: the cluster has 1 broker/,
  );
});
