/**
 * Reads what the log and the database say about each other, for `log_verdict.ts`. Costs a few small requests; only the witnesses cost
 * a fetch each, of a whole record batch (up to a megabyte).
 */
import { Buffer } from "node:buffer";
import { type Backoff, explain, PermanentError, retry } from "@gmn/failures";
import { groupMembers } from "../events/consumer_group.ts";
import { classifyKafkaError, isKafkaError, type Kafka, withAdmin } from "../events/kafka_client.ts";
import { type DirectFetch, openDirectFetch } from "../events/kafkajs/direct_fetch.ts";
import { foldLogIdentity, type LogIdentity } from "../events/log_identity.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { askWatermarks, type Watermarks } from "../events/start_position.ts";
import { LOG_IDENTITY, TOPICS } from "../events/topics.ts";
import { recordDigest, type Witness } from "../events/witness.ts";
import { CONSUMER_GROUP } from "../consumer/sink.ts";
import type { Sql } from "../store/connection.ts";
import { readPositions, type StoredPosition } from "../store/consumer_offsets.ts";
import { readLogBinding } from "../store/log_binding.ts";
import type { LogFacts } from "./log_verdict.ts";

const DOING = "checking which log this is";
const COMPACTED = new Set(
  TOPICS.filter(({ cleanupPolicy }) => cleanupPolicy === "compact").map(({ name }) => name),
);

/** A connection may be cut at any time; a broker that is away for longer is unavailable. As patient as the producer's own retries. */
const LOOK_BACKOFF: Backoff = { base_ms: 100, cap_ms: 2_000, attempts: 5 };

/** The log has no such topic, or no such offset: not an outage. */
export class LogGoneError extends PermanentError {
  override readonly name = "LogGoneError";
}

const isGone = (error: unknown) =>
  isKafkaError(error, ["OFFSET_OUT_OF_RANGE", "UNKNOWN_TOPIC_OR_PARTITION"]);

export interface LogSources {
  readonly kafka: Kafka;
  readonly registry: Pick<SchemaRegistry, "writerSchema">;
  readonly sql: Sql;
}

