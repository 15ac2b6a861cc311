/** The topics of a copy: the same in the target as in the source, created where they are missing, checked where they exist. */
import { type Backoff, PermanentError, retry } from "@gmn/failures";
import { ensureTopics, type WantedTopic } from "../events/ensure_topics.ts";
import { type Kafka, withAdmin } from "../events/kafka_client.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import { askWatermarks, type Watermarks } from "../events/start_position.ts";
import { readTopicConfigs } from "../events/topic_configs.ts";
import type { Topic } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";

/** The watermarks of a topic's partitions. */
export type TopicMarks = ReadonlyMap<number, Watermarks>;

/** Settings that a target must have: others would change times, or lose records. */
const REQUIRED_CONFIGS = {
  "message.timestamp.type": "CreateTime",
  "retention.ms": "-1",
  "retention.bytes": "-1",
} as const;
const MAX_MESSAGE_BYTES = "max.message.bytes";
/** Larger ones are set on purpose: Kafka's default is 12 bytes more than Redpanda's. */
const MAX_MESSAGE_BYTES_DEFAULT = 1_048_588;

/** A partition that was created a moment ago has a leader, which may not know it yet. */
const MARKS_BACKOFF: Backoff = { base_ms: 200, cap_ms: 2_000, attempts: 6 };

/** The watermarks of those topics that exist. @throws TransientError, PermanentError */
export async function readTopicMarks(
  kafka: Kafka,
  topics: readonly Topic[],
): Promise<Map<Topic, TopicMarks>> {
  return await retry(() => askTopicMarks(kafka, topics), { backoff: MARKS_BACKOFF });
}

async function askTopicMarks(
  kafka: Kafka,
  topics: readonly Topic[],
): Promise<Map<Topic, TopicMarks>> {
  return await withAdmin(kafka, "reading the offsets of the topics", async (admin) => {
    const existing = new Set(await admin.listTopics());
    const marks = new Map<Topic, TopicMarks>();
    for (const topic of topics) {
      if (existing.has(topic.name)) marks.set(topic, await askWatermarks(admin, topic.name));
    }
    return marks;
  });
}

export interface CreateTopicsOptions {
  readonly source: Kafka;
  readonly target: Kafka;
  /** The source's topics. */
  readonly marks: ReadonlyMap<Topic, TopicMarks>;
  readonly replication: ReplicationSettings | null;
  readonly observe: Observe;
}

/**
 * Creates the source's topics in the target, with the same number of partitions.
 * @throws PermanentError when the target has one with other partitions, or settings that would change or lose records, with what was
 *   found; TransientError when a broker is unavailable
 */
export async function createTopicsOfCopy(options: CreateTopicsOptions): Promise<void> {
  const { source, target, marks, replication, observe } = options;
  const topics = [...marks.keys()];
  const existing = await readTopicMarks(target, topics);
  for (const [topic, partitions] of existing) {
    const count = marks.get(topic)!.size;
    if (partitions.size === count) continue;
    throw new PermanentError(
      `topic ${topic.name} has ${partitions.size} partition(s) in the target, and ${count} in the source`,
      { hint: `Delete the topic there, or copy to another broker: a copy keeps the partitions.` },
    );
  }
  const names = topics.map(({ name }) => name);
  const sizes = await readTopicConfigs(source, names, [MAX_MESSAGE_BYTES]);
  const wanted = topics.map((topic): WantedTopic => {
    const size = Number(sizes.get(topic.name)?.get(MAX_MESSAGE_BYTES) ?? 0);
    return {
      ...topic,
      partitions: marks.get(topic)!.size,
      moreConfigs: {
        "message.timestamp.type": REQUIRED_CONFIGS["message.timestamp.type"],
        ...size > MAX_MESSAGE_BYTES_DEFAULT ? { [MAX_MESSAGE_BYTES]: String(size) } : {},
      },
    };
  });
  await ensureTopics(target, wanted, observe, replication);
  await checkConfigs(target, topics);
}

async function checkConfigs(target: Kafka, topics: readonly Topic[]): Promise<void> {
  const names = topics.map(({ name }) => name);
  const required = [...Object.keys(REQUIRED_CONFIGS), "cleanup.policy"];
  const configs = await readTopicConfigs(target, names, required);
  for (const { name, cleanupPolicy } of topics) {
    for (
      const [config, value] of Object.entries({
        ...REQUIRED_CONFIGS,
        "cleanup.policy": cleanupPolicy,
      })
    ) {
      const found = configs.get(name)?.get(config);
      if (found === undefined || found === value) continue;
      throw new PermanentError(`topic ${name} has ${config}=${found} in the target, not ${value}`, {
        hint: `Change it: kafka-configs --alter --entity-type topics --entity-name ${name} ` +
          `--add-config ${config}=${value}`,
      });
    }
  }
}
