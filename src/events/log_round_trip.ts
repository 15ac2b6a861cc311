/**
 * Writes one record to the log and reads it back, which proves that a newly started broker works. The record takes the same path as
 * the service's records: a producer that waits for the disk, and a member of a consumer group.
 */
import { randomUUID } from "node:crypto";
import type { Admin, Kafka } from "kafkajs";
import { TransientError, withTimeout } from "@gmn/failures";
import { classifyKafkaError, withAdmin } from "./kafka_client.ts";

/** A separate topic, so that no topic that is kept forever contains probes. */
const TOPIC = "gmn_readiness";
/** Probes are useless after an hour. */
const RETENTION_MS = 3_600_000;
/** Longer than the first leader election takes; a more patient caller tries again. */
const TIMEOUT_MS = 15_000;
const DOING = "a record through the log and back";

/**
 * Writes a record and reads it back.
 * @throws TransientError when the record can't be read back in time or the broker can't be reached, PermanentError when it refuses
 * @throws the signal's reason when it aborts
 */
export async function proveRoundTrip(kafka: Kafka, signal: AbortSignal): Promise<void> {
  try {
    await createTopic(kafka);
    const token = randomUUID();
    const { partition, offset } = await write(kafka, token);
    await read(kafka, { token, partition, offset }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw classifyKafkaError(error, DOING);
  }
}

async function createTopic(kafka: Kafka): Promise<void> {
  await withAdmin(kafka, DOING, async (admin) => {
    if ((await admin.listTopics()).includes(TOPIC)) return;
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{
        topic: TOPIC,
        numPartitions: 1,
        replicationFactor: -1,
        configEntries: [{ name: "retention.ms", value: String(RETENTION_MS) }],
      }],
    });
  });
}

async function write(kafka: Kafka, token: string): Promise<{ partition: number; offset: string }> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  try {
    await producer.connect();
    const [answer] = await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: token }] });
    return { partition: answer?.partition ?? 0, offset: answer?.baseOffset ?? "0" };
  } finally {
    await producer.disconnect();
  }
}

async function read(
  kafka: Kafka,
  record: { token: string; partition: number; offset: string },
  signal: AbortSignal,
): Promise<void> {
  // A new group each time: otherwise a member that was killed during an earlier probe would delay this one.
  const groupId = `${TOPIC}_${record.token}`;
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    // A new broker creates its topic for group offsets only now, so the first attempts may fail.
    retry: { retries: 8, restartOnFailure: () => Promise.resolve(false) },
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = () => new TransientError(`the record did not come back within ${TIMEOUT_MS} ms`);
  const back = withTimeout(promise, TIMEOUT_MS, late);
  back.catch(() => {});
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [TOPIC] });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ message }) => {
        if (message.value?.toString() === record.token) resolve();
        return Promise.resolve();
      },
    });
    try {
      consumer.seek({ topic: TOPIC, partition: record.partition, offset: record.offset });
    } catch {
      // The consumer has crashed already; `back` rejects with the reason.
    }
    await back;
  } finally {
    // Clears the time-out when `back` was never awaited.
    resolve();
    signal.removeEventListener("abort", onAbort);
    await consumer.disconnect();
    // A courtesy: brokers remove an empty group by themselves after some days.
    const forget = (admin: Admin) => admin.deleteGroups([groupId]);
    await withAdmin(kafka, DOING, forget, { retry: { retries: 0 } }).catch(() => {});
  }
}
