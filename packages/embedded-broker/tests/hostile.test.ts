/**
 * Clients that send garbage, too much, too slowly, or are too many: the broker never crashes, its memory is bounded, it answers
 * with an error or closes the connection, and it still serves everybody else.
 *
 * fast-check prints its seed when a property fails; `FUZZ_SEED` repeats that run, `FUZZ_RUNS` sets the number of runs (200).
 */
import { ApiKey, ErrorCode } from "@gmn/kafka-formats";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { encodeRequest, versionsOf } from "./kafkajs_codec.ts";
import { RawClient } from "./testing/raw_client.ts";
import { REQUESTS } from "./requests.ts";
import { TestBroker } from "./running.ts";

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env.FUZZ_RUNS ?? 200);
/** How long the broker may take to answer or to close. */
const PATIENCE_MS = 30_000;
const POLL = { timeout: PATIENCE_MS };

const membership = { groupId: "g", generationId: 1, groupGenerationId: 1, memberId: "m" };
/** Additional requests to damage; most are refused even when undamaged. */
const GROUP_AND_TOPIC_REQUESTS: [api: string, min: number, max: number, fields: object][] = [
  ["JoinGroup", 0, 4, {
    ...membership,
    memberId: "",
    sessionTimeout: 1000,
    rebalanceTimeout: 1000,
    protocolType: "consumer",
    groupProtocols: [{ name: "range", metadata: Buffer.from("metadata") }],
  }],
  ["SyncGroup", 0, 2, {
    ...membership,
    groupAssignment: [{ memberId: "m", memberAssignment: Buffer.from("assignment") }],
  }],
  ["Heartbeat", 0, 2, membership],
  ["LeaveGroup", 0, 2, membership],
  ["DeleteGroups", 0, 1, ["g", "h"]],
  ["CreateTopics", 0, 3, {
    topics: [{
      topic: "made",
      replicaAssignment: [{ partition: 0, replicas: [0] }],
      configEntries: [{ name: "max.message.bytes", value: "1000" }],
    }],
  }],
  ["CreatePartitions", 0, 1, {
    topicPartitions: [{ topic: "made", count: 3, assignments: [[0]] }],
  }],
  ["DeleteTopics", 0, 1, { topics: ["made"] }],
];

// No test here takes long by itself, but a busy machine may be ten times slower than an idle one.
vi.setConfig({ testTimeout: 60_000 + RUNS * 100, hookTimeout: 60_000 });

let running: TestBroker;
/** Internal faults that the broker reported. No client may cause one. */
const failures: string[] = [];
const refusals: string[] = [];

beforeAll(async () => {
  console.log(`fuzz seed ${SEED}`);
  fc.configureGlobal({ seed: SEED, numRuns: RUNS });
  running = await TestBroker.start({
    onEvent: (event) => {
      if (event.kind === "fault" || event.kind === "died") failures.push(JSON.stringify(event));
      if (event.kind === "client refused") refusals.push(JSON.stringify(event));
    },
  });
  const client = await RawClient.connect(running.address);
  await client.createTopic("t", 2);
  client.close();
});

afterAll(async () => {
  fc.resetConfigureGlobal();
  expect(failures).toEqual([]);
  await running.stop();
});

function patiently<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<T>();
  const timer = setTimeout(() => late.reject(new Error(`${what}: nothing happened`)), PATIENCE_MS);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** Checks that the broker still answers a well-behaved client and keeps nothing for closed connections. */
async function isWell(): Promise<void> {
  const client = await RawClient.connect(running.address);
  const answer = await patiently(client.request(ApiKey.ApiVersions, 0, () => {}), "ApiVersions");
  expect(answer.int16()).toBe(ErrorCode.NONE);
  client.close();
  await client.closed;
  await expect.poll(() => running.broker.control.stats(), POLL)
    .toMatchObject({ request_bytes: 0, unsent_bytes: 0 });
}

/** Sends bytes and ends the connection; resolves when the broker has closed it, too. */
async function sendAndEnd(bytes: Uint8Array): Promise<void> {
  const client = await RawClient.connect(running.address);
  client.socket.end(bytes);
  client.socket.resume();
  await patiently(client.closed, `after ${bytes.length} bytes`);
}

function framed(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setInt32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

describe("bytes that are not a request", () => {
  test("at random", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), sendAndEnd));
    await isWell();
  });

  test("at random, in a frame of the right size, with any API key", async () => {
    const body = fc.tuple(
      fc.integer({ min: -1, max: 80 }),
      fc.integer({ min: -1, max: 20 }),
      fc.uint8Array({ maxLength: 200 }),
    )
      .map(([key, version, rest]) =>
        framed(new Uint8Array([key >> 8, key, version >> 8, version, 0, 0, 0, 1, ...rest]))
      );
    await fc.assert(fc.asyncProperty(body, sendAndEnd));
    await isWell();
  });

  test.each(["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])(
    "of another protocol: %j",
    async (text) => {
      await sendAndEnd(new TextEncoder().encode(text));
      await isWell();
    },
  );
});

