/**
 * What is checked only every some cycles, because it takes seconds:
 *
 *     I2, I4 every trajectory of the topic has a row and no other is there, and each row's record is in the log with its key
 *     I4, I5 the tables are what the log gives, runs and their history included (`deno task rebuild --verify`)
 *     I6     every dead letter can be replayed, and stays one dead letter
 */
import { randomUUID } from "node:crypto";
import { startCommand } from "../support/command_process.ts";
import { until } from "../support/poll.ts";
import { clientOf, observe, RAW_TOPIC } from "./observation.ts";
import type { Stage } from "./stage.ts";

const READ_MS_MAX = 60_000;

/** Every violation, in words. */
export async function deepViolations(stage: Stage): Promise<string[]> {
  return [
    ...await topicViolations(stage),
    ...await rebuildViolations(stage),
    ...await replayViolations(stage),
  ];
}

async function topicViolations(stage: Stage): Promise<string[]> {
  const { broker } = (await stage.direct())!;
  const { meteors } = await observe(stage);
  const keys = await readKeys(broker);
  const inTopic = new Set(keys.values());
  const inStore = new Set(meteors.map(({ id }) => id));
  return [
    ...[...inTopic].filter((id) => !inStore.has(id)).map((id) => `I2 ${id} is only in the topic`),
    ...meteors.filter(({ id, partition, offset }) => keys.get(`${partition}/${offset}`) !== id)
      .map(({ id, partition, offset }) => `I2 ${id} is not at ${partition}/${offset} of the topic`),
  ].slice(0, 5);
}

/** The key of every record of the raw topic, by `partition/offset`. */
async function readKeys(broker: string): Promise<Map<string, string>> {
  const kafka = clientOf(broker);
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(RAW_TOPIC);
  const groupId = `chaos-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  const keys = new Map<string, string>();
  const left = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [RAW_TOPIC], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        for (const { offset, key } of batch.messages) {
          keys.set(`${batch.partition}/${offset}`, String(key));
          if (BigInt(offset) + 1n >= left.get(batch.partition)!) left.set(batch.partition, 0n);
        }
        return Promise.resolve();
      },
    });
    await until(
      "the topic is read",
      () => [...left.values()].every((end) => end === 0n),
      READ_MS_MAX,
    );
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {});
    await admin.disconnect();
  }
  return keys;
}

async function rebuildViolations(stage: Stage): Promise<string[]> {
  const { ended } = startCommand("rebuild", ["--verify"], stage.http.settings);
  const { code, err } = await ended;
  return code === 0 ? [] : [`I4, I5 rebuild --verify: code ${code}: ${err.slice(-2_000)}`];
}

async function replayViolations(stage: Stage): Promise<string[]> {
  const before = (await observe(stage)).deadLetters;
  const response = await stage.api("/dead-letters/replay", { method: "POST", body: "{}" });
  const counts = await response.json() as { matched: number; published: number; failed: number };
  const found: string[] = [];
  // Lines that can't be read can't be read again: each attempt fails, and its dead letter stays.
  if (response.status !== 202 || counts.matched !== before.length || counts.published !== 0) {
    found.push(`I6 replay of ${before.length}: ${response.status} ${JSON.stringify(counts)}`);
  }
  const after = (await observe(stage)).deadLetters;
  if (after.length !== before.length) {
    found.push(`I6 ${before.length} dead letters, and ${after.length} after a replay`);
  }
  return found;
}
