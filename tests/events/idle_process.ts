/**
 * An idle producer and consumer, created as in the service. Argument: the broker. Prints the share of one core
 * that the process used while idle, in per cent.
 */
import { subscribe } from "../../src/events/subscription.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { unobserved } from "../../src/observe/observe.ts";

const TOPIC = "idle";
/** Long enough for a hundredth of a core to be 30 ms of CPU time, well above the clock's resolution. */
const MEASURED_MS = 3_000;

const kafka = createKafka({ brokers: [process.argv[2] ?? ""], clientId: "idle" }, unobserved);
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3 }] });
const producer = kafka.producer({ maxInFlightRequests: 1 });
await producer.connect();

const stored = Promise.withResolvers<void>();
const subscription = subscribe({
  kafka,
  groupId: "idle",
  topics: [TOPIC],
  limits: { maxRecords: 100, maxBytes: 1_000_000, queueBytes: 10_000_000 },
  observe: unobserved,
  reader: {
    position: () => Promise.resolve(0n),
    begin: () => Promise.resolve(),
    process: () => Promise.resolve(stored.resolve()),
  },
});
await producer.send({ topic: TOPIC, messages: [{ value: "the last one for a long time" }] });
await stored.promise;

const before = process.cpuUsage();
const began = performance.now();
await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
const { user, system } = process.cpuUsage(before);
const percent = (user + system) / 1000 / (performance.now() - began) * 100;
process.stdout.write(`${percent}\n`);
await subscription.stop();
await producer.disconnect();
await admin.disconnect();
process.exit(0);