describe("requests that are almost valid", () => {
  test("with bytes changed, removed or repeated", async () => {
    const corpus: Uint8Array[] = [];
    for (const [api, min, max, fields] of [...REQUESTS, ...GROUP_AND_TOPIC_REQUESTS]) {
      for (const version of versionsOf(api, min, max)) {
        corpus.push(await encodeRequest(api, version, fields));
      }
    }
    const damage = fc.record({
      request: fc.constantFrom(...corpus),
      edits: fc.array(
        fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255))),
      ),
      cut: fc.option(fc.nat()),
      again: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ request, edits, cut, again }) => {
        const body = request.slice(4);
        // The API key stays unchanged, because the test is about the bytes after it.
        for (const [at, byte] of edits) body[2 + at % (body.length - 2)] = byte;
        const whole = framed(cut === null ? body : body.slice(0, Math.max(8, cut % body.length)));
        await sendAndEnd(again ? new Uint8Array([...whole, ...request]) : whole);
      }),
    );
    await isWell();
  });

  test("with records changed: refused, or well-formed", async () => {
    const client = await RawClient.connect(running.address);
    const sound = makeBatch([{ key: "k", value: "v" }, { value: "w" }]);
    const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1 });
    await fc.assert(fc.asyncProperty(damage, async (edits) => {
      const batch = sound.slice();
      for (const [at, byte] of edits) batch[at] = byte;
      const { errorCode } = await patiently(client.produce("t", 0, batch), "Produce");
      expect([
        ErrorCode.NONE, // only fields outside the checksum were changed
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.INVALID_RECORD,
        ErrorCode.MESSAGE_TOO_LARGE,
      ]).toContain(errorCode);
    }));
    client.close();
    await isWell();
  });

  test.each([
    ["an API nobody has", 99, 0],
    ["an API that is left out (AddPartitionsToTxn)", 24, 0],
    ["an API that is left out (ConsumerGroupHeartbeat)", 68, 0],
    ["a version from the future", ApiKey.Fetch, 16],
    ["a version from the past", ApiKey.Produce, 2],
    ["a negative version", ApiKey.ApiVersions, -1],
  ])("for %s close the connection, and say so", async (_, key, version) => {
    const before = refusals.length;
    const client = await RawClient.connect(running.address);
    await expect(client.request(key, version, () => {})).rejects.toThrow("connection closed");
    await expect.poll(() => refusals.slice(before).join(), POLL)
      .toContain("not served");
    await isWell();
  });
});

describe("clients that are too many", () => {
  test("ten thousand connections, opened and closed", async () => {
    const lane = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const client = await RawClient.connect(running.address).catch(() => null);
        if (i % 3 === 0) client?.send(new Uint8Array([0, 0, 1, 0, 0, 3]));
        client?.close();
      }
    };
    await Promise.all(Array.from({ length: 20 }, () => lane(500)));
    await expect.poll(async () => (await running.broker.control.stats()).connections, POLL)
      .toBeLessThan(10);
    await isWell();
  });

  test(
    "more connections than the limit: the last ones are closed, the first ones are served",
    async () => {
      const first = await RawClient.connect(running.address);
      const others: RawClient[] = [];
      let closed = 0;
      for (let i = 0; i < 1050; i++) {
        const client = await RawClient.connect(running.address);
        client.closed.then(() => closed++);
        others.push(client);
      }
      await expect.poll(() => closed, POLL).toBeGreaterThanOrEqual(51);
      await first.request(ApiKey.ApiVersions, 0, () => {});
      for (const client of [first, ...others]) client.close();
      await expect.poll(async () => (await running.broker.control.stats()).connections, POLL).toBe(
        0,
      );
      await isWell();
    },
    60_000,
  );
});

