/**
 * How many copies of a topic an external cluster keeps: what to ask for when a topic is created, and a warning when it is too few.
 *
 *     the settings ─▶ replication factor and min.insync.replicas of new topics; 3 and 2 where they are not set and the cluster has the brokers
 *     the cluster has fewer than 3 brokers, or a topic fewer copies ─▶ a warning with the reason; a topic that exists is never changed
 *
 * With 3 copies of which 2 must have a record before it is acknowledged, the loss of any one broker loses nothing and stops nothing.
 */
import type { Admin } from "kafkajs";
import { PermanentError } from "@gmn/failures";
import { askTopicConfigs } from "./topic_configs.ts";

/** The settings KAFKA_REPLICATION_FACTOR and KAFKA_MIN_INSYNC_REPLICAS; null where not set. */
export interface ReplicationSettings {
  readonly factor: number | null;
  readonly minInsync: number | null;
}

/** The copies of a topic to be created. */
export interface Replication {
  readonly factor: number;
  readonly minInsync: number;
}

/** The copies of a topic that exists. `minInsync` is null on a cluster without this configuration (Redpanda: always a majority). */
export interface TopicReplication {
  readonly topic: string;
  readonly factor: number;
  readonly minInsync: number | null;
}

/** Fewest copies with which one broker may be lost, and another one restarted, without losing a record. */
export const SAFE_FACTOR = 3;
/** Fewest copies that must have a record when it is acknowledged, so that it is on two disks from the beginning. */
export const SAFE_MIN_INSYNC = 2;

/**
 * The copies of new topics on a cluster of `brokers` brokers.
 * @throws PermanentError naming the setting that can't work there
 */
export function chooseReplication(settings: ReplicationSettings, brokers: number): Replication {
  const factor = settings.factor ?? Math.min(SAFE_FACTOR, brokers);
  if (factor > brokers) {
    throw new PermanentError(
      `KAFKA_REPLICATION_FACTOR=${factor}: the cluster has ${brokers} broker(s)`,
      { hint: `Set it to ${brokers} or less, add brokers, or start those that are down.` },
    );
  }
  const minInsync = settings.minInsync ?? Math.min(SAFE_MIN_INSYNC, factor);
  if (minInsync > factor) {
    throw new PermanentError(
      `KAFKA_MIN_INSYNC_REPLICAS=${minInsync}: a topic has ${factor} replica(s) here, ` +
        (settings.factor === null
          ? `as the cluster has ${brokers} broker(s)`
          : `by KAFKA_REPLICATION_FACTOR`),
      { hint: `Set it to ${factor} or less: otherwise no record could ever be acknowledged.` },
    );
  }
  return { factor, minInsync };
}

/** Why records may be lost with their broker, and what to do; null when one broker may be lost. */
export function replicationRisk(
  brokers: number,
  topics: readonly TopicReplication[],
): { readonly reason: string; readonly advice: string } | null {
  const few = topics.filter(({ factor }) => factor < SAFE_FACTOR);
  const early = topics.filter(({ minInsync }) => minInsync !== null && minInsync < SAFE_MIN_INSYNC);
  const reasons = [
    ...brokers < SAFE_FACTOR
      ? [
        `the cluster has ${brokers} broker(s), and ${SAFE_FACTOR} are needed for ${SAFE_FACTOR} copies`,
      ]
      : [],
    ...few.length === 0
      ? []
      : [`${listed(few, ({ topic, factor }) => `${topic} has replication factor ${factor}`)}`],
    ...early.length === 0
      ? []
      : [`${
        listed(early, ({ topic, minInsync }) => `${topic} has min.insync.replicas=${minInsync}`)
      }`],
  ];
  if (reasons.length === 0) return null;
  const advice = [
    ...brokers < SAFE_FACTOR ? ["add brokers"] : [],
    ...few.length > 0
      ? [`raise the replication factor to ${SAFE_FACTOR} (kafka-reassign-partitions)`]
      : [],
    ...early.length > 0
      ? [
        `set min.insync.replicas to ${SAFE_MIN_INSYNC} ` +
        `(kafka-configs --alter --entity-type topics --add-config min.insync.replicas=${SAFE_MIN_INSYNC})`,
      ]
      : [],
  ];
  return {
    reason: `the loss of one broker may lose records: ${reasons.join("; ")}`,
    advice: advice.join(", then "),
  };
}

/** Reads the copies of topics that exist. @throws kafkajs's errors */
export async function readReplication(
  admin: Admin,
  topics: readonly string[],
): Promise<TopicReplication[]> {
  const { topics: described } = await admin.fetchTopicMetadata({ topics: [...topics] });
  const configs = await askTopicConfigs(admin, topics, [MIN_INSYNC_CONFIG]);
  return described.map(({ name, partitions }) => {
    const value = configs.get(name)?.get(MIN_INSYNC_CONFIG);
    return {
      topic: name,
      factor: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      minInsync: value === undefined ? null : Number(value),
    };
  });
}

/** The topic configuration's name. */
export const MIN_INSYNC_CONFIG = "min.insync.replicas";

function listed<One>(all: readonly One[], say: (one: One) => string): string {
  return all.map(say).join(", ");
}