/** Looks at the log. Its connection is opened when it is first needed, and again after a failure. */
export class LogEye {
  readonly #kafka: Kafka;
  #opening: Promise<DirectFetch> | null = null;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  /**
   * Runs `look` with the connection; again, with a new one, when the connection is lost.
   * @throws LogGoneError when the log has no such topic or offset, TransientError, PermanentError
   */
  look<Seen>(look: (fetch: DirectFetch) => Promise<Seen>): Promise<Seen> {
    return retry(() => this.#lookOnce(look), { backoff: LOOK_BACKOFF });
  }

  async #lookOnce<Seen>(look: (fetch: DirectFetch) => Promise<Seen>): Promise<Seen> {
    const mine = this.#opening ??= openDirectFetch(this.#kafka);
    try {
      return await look(await mine);
    } catch (error) {
      if (this.#opening === mine) this.#opening = null;
      void mine.then((fetch) => fetch.close()).catch(() => {});
      if (isGone(error)) throw new LogGoneError(`${DOING}: ${explain(error)}`, { cause: error });
      throw classifyKafkaError(error, DOING);
    }
  }

  /** The bytes of the identity's events from `low` on: equal bytes are the same log. */
  identityBytes(low: bigint): Promise<Buffer> {
    return this.look(async (fetch) => {
      const records = await fetch.recordsFrom(LOG_IDENTITY.name, 0, low);
      return Buffer.concat(records.map(({ value }) => value ?? Buffer.alloc(0)));
    });
  }

  /**
   * The digest of the record at an offset of a partition; null when the log has none there, and undefined when that can't be said: the
   * batch is damaged, or the topic is compacted and has lost the record.
   */
  digestAt(topic: string, partition: number, offset: bigint): Promise<bigint | null | undefined> {
    return this.look(async (fetch) => {
      const [record] = await fetch.recordsFrom(topic, partition, offset);
      if (record?.unreadable !== undefined) return undefined;
      if (record?.offset === offset) return recordDigest(record);
      return COMPACTED.has(topic) ? undefined : null;
    });
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    await opening?.then((fetch) => fetch.close()).catch(() => {});
  }
}

/** The facts, and what the identity was read from. */
export interface ReadFacts {
  readonly facts: LogFacts;
  /** The first offset and the bytes of the identity's events; null when there are none. */
  readonly identity: { readonly low: bigint; readonly bytes: Buffer } | null;
}

/** Whether the witness of a position is compared; it is number `at` of `count` positions. */
export type Compares = (position: StoredPosition, at: number, count: number) => boolean;

/**
 * Reads all facts.
 * @param isCompared all by default
 * @throws TransientError when log or database are unavailable, PermanentError when they refuse
 */
export async function readLogFacts(
  { kafka, registry, sql }: LogSources,
  eye: LogEye,
  isCompared: Compares = () => true,
): Promise<ReadFacts> {
  // Before the log's ends, which only grow: read after them, a position may be beyond an end that was right when it was read.
  const positions = await readPositions(sql);
  const { watermarks, ofIdentity } = await readAllWatermarks(kafka);
  const identity = await readIdentity(registry, eye, ofIdentity);
  const binding = await readLogBinding(sql);
  const witnesses = new Map<string, bigint | null>();
  for (const [at, position] of positions.entries()) {
    const { topic, partition, witness } = position;
    const marks = watermarks.get(topic)?.get(partition);
    if (witness === null || !isCompared(position, at, positions.length) || !has(marks, witness)) {
      continue;
    }
    const digest = await eye.digestAt(topic, partition, witness.offset).catch((error) => {
      // Deleted since the watermarks were read: the next check sees it.
      if (error instanceof LogGoneError) return undefined;
      throw error;
    });
    if (digest !== undefined) witnesses.set(`${topic}-${partition}`, digest);
  }
  const isUnbound = binding.logId === null ||
    (identity.folded?.bound ?? null)?.dataStoreId !== binding.dataStoreId;
  const hasRecords = [...watermarks.values()].some((partitions) =>
    [...partitions.values()].some(({ low, high }) => high > low)
  );
  const members = isUnbound && hasRecords ? (await groupMembers(kafka, CONSUMER_GROUP)).length : 0;
  return {
    facts: { identity: identity.folded, watermarks, binding, positions, witnesses, members },
    identity: identity.read,
  };
}

const has = (marks: Watermarks | undefined, { offset }: Witness): boolean =>
  marks !== undefined && offset >= marks.low && offset < marks.high;

interface AllWatermarks {
  readonly watermarks: LogFacts["watermarks"];
  readonly ofIdentity: Watermarks | undefined;
}

function readAllWatermarks(kafka: Kafka): Promise<AllWatermarks> {
  return withAdmin(kafka, DOING, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const watermarks = new Map<string, ReadonlyMap<number, Watermarks>>();
    for (const { name } of TOPICS) {
      if (existing.has(name)) watermarks.set(name, await askWatermarks(admin, name));
    }
    const ofIdentity = existing.has(LOG_IDENTITY.name)
      ? (await askWatermarks(admin, LOG_IDENTITY.name)).get(0)
      : undefined;
    return { watermarks, ofIdentity };
  });
}

async function readIdentity(
  registry: LogSources["registry"],
  eye: LogEye,
  marks: Watermarks | undefined,
): Promise<{ readonly folded: LogIdentity | null; readonly read: ReadFacts["identity"] }> {
  if (marks === undefined || marks.low === marks.high) return { folded: null, read: null };
  // The bytes first: an event that is appended in between is noticed as a change.
  const bytes = await eye.identityBytes(marks.low);
  const folded = await eye.look((fetch) => foldLogIdentity(fetch, registry, marks));
  return { folded, read: { low: marks.low, bytes } };
}
