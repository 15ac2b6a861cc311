/** Logs that are swapped, shared or not ours, on brokers that the service did not start. */
import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { createKafka } from "../../src/events/kafka_client.ts";
import { DEAD_LETTER } from "../../src/events/topics.ts";
import { createObserver, unobserved } from "../../src/observe/observe.ts";
import { startService } from "../../src/service/service.ts";
import {
  append,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";
import {
  expectGoesOn,
  expectUndecided,
  logCommand,
  settled,
  stateOf,
  statusOf,
} from "./undecided.ts";

const TEST_MS = 180_000;
const SMALL = { days: 2, meteorsPerDay: 20 };

let made: AsyncDisposableStack;
beforeEach(() => {
  made = new AsyncDisposableStack();
});
afterEach(() => made.disposeAsync(), TEST_MS);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "gmn-log-"));
  made.defer(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function brokerOf(
  directory: string,
  ports = { kafkaPort: 0, schemaRegistryPort: 0 },
): Promise<ControlledBroker> {
  const broker = await startControlledBroker({ directory, ...ports });
  made.defer(() => broker.stop());
  return broker;
}

const portsOf = ({ brokers, schemaRegistryUrl }: ControlledBroker) => ({
  kafkaPort: Number(brokers[0]!.split(":")[1]),
  schemaRegistryPort: Number(new URL(schemaRegistryUrl).port),
});

const on = ({ brokers, schemaRegistryUrl }: ControlledBroker) => ({
  BROKER: "external",
  KAFKA_SESSION_TIMEOUT_MS: "6000",
  KAFKA_BROKERS: brokers.join(","),
  SCHEMA_REGISTRY_URL: schemaRegistryUrl,
});

async function serviceOn(broker: ControlledBroker, seed = 7): Promise<TestService> {
  const environment = on(broker);
  return made.use(
    await startTestService({ sample: { ...SMALL, seed }, environment, keepsTopics: true }),
  );
}

/** Records like those of another program, under the same keys everywhere. */
async function publish(whole: TestService, count: number, vgeo_km_s: number): Promise<void> {
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const messages = Array.from({ length: count }, (_, n) => {
    const id = `20260101000000_${String(n).padStart(5, "0")}`;
    return { key: id, value: wire(schemaId, pythonBody(summaryOf(id, { vgeo_km_s }))) };
  });
  await append(whole.kafka, messages);
}

test("a log that is swapped while the service runs: not one of its records is loaded", async () => {
  // The other log has records at the very offsets that come next, and longer than the service has loaded.
  const [directory, otherDirectory] = [await folder(), await folder()];
  const first = await brokerOf(otherDirectory);
  const other = await serviceOn(first, 8);
  await publish(other, 400, 20);
  await settled(other);
  await other.service.stop("its log goes elsewhere");
  await first.stop();

  const broker = await brokerOf(directory);
  const ports = portsOf(broker);
  const whole = await serviceOn(broker);
  await publish(whole, 200, 30);
  await settled(whole);
  const before = await stateOf(whole);
  await broker.stop();
  const swapped = await brokerOf(otherDirectory, ports);
  await expectUndecided(whole, "another", before);

  // The right log comes back: work goes on without a decision and without a restart.
  await swapped.stop();
  await brokerOf(directory, ports);
  await expectGoesOn(whole);
  await publish(whole, 201, 31);
  await settled(whole);
  const [row] = await whole.database
    .sql`select count(*)::int as n from meteor where vgeo_km_s = 31`;
  expect(row!.n).toBe(201);
}, TEST_MS);

test(
  "two data stores on one log: the second is refused while the first works, and takes it over by a decision",
  async () => {
    const broker = await brokerOf(await folder());
    const first = await serviceOn(broker);
    await publish(first, 50, 20);
    await settled(first);
    const second = await serviceOn(broker);
    await expectUndecided(second, "taken", await stateOf(second));
    expect((await statusOf(second)).log!.found.join()).toMatch(/is bound to data store/);
    expect((await statusOf(first)).log!.verdict).toBe("ok");

    const ofFirst = await stateOf(first);
    const adopt = await logCommand(second, "adopt", "--yes");
    expect(adopt.err).not.toMatch(/error/);
    expect(adopt.code).toBe(0);
    await expectUndecided(first, "taken", ofFirst);
    await first.service.stop("the other one has the log");
    await expectGoesOn(second);
    const [row] = await second.database.sql`select count(*)::int as n from meteor`;
    expect(row!.n).toBe(50);
  },
  TEST_MS,
);

test("one data store on two logs: the second log is another", async () => {
  const [one, two] = [await brokerOf(await folder()), await brokerOf(await folder())];
  const whole = await serviceOn(one);
  await publish(whole, 50, 20);
  await settled(whole);
  const before = await stateOf(whole);
  // A second process of the same data store, with the other broker in its settings.
  const observer = createObserver();
  const undecided = Promise.withResolvers<string>();
  observer.listen(({ name, detail }) => {
    if (name === "log.undecided") undecided.resolve((detail as { kind: string }).kind);
  });
  const service = await startService({
    config: {
      ...whole.config,
      kafkaBrokers: [...two.brokers],
      schemaRegistryUrl: two.schemaRegistryUrl,
      dataDirectory: await folder(),
    },
    observer,
    isForOneCommand: true,
  });
  made.defer(() => service.stop("the test is over"));
  expect(await undecided.promise).toBe("emptied");
  const ready = await fetch(`${service.addresses.http}/readyz`);
  expect(ready.status).toBe(503);
  expect(await stateOf(whole)).toEqual(before);
  await publish(whole, 60, 21);
  await settled(whole);
}, TEST_MS);

test.each([
  ["JSON", Buffer.from(`{"hello":"world"}`), /7b 22 68 .*not in the schema registry's wire format/],
  [
    "another program's schema",
    wire(4711, Buffer.from("hello")),
    /00 00 00 12 67 .*schema 4711|looking up schema 4711/,
  ],
])(
  "%s under our topic's name: the start is refused, and nothing is written",
  async (_, value, says) => {
    const broker = await brokerOf(await folder());
    const kafka = createKafka({ brokers: broker.brokers, clientId: "other" }, unobserved);
    const admin = kafka.admin();
    await admin.connect();
    const { name } = DEAD_LETTER;
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }], waitForLeaders: true });
    await append(kafka, [{ key: "a", value }, { key: "b", value }], 0, name);
    await expect(serviceOn(broker)).rejects.toThrow(
      /the topic trajectory_summary_dead_letter has 2 record\(s\) of another program/,
    );
    await expect(serviceOn(broker)).rejects.toThrow(says);
    expect(await admin.listTopics()).toEqual([name]);
    expect(await admin.fetchTopicOffsets(name)).toMatchObject([{ high: "2" }]);
    await admin.disconnect();
  },
  TEST_MS,
);

test("a log from before logs had identities is bound silently to its data store", async () => {
  const broker = await brokerOf(await folder());
  const whole = await serviceOn(broker);
  await publish(whole, 50, 20);
  await settled(whole);
  const before = await stateOf(whole);
  await whole.whileStopped(async () => {
    const admin = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ["gmn_log_identity"] });
    await admin.disconnect();
    await whole.database.sql`update log_binding set log_id = null, bound_at = null`;
  });
  expect((await statusOf(whole)).log!.verdict).toBe("ok");
  expect(await stateOf(whole)).toEqual(before);
  expect(whole.events.some(({ name }) => name === "log.undecided")).toBe(false);
}, TEST_MS);

test(
  "a fresh, empty data store takes over a log that nobody consumes: the log is the truth",
  async () => {
    const broker = await brokerOf(await folder());
    const first = await serviceOn(broker);
    await publish(first, 50, 20);
    await settled(first);
    await first.service.stop("its database is lost");
    const second = await serviceOn(broker);
    await settled(second);
    const [row] = await second.database.sql`select count(*)::int as n from meteor`;
    expect(row!.n).toBe(50);
    expect((await statusOf(second)).log).toMatchObject({ verdict: "ok" });
  },
  TEST_MS,
);