describe("slow clients", () => {
  let own: TestBroker;
  beforeAll(async () => {
    own = await TestBroker.start({ stallTimeout_ms: 300 });
    const client = await RawClient.connect(own.address);
    await client.createTopic("t");
    for (let i = 0; i < 10; i++) {
      await client.produce("t", 0, makeBatch([{ value: new Uint8Array(1_000_000) }]));
    }
    client.close();
  });
  afterAll(() => own.stop());

  test("that do not complete a request are disconnected", async () => {
    const client = await RawClient.connect(own.address);
    client.send(new Uint8Array([0, 0, 0, 100, 0, 3]));
    await patiently(client.closed, "half a request");
  });

  test("that do not read an answer are disconnected", async () => {
    const client = await RawClient.connect(own.address);
    client.socket.pause();
    const fetches = [1, 2].map(() => client.fetch("t", 0, 0).catch(() => null));
    await expect.poll(async () => (await own.broker.control.stats()).unsent_bytes, POLL)
      .toBeGreaterThan(0);
    await expect.poll(async () => (await own.broker.control.stats()).unsent_bytes, POLL).toBe(0);
    client.close();
    await Promise.all(fetches);
  });

  test("that send nothing, or wait in a long poll, stay connected", async () => {
    const client = await RawClient.connect(own.address);
    const began = performance.now();
    const { records } = await client.fetch("t", 0, 10, { max_wait_ms: 900 });
    expect(records.length).toBe(0);
    expect(performance.now() - began).toBeGreaterThanOrEqual(850);
    client.close();
  });
});

test(
  "many clients that read no answers occupy limited memory, and others are served",
  async () => {
    const producer = await RawClient.connect(running.address);
    await producer.createTopic("big");
    for (let i = 0; i < 10; i++) {
      await producer.produce("big", 0, makeBatch([{ value: new Uint8Array(1_000_000) }]));
    }
    const idlers = await Promise.all(
      Array.from({ length: 40 }, () => RawClient.connect(running.address)),
    );
    const fetches = idlers.flatMap((client) => {
      client.socket.pause();
      return [1, 2, 3].map(() => client.fetch("big", 0, 0, { max_wait_ms: 100 }).catch(() => null));
    });
    const unsent = async () => (await running.broker.control.stats()).unsent_bytes;
    await expect.poll(unsent, POLL).toBeGreaterThan(60_000_000);
    expect(await unsent()).toBeLessThan(85_000_000);
    // A new fetch waits for its time and gets an answer without records; producers are not affected.
    const late = await patiently(producer.fetch("big", 0, 0, { max_wait_ms: 50 }), "Fetch");
    expect([late.errorCode, late.records.length]).toEqual([ErrorCode.NONE, 0]);
    expect((await producer.produce("big", 0, makeBatch([{ value: "x" }]))).errorCode).toBe(0);
    for (const client of idlers) client.close();
    await Promise.all(fetches);
    // The memory is free again as soon as the broker has noticed that the idle clients have disconnected.
    const served = async () => (await producer.fetch("big", 0, 0)).records.length;
    await expect.poll(served, POLL).toBeGreaterThan(0);
    producer.close();
    await isWell();
  },
  60_000,
);

describe("clients that send too much", () => {
  test("requests without reading the answers: they wait in the client's own buffers", async () => {
    const client = await RawClient.connect(running.address);
    for (let i = 0; i < 5; i++) {
      await client.produce("t", 1, makeBatch([{ value: new Uint8Array(1_000_000) }]));
    }
    client.socket.pause();
    const fetches = Array.from({ length: 500 }, () => client.fetch("t", 1, 0).catch(() => null));
    await expect.poll(async () => (await running.broker.control.stats()).unsent_bytes, POLL)
      .toBeGreaterThan(0);
    await isWellBeside(client);
    const { unsent_bytes, request_bytes } = await running.broker.control.stats();
    // One answer of 5 MB and the next request that has started, not five hundred of them.
    expect(unsent_bytes).toBeLessThan(20_000_000);
    expect(request_bytes).toBeLessThan(100_000);
    client.close();
    await Promise.all(fetches);
    await isWell();
  });

  /** Like `isWell`, while another client still occupies memory. */
  async function isWellBeside(_: RawClient): Promise<void> {
    const other = await RawClient.connect(running.address);
    await patiently(other.produce("t", 0, makeBatch([{ value: "x" }])), "Produce");
    other.close();
  }

  test("sizes without the bytes: no memory is reserved for them", async () => {
    const clients = await Promise.all(
      Array.from({ length: 100 }, () => RawClient.connect(running.address)),
    );
    // A hundred clients announce a Produce of 32 MiB and send its first bytes.
    for (const client of clients) client.send(new Uint8Array([0x02, 0, 0, 0, 0, 0, 0, 7, 0, 0]));
    await expect.poll(async () => (await running.broker.control.stats()).request_bytes, POLL).toBe(
      1000,
    );
    for (const client of clients) client.close();
    await isWell();
  });

  test("one byte at a time: the request is complete in the end", async () => {
    const client = await RawClient.connect(running.address);
    const request = await encodeRequest("ApiVersions", 0, {});
    const answer = client.answer();
    for (const byte of request) {
      client.send(new Uint8Array([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await patiently(answer, "ApiVersions")).int16()).toBe(ErrorCode.NONE);
    client.close();
  });
});
