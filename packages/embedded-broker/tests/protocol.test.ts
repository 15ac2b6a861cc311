/**
 * Behaviour that kafkajs does not exercise: long polls, pipelined requests, refusals.
 */
import { ApiKey, ErrorCode } from "@gmn/kafka-formats";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { commitOffset, committedOffset, heartbeat, joinGroup, syncGroup } from "./membership.ts";
import { produceBody, RawClient } from "./testing/raw_client.ts";
import { TestBroker } from "./running.ts";

let running: TestBroker;
let client: RawClient;
let topic: string;
let topics = 0;

beforeAll(async () => {
  running = await TestBroker.start();
  client = await RawClient.connect(running.address);
});
afterAll(async () => {
  client.close();
  await running.stop();
});
beforeEach(async () => {
  topic = `t${++topics}`;
  await client.createTopic(topic, 2);
});

const one = (value: string | Uint8Array = "x") => makeBatch([{ value }]);

describe("Fetch", () => {
  test("waits for records, and returns with the first ones", async () => {
    const reader = await RawClient.connect(running.address);
    const began = performance.now();
    const fetching = reader.fetch(topic, 0, 0, { max_wait_ms: 10_000 });
    await client.produce(topic, 0, one());
    expect((await fetching).records.length).toBeGreaterThan(0);
    expect(performance.now() - began).toBeLessThan(5000);
    reader.close();
  });

  test("waits for `min_bytes`", async () => {
    const reader = await RawClient.connect(running.address);
    const batch = one("y".repeat(1000));
    let answered = false;
    const fetching = reader.fetch(topic, 0, 0, { max_wait_ms: 10_000, min_bytes: 3 * batch.length })
      .finally(() => (answered = true));
    for (let i = 0; i < 2; i++) await client.produce(topic, 0, batch.slice());
    expect(answered).toBe(false);
    await client.produce(topic, 0, batch.slice());
    expect((await fetching).records.length).toBe(3 * batch.length);
    reader.close();
  });

  test("returns no records when the time is over", async () => {
    const began = performance.now();
    const { records, errorCode } = await client.fetch(topic, 0, 0, { max_wait_ms: 100 });
    expect([records.length, errorCode]).toEqual([0, ErrorCode.NONE]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(95);
  });

  test("answers an error at once", async () => {
    const wait = { max_wait_ms: 10_000 };
    expect((await client.fetch(topic, 0, 5, wait)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
    expect((await client.fetch(topic, 9, 0, wait)).errorCode)
      .toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("ends when its topic is deleted", async () => {
    const reader = await RawClient.connect(running.address);
    const fetching = reader.fetch(topic, 0, 0, { max_wait_ms: 300 });
    const r = await client.request(ApiKey.DeleteTopics, 1, (w) => {
      w.array([topic], (name) => w.string(name));
      w.int32(1000);
    });
    expect([r.int32(), r.int32(), r.string(), r.int16()]).toEqual([0, 1, topic, ErrorCode.NONE]);
    expect((await fetching).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    reader.close();
  });
});

describe("Produce", () => {
  test("requests sent without waiting are answered in order, and share commits", async () => {
    const before = await running.broker.control.stats();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.produce(topic, 0, one(`${i}`))),
    );
    expect(answers).toEqual(answers.map((_, i) => ({ errorCode: 0, baseOffset: i })));
    const { transactions, writes } = await running.broker.control.stats();
    expect(writes - before.writes).toBe(50);
    expect(transactions - before.transactions).toBeLessThan(25);
  });

  test("is visible to later requests on the connection, sent without waiting", async () => {
    const producing = client.produce(topic, 0, one());
    const fetching = client.fetch(topic, 0, 0, { min_bytes: 0 });
    await producing;
    expect((await fetching).highWatermark).toBe(1);
  });

  test("with acks=0 gets no answer", async () => {
    client.sendRequest(ApiKey.Produce, 7, produceBody(topic, 0, one(), 0));
    // The next answer on the connection belongs to the next request.
    const { errorCode, highWatermark } = await client.fetch(topic, 0, 0);
    expect([errorCode, highWatermark]).toEqual([ErrorCode.NONE, 1]);
  });

  test.each([
    ["nothing", null, ErrorCode.CORRUPT_MESSAGE],
    [
      "a transaction's batch",
      makeBatch([{ value: "x" }], { attributes: 0x10 }),
      ErrorCode.INVALID_RECORD,
    ],
    ["too large a batch", one(new Uint8Array(1_048_577)), ErrorCode.MESSAGE_TOO_LARGE],
  ])("refuses %s", async (_, batch, code) => {
    expect((await client.produce(topic, 0, batch)).errorCode).toBe(code);
  });

  test("refuses unknown acks, topics and partitions", async () => {
    expect((await client.produce(topic, 0, one(), 2)).errorCode)
      .toBe(ErrorCode.INVALID_REQUIRED_ACKS);
    for (const [name, partition] of [["none", 0], [topic, 7], [topic, -1]] as const) {
      expect((await client.produce(name, partition, one())).errorCode)
        .toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }
  });
});

test("a flood of records does not starve a group, its commits or its readers", async () => {
  const member = await RawClient.connect(running.address);
  const group = `beside-${topics}`;
  const SESSION_MS = 6000; // the minimum for clients by default
  const idAnswer = await joinGroup(member, group, "", SESSION_MS);
  const { memberId } = await joinGroup(member, group, idAnswer.memberId, SESSION_MS);
  await syncGroup(member, group, memberId, 1);

  const flood = await RawClient.connect(running.address);
  const batch = one(new Uint8Array(1_000_000));
  let flooding = true;
  const lanes = Array.from({ length: 5 }, async () => {
    for (let i = 0; i < 30; i++) await flood.produce(topic, 0, batch.slice());
  });
  const flooded = Promise.all(lanes).finally(() => (flooding = false));
  let rounds = 0;
  for (let offset = 0; flooding;) {
    const { records, highWatermark } = await member.fetch(topic, 0, offset, { min_bytes: 0 });
    offset = Math.min(highWatermark, offset + Math.floor(records.length / batch.length));
    expect(await commitOffset(member, group, memberId, 1, topic, offset)).toBe(ErrorCode.NONE);
    expect(await heartbeat(member, group, memberId, 1)).toBe(ErrorCode.NONE);
    rounds++;
  }
  await flooded;
  expect(rounds).toBeGreaterThan(5);
  flood.close();
  member.close();
}, 60_000);

describe("a client that requests transactions", () => {
  test("gets no producer id", async () => {
    const r = await client.request(ApiKey.InitProducerId, 1, (w) => {
      w.string("my-transaction");
      w.int32(1000);
    });
    r.int32();
    expect(r.int16()).toBe(ErrorCode.UNSUPPORTED_VERSION);
  });

  test("gets no coordinator, and a message that says why", async () => {
    const r = await client.request(ApiKey.FindCoordinator, 2, (w) => {
      w.string("my-transaction");
      w.int8(1);
    });
    r.int32();
    expect(r.int16()).toBe(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
    expect(r.nullableString()).toBe("the embedded broker has no transactions");
  });
});

test("producer ids are assigned once, across restarts", async () => {
  const own = await TestBroker.start();
  const take = async () => {
    const c = await RawClient.connect(own.address);
    const r = await c.request(ApiKey.InitProducerId, 1, (w) => {
      w.string(null);
      w.int32(1000);
    });
    c.close();
    r.int32();
    r.int16();
    return r.int64();
  };
  const ids = [await take(), await take()];
  await own.restart();
  ids.push(await take());
  expect(new Set(ids).size).toBe(3);
  await own.stop();
});

describe("CreateTopics", () => {
  const create = async (
    partitions: number,
    replicas: number,
    assignments: [number, number[]][] = [],
    configs: Record<string, string> = {},
  ) => {
    const r = await client.request(ApiKey.CreateTopics, 4, (w) => {
      w.array([`made${topics}`], (name) => {
        w.string(name);
        w.int32(partitions);
        w.int16(replicas);
        w.array(assignments, ([number, nodes]) => {
          w.int32(number);
          w.array(nodes, (node) => w.int32(node));
        });
        w.array(Object.entries(configs), ([key, value]) => {
          w.string(key);
          w.string(value);
        });
      });
      w.int32(1000);
      w.boolean(true); // only validate
    });
    r.int32();
    r.int32();
    r.string();
    return r.int16();
  };

  test.each<[string, Parameters<typeof create>, number]>([
    ["takes the defaults", [-1, -1], ErrorCode.NONE],
    ["refuses more replicas than there are brokers", [1, 3], ErrorCode.INVALID_REPLICATION_FACTOR],
    ["refuses no partitions", [0, 1], ErrorCode.INVALID_PARTITIONS],
    ["refuses too many partitions", [1_000_000, 1], ErrorCode.POLICY_VIOLATION],
    ["refuses assignments", [-1, -1, [[0, [0]]]], ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ["refuses a config it doesn't know", [1, 1, [], { nonsense: "1" }], ErrorCode.INVALID_CONFIG],
    ["refuses __proto__", [1, 1, [], { ["__proto__x"]: "1" }], ErrorCode.INVALID_CONFIG],
    [
      "accepts compaction, which it does not implement",
      [1, 1, [], { "cleanup.policy": "compact" }],
      ErrorCode.NONE,
    ],
    ["refuses recompression", [1, 1, [], { "compression.type": "gzip" }], ErrorCode.INVALID_CONFIG],
  ])("%s", async (_, args, code) => {
    expect(await create(...args)).toBe(code);
    expect((await client.fetch(`made${topics}`, 0, 0)).errorCode)
      .toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test.each(["", ".", "..", "a b", "ä", "x".repeat(250), "a/b"])(
    "refuses the name %j",
    async (name) => {
      expect(await client.createTopic(name)).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    },
  );
});

test("IncrementalAlterConfigs sets and deletes", async () => {
  const alter = async (name: string, operation: number, value: string | null) => {
    const r = await client.request(ApiKey.IncrementalAlterConfigs, 0, (w) => {
      w.array([topic], (resource) => {
        w.int8(2);
        w.string(resource);
        w.array([name], (config) => {
          w.string(config);
          w.int8(operation);
          w.string(value);
        });
      });
      w.boolean(false);
    });
    r.int32();
    r.int32();
    return r.int16();
  };
  const valueOf = async (name: string) => {
    const r = await client.request(ApiKey.DescribeConfigs, 1, (w) => {
      w.array([topic], (resource) => {
        w.int8(2);
        w.string(resource);
        w.array([name], (config) => w.string(config));
      });
      w.boolean(false);
    });
    r.int32();
    r.int32();
    r.int16();
    r.nullableString();
    r.int8();
    r.string();
    r.int32();
    r.string();
    return r.string();
  };
  const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];
  expect(await alter("retention.ms", SET, "1000")).toBe(ErrorCode.NONE);
  expect(await valueOf("retention.ms")).toBe("1000");
  expect(await alter("retention.ms", DELETE, null)).toBe(ErrorCode.NONE);
  expect(await valueOf("retention.ms")).toBe("-1");
  expect(await alter("cleanup.policy", APPEND, "compact")).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter("cleanup.policy", SUBTRACT, "delete")).toBe(ErrorCode.INVALID_CONFIG);
  expect(await valueOf("cleanup.policy")).toBe("delete");
  expect(await alter("retention.ms", APPEND, "1")).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter("retention.ms", 9, "1")).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter("nonsense", SET, "1")).toBe(ErrorCode.INVALID_CONFIG);
});

describe("offsets", () => {
  test("can be committed by any client while the group has no members", async () => {
    expect(await commitOffset(client, "simple", "", -1, topic, 7)).toBe(ErrorCode.NONE);
    expect(await committedOffset(client, "simple", topic)).toBe(7);
  });

  test("can't be committed by others while the group has members", async () => {
    const group = `held${topics}`;
    const idAnswer = await joinGroup(client, group, "", 10_000);
    const member = await joinGroup(client, group, idAnswer.memberId, 10_000);
    expect(await commitOffset(client, group, "", -1, topic, 7)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(await commitOffset(client, group, member.memberId, 1, topic, 7))
      .toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    await syncGroup(client, group, member.memberId, 1);
    expect(await commitOffset(client, group, member.memberId, 1, topic, 7)).toBe(ErrorCode.NONE);
    expect(await commitOffset(client, group, member.memberId, 1, "none", 7))
      .toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("with a membership in an unknown group are refused", async () => {
    expect(await commitOffset(client, "nobody", "me", 3, topic, 7)).toBe(
      ErrorCode.UNKNOWN_MEMBER_ID,
    );
    expect(await commitOffset(client, "", "", -1, topic, 7)).toBe(ErrorCode.INVALID_GROUP_ID);
  });
});

test.each([
  ["no name", "", 10_000, ErrorCode.INVALID_GROUP_ID],
  ["too short a session", "g", 50, ErrorCode.INVALID_SESSION_TIMEOUT],
  ["too long a session", "g", 3_600_000, ErrorCode.INVALID_SESSION_TIMEOUT],
])("JoinGroup with %s is refused", async (_, group, session_ms, code) => {
  expect((await joinGroup(client, group, "", session_ms)).errorCode).toBe(code);
});

test("topics are created by Metadata if the broker is configured for it", async () => {
  const own = await TestBroker.start({ autoCreateTopics: true, defaultPartitions: 3 });
  const producer = own.kafka().producer({ allowAutoTopicCreation: true });
  await producer.connect();
  await producer.send({ topic: "asked-for", messages: [{ value: "x" }] });
  await producer.disconnect();
  const c = await RawClient.connect(own.address);
  expect((await c.fetch("asked-for", 2, 0, { min_bytes: 0 })).errorCode).toBe(ErrorCode.NONE);
  c.close();
  await own.stop();
});
