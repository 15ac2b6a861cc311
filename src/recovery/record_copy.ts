/**
 * Which logs a copy is between, and what its target says about it afterwards. A service that worked on the source goes on with the
 * target by itself: its guard finds the event `copied` and maps its offsets.
 */
import { PermanentError } from "@gmn/failures";
import { ensureTopics } from "../events/ensure_topics.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { createKafkaPublisher } from "../events/kafka_publisher.ts";
import {
  appendLogIdentityEvent,
  type CopiedPartition,
  type LogIdentity,
  newLogId,
  readLogIdentity,
} from "../events/log_identity.ts";
import type { RegistrySubjects } from "../events/registry_subjects.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { ALL_TOPICS, LOG_IDENTITY } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";

/** A log to copy from or to. */
export interface LogSide {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  readonly subjects: RegistrySubjects;
}

/** The identities of both logs; null where a log has none. */
export interface Identities {
  readonly source: LogIdentity | null;
  readonly target: LogIdentity | null;
}

/**
 * Reads both identities.
 * @throws PermanentError when both are the same log, or the target belongs to another data store than the source
 */
export async function readIdentities(source: LogSide, target: LogSide): Promise<Identities> {
  const from = await readLogIdentity(source.kafka, source.registry);
  const to = await readLogIdentity(target.kafka, target.registry);
  if (to === null) return { source: from, target: to };
  if (from?.logId === to.logId) {
    throw new PermanentError(`source and target are the same log, ${to.logId}`, {
      hint: "Name two different brokers or folders.",
    });
  }
  const owner = to.bound?.dataStoreId;
  if (owner !== undefined && owner !== from?.bound?.dataStoreId) {
    throw new PermanentError(
      `the target is log ${to.logId}, which belongs to data store ${owner}`,
      { hint: "Copy to an empty broker or folder." },
    );
  }
  return { source: from, target: to };
}

export interface RecordCopyOptions {
  readonly target: LogSide;
  readonly identities: Identities;
  readonly partitions: readonly CopiedPartition[];
  readonly replication: ReplicationSettings | null;
  readonly observe: Observe;
}

/**
 * Records the copy in the target; once, however often it is asked for.
 * @returns the target's log id; null when the source has no identity, so that there is nothing to say
 * @throws TransientError when broker or registry are unavailable, PermanentError when they refuse
 */
export async function recordCopy(options: RecordCopyOptions): Promise<string | null> {
  const { target, identities, partitions, replication, observe } = options;
  const from = identities.source;
  const logId = identities.target?.logId ?? newLogId();
  if (from === null) return identities.target?.logId ?? null;
  const ends = partitions.map(toEnds);
  const last = identities.target?.copies.at(-1);
  if (last?.fromLogId === from.logId && areSame(last.ends, ends)) return logId;

  await ensureTopics(target.kafka, ALL_TOPICS, observe, replication);
  const schemaIds = await target.registry.register([LOG_IDENTITY]);
  const publisher = await createKafkaPublisher(target.kafka, schemaIds);
  try {
    const at = new Date();
    const { hasTimedIds } = from;
    if (identities.target === null) {
      await appendLogIdentityEvent(publisher, { logId, at, type: "created", hasTimedIds });
    }
    await appendLogIdentityEvent(publisher, {
      logId,
      at,
      type: "copied",
      fromLogId: from.logId,
      ends,
      hasTimedIds,
    });
  } finally {
    await publisher.close();
  }
  return logId;
}

function toEnds(of: CopiedPartition): CopiedPartition {
  const { topic, partition, sourceLow, sourceEnd, targetLow, targetEnd } = of;
  return { topic, partition, sourceLow, sourceEnd, targetLow, targetEnd };
}

function areSame(some: readonly CopiedPartition[], others: readonly CopiedPartition[]): boolean {
  const texts = [some, others].map((ends) =>
    ends.map((end) => Object.values(toEnds(end)).join()).toSorted().join("\n")
  );
  return texts[0] === texts[1];
}
