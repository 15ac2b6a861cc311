/** Creates the topics at boot, idempotently. */
import type { Kafka } from "kafkajs";
import { PermanentError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { withAdmin } from "./kafka_client.ts";
import type { Topic } from "./topics.ts";

/** Kept forever: the log is the source of truth. */
const RETENTION_FOREVER = "-1";

/** Milliseconds until the topics that a broker created must have leaders. */
const CREATE_TIMEOUT_MS = 15_000;

/**
 * Creates the missing ones of `topics`, with the cluster's default replication factor.
 *
 * An existing topic is left as it is, with one check: it may have more partitions than asked for (someone scaled out), but
 * never fewer.
 * @throws PermanentError when a topic has too few partitions, or the cluster refuses to create it
 * @throws TransientError when the cluster can't be reached
 */
export async function ensureTopics(
  kafka: Kafka,
  topics: readonly Topic[],
  observe: Observe,
): Promise<void> {
  await withAdmin(kafka, "creating topics", async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic.name));
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        timeout: CREATE_TIMEOUT_MS,
        topics: missing.map((topic) => ({
          topic: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: -1,
          configEntries: [
            { name: "cleanup.policy", value: topic.cleanupPolicy },
            { name: "retention.ms", value: RETENTION_FOREVER },
            { name: "retention.bytes", value: RETENTION_FOREVER },
          ],
        })),
      });
      for (const topic of missing) {
        observe("log.topic_created", { topic: topic.name, partitions: topic.partitions });
      }
    }
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
  });
}
