/**
 * Fault injection through the Worker's boundary: the effect of each fault on a client, and that kafkajs survives those that
 * the service must tolerate.
 */
import { ApiKey, ErrorCode } from "@gmn/kafka-formats";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Producer } from "kafkajs";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { RawClient } from "./testing/raw_client.ts";
import { TestBroker, TestConsumer } from "./running.ts";

let running: TestBroker;
let client: RawClient;
let producer: Producer;
let topic: string;
let topics = 0;

beforeAll(async () => {
  running = await TestBroker.start();
  client = await RawClient.connect(running.address);
  producer = running.kafka().producer();
  await producer.connect();
});
afterAll(async () => {
  client.close();
  await producer.disconnect();
  await running.stop();
});
beforeEach(async () => {
  topic = `t${++topics}`;
  await client.createTopic(topic);
});

const control = () => running.broker.control;
const one = (value = "x") => makeBatch([{ value }]);
const highWatermark = async () => (await client.fetch(topic, 0, 0, { min_bytes: 0 })).highWatermark;

describe("a fault", () => {
  test("fails a request before its work, as often as requested", async () => {
    const errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const fault = await control().failNext({ apiKey: ApiKey.Produce, errorCode, times: 2 });
    expect((await client.produce(topic, 0, one())).errorCode).toBe(errorCode);
    await fault.struck;
    expect((await client.produce(topic, 0, one())).errorCode).toBe(errorCode);
    await fault.spent;
    expect(await client.produce(topic, 0, one())).toEqual({ errorCode: 0, baseOffset: 0 });
    expect(fault.count()).toBe(2);
  });

  test("fails a request after its work", async () => {
    await control().failNext({
      apiKey: ApiKey.Produce,
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      afterWork: true,
    });
    expect((await client.produce(topic, 0, one())).errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    expect(await highWatermark()).toBe(1);
  });

  test("loses the answer of a completed request", async () => {
    await control().failNext({ apiKey: ApiKey.Produce, loseAnswer: true });
    const other = await RawClient.connect(running.address);
    await expect(other.produce(topic, 0, one())).rejects.toThrow("connection closed");
    expect(await highWatermark()).toBe(1);
  });

  test("closes the connection instead of doing the work", async () => {
    await control().failNext({ apiKey: ApiKey.Produce, closeConnection: true });
    const other = await RawClient.connect(running.address);
    await expect(other.produce(topic, 0, one())).rejects.toThrow("connection closed");
    expect(await highWatermark()).toBe(0);
  });

  test("delays a request and later ones on the same connection, but no others", async () => {
    const delay_ms = 1_000;
    const fault = await control().failNext({ apiKey: ApiKey.Metadata, delay_ms });
    const began = performance.now();
    const slow = client.request(ApiKey.Metadata, 1, (w) => w.array([], () => {}));
    await fault.struck;
    const other = await RawClient.connect(running.address);
    await other.request(ApiKey.ApiVersions, 0, () => {});
    const quick_ms = performance.now() - began;
    await slow;
    expect(performance.now() - began).toBeGreaterThanOrEqual(delay_ms);
    expect(quick_ms).toBeLessThan(delay_ms);
    other.close();
  });

  test("affects only matching requests", async () => {
    const errorCode = ErrorCode.UNKNOWN_SERVER_ERROR;
    const faults = [
      await control().failNext({ apiKey: ApiKey.Produce, errorCode, topic: "another" }),
      await control().failNext({ apiKey: ApiKey.Produce, errorCode, clientId: "another" }),
      await control().failNext({ apiKey: ApiKey.Heartbeat, errorCode, group: "another" }),
    ];
    expect((await client.produce(topic, 0, one())).errorCode).toBe(ErrorCode.NONE);
    await Promise.all(faults.map((fault) => fault.remove()));
    expect(faults.map((fault) => fault.count())).toEqual([0, 0, 0]);
  });

  test("can be removed", async () => {
    const errorCode = ErrorCode.UNKNOWN_SERVER_ERROR;
    const fault = await control().failNext({ apiKey: ApiKey.Produce, errorCode, times: Infinity });
    await client.produce(topic, 0, one());
    await fault.remove();
    expect((await client.produce(topic, 0, one())).errorCode).toBe(ErrorCode.NONE);
  });
});

describe("kafkajs survives", () => {
  test("a leader that is reported to have moved", async () => {
    await control().failNext({
      apiKey: ApiKey.Produce,
      topic,
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    });
    await producer.send({ topic, messages: [{ value: "x" }] });
    expect(await highWatermark()).toBe(1);
  });

  test("a lost acknowledgement, with a duplicate: at least once", async () => {
    await control().failNext({ apiKey: ApiKey.Produce, topic, loseAnswer: true });
    await producer.send({ topic, messages: [{ value: "x" }] });
    expect(await highWatermark()).toBe(2);
  });

  test("a lost acknowledgement, without a duplicate, when it is idempotent", async () => {
    const idempotent = running.kafka().producer({ idempotent: true });
    await idempotent.connect();
    await idempotent.send({ topic, messages: [{ value: "1" }] });
    await control().failNext({ apiKey: ApiKey.Produce, topic, loseAnswer: true });
    await idempotent.send({ topic, messages: [{ value: "2" }] });
    await idempotent.send({ topic, messages: [{ value: "3" }] });
    await idempotent.disconnect();
    expect(await highWatermark()).toBe(3);
  });

  test("connections that are cut", async () => {
    await control().disconnectAll();
    await producer.send({ topic, messages: [{ value: "x" }] });
    client = await RawClient.connect(running.address);
    expect(await highWatermark()).toBe(1);
  });

  test.each([
    ["a coordinator that moved", ApiKey.Heartbeat, ErrorCode.NOT_COORDINATOR],
    ["a coordinator that is loading", ApiKey.JoinGroup, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS],
    ["a rebalance out of nothing", ApiKey.Heartbeat, ErrorCode.REBALANCE_IN_PROGRESS],
    ["being thrown out", ApiKey.Heartbeat, ErrorCode.UNKNOWN_MEMBER_ID],
    ["a commit of an old generation", ApiKey.OffsetCommit, ErrorCode.ILLEGAL_GENERATION],
  ])("%s", async (_, apiKey, errorCode) => {
    const groupId = `g${topics}`;
    const fault = await control().failNext({ apiKey, errorCode, group: groupId });
    await producer.send({ topic, messages: [{ value: "1" }] });
    const consumer = await TestConsumer.run(running.kafka(), topic, { groupId });
    await consumer.sees(1);
    await fault.spent;
    await producer.send({ topic, messages: [{ value: "2" }] });
    await consumer.until(() => consumer.seen.some(({ value }) => value === "2"));
    await consumer.stop();
  });

  test("an offset that is out of range: it restarts at the configured end", async () => {
    await producer.send({ topic, messages: [{ value: "1" }] });
    const errorCode = ErrorCode.OFFSET_OUT_OF_RANGE;
    const fault = await control().failNext({ apiKey: ApiKey.Fetch, topic, errorCode });
    const consumer = await TestConsumer.run(running.kafka(), topic, { groupId: `g${topics}` });
    await fault.spent;
    await consumer.sees(1);
    await consumer.stop();
  });
});

test("corrupted records do not match their checksum", async () => {
  await client.produce(topic, 0, one());
  await control().failNext({ apiKey: ApiKey.Fetch, topic, corruptRecords: true });
  const bad = await client.fetch(topic, 0, 0);
  const good = await client.fetch(topic, 0, 0);
  expect(bad.records.length).toBe(good.records.length);
  expect(bad.records).not.toEqual(good.records);
});
