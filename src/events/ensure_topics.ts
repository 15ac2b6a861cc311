/** Creates the topics at boot, idempotently. */
import type { Admin, Kafka } from "kafkajs";
import { type Backoff, PermanentError, retry } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { classifyKafkaError, isKafkaError, withAdmin } from "./kafka_client.ts";
import {
  chooseReplication,
  MIN_INSYNC_CONFIG,
  readReplication,
  replicationRisk,
  type ReplicationSettings,
} from "./replication.ts";
import type { Topic } from "./topics.ts";

/** Kept forever: the log is the source of truth. */
const RETENTION_FOREVER = "-1";

/** Milliseconds until the controller must have created the topics. */
const CREATE_TIMEOUT_MS = 15_000;

const CREATING = "creating topics";

/** For how long a broker that does not know a new topic is asked again: it takes milliseconds, seconds in a cluster that starts. */
const KNOWN_LIMIT_MS = 15_000;
const KNOWN_BACKOFF: Backoff = { base_ms: 100, cap_ms: 500, attempts: Infinity };

/** What a broker says of a topic that the controller has created and it has not heard of, or that has no leader yet. */
const NOT_YET_KNOWN = ["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"];

/** A topic to create, with further configurations. */
export interface WantedTopic extends Topic {
  readonly moreConfigs?: Readonly<Record<string, string>>;
}

/**
 * Creates the missing ones of `topics`.
 *
 * An existing topic is left as it is, with two checks: it may have more partitions than asked for (someone scaled out), but
 * never fewer; and on an external cluster, too few copies are reported (`log.underreplicated`).
 * @param replication the settings for an external cluster; null for a broker of one node that the service starts: nothing to choose
 *   or to warn of
 * @throws PermanentError when a topic has too few partitions, or the cluster refuses to create it
 * @throws TransientError when the cluster can't be reached
 */
export async function ensureTopics(
  kafka: Kafka,
  topics: readonly WantedTopic[],
  observe: Observe,
  replication: ReplicationSettings | null = null,
): Promise<void> {
  await withAdmin(kafka, CREATING, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic.name));
    if (missing.length > 0) {
      await createTopics(admin, missing, replication);
      for (const topic of missing) {
        observe("log.topic_created", { topic: topic.name, partitions: topic.partitions });
      }
    }
    await whenKnown(() => checkPartitions(admin, topics));
    if (replication === null) return;
    const { brokers } = await admin.describeCluster();
    const copies = await whenKnown(() => readReplication(admin, topics.map(({ name }) => name)));
    const risk = replicationRisk(brokers.length, copies);
    if (risk !== null) observe("log.underreplicated", risk);
  });
}

/**
 * Asks again while the broker that answers does not know the new topics. kafkajs's own `waitForLeaders` asks one broker, and fails
 * when that one has not heard of them (2.2.4: src/admin/index.js, `retryOnLeaderNotAvailable`).
 */
function whenKnown<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + KNOWN_LIMIT_MS;
  return retry(async () => {
    try {
      return await ask();
    } catch (error) {
      const isNotYet = isKafkaError(error, NOT_YET_KNOWN) && performance.now() < deadline;
      // Only what is classified as transient is asked again.
      throw isNotYet ? classifyKafkaError(error, CREATING) : error;
    }
  }, { backoff: KNOWN_BACKOFF });
}

async function createTopics(
  admin: Admin,
  topics: readonly WantedTopic[],
  settings: ReplicationSettings | null,
): Promise<void> {
  const copies = settings === null
    ? null
    : chooseReplication(settings, (await admin.describeCluster()).brokers.length);
  // One is every cluster's default: it is not asked for, as not every broker knows the configuration.
  const isMinInsyncSet = copies !== null && (copies.minInsync > 1 || settings?.minInsync === 1);
  await admin.createTopics({
    // `whenKnown` does.
    waitForLeaders: false,
    timeout: CREATE_TIMEOUT_MS,
    topics: topics.map((topic) => ({
      topic: topic.name,
      numPartitions: topic.partitions,
      replicationFactor: copies?.factor ?? -1,
      configEntries: [
        { name: "cleanup.policy", value: topic.cleanupPolicy },
        { name: "retention.ms", value: RETENTION_FOREVER },
        { name: "retention.bytes", value: RETENTION_FOREVER },
        ...Object.entries(topic.moreConfigs ?? {}).map(([name, value]) => ({ name, value })),
        ...isMinInsyncSet ? [{ name: MIN_INSYNC_CONFIG, value: String(copies.minInsync) }] : [],
      ],
    })),
  });
}

async function checkPartitions(admin: Admin, topics: readonly Topic[]): Promise<void> {
  const { topics: described } = await admin.fetchTopicMetadata({
    topics: topics.map((topic) => topic.name),
  });
  for (const topic of topics) {
    const partitions = described.find((one) => one.name === topic.name)?.partitions.length ?? 0;
    if (partitions < topic.partitions) {
      throw new PermanentError(
        `topic ${topic.name} has ${partitions} partition(s), but ${topic.partitions} are needed`,
        {
          hint:
            `Add partitions: kafka-topics --alter --topic ${topic.name} --partitions ${topic.partitions}`,
        },
      );
    }
  }
}
