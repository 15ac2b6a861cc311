/**
 * The identity of a log: the fold of the events on the topic `gmn_log_identity`.
 *
 *     (none) ──created──▶ known ──bound──▶ bound to a data store ──bound──▶ bound to another …
 *                           │ copied: its records come from another log
 *                           │ repaired: a range was published again
 *
 * The first `created` counts: two processes that create a log at the same time agree on the earlier event. The latest `bound` counts.
 * Events of a type that only a newer version knows change nothing.
 */
import { randomUUID } from "node:crypto";
import type { Kafka } from "kafkajs";
import { PermanentError, TransientError } from "@gmn/failures";
import { wireSchemaIdOrNull } from "../wire_format/wire_header.ts";
import { classifyKafkaError, withAdmin } from "./kafka_client.ts";
import { type DirectFetch, openDirectFetch } from "./kafkajs/direct_fetch.ts";
import type { Publisher } from "./publisher.ts";
import type { SchemaRegistry } from "./schema_registry.ts";
import { askWatermarks, type Watermarks } from "./start_position.ts";
import { LOG_IDENTITY } from "./topics.ts";
import { createValueCodec } from "./wire_values.ts";

/** What was copied of one partition. Ends are the offset after the last record. */
export interface CopiedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly sourceLow: bigint;
  readonly sourceEnd: bigint;
  readonly targetLow: bigint;
  readonly targetEnd: bigint;
}

/** Why a data store works on a log. */
export type BindingDecision = "first" | "adopt" | "reread" | "refill" | "moved";

/** An event in the life of a log. `logId` is the log it was written to. */
export type LogIdentityEvent =
  & { readonly logId: string; readonly at: Date }
  & (
    | {
      readonly type: "created";
      /** Whether ids of dead letters have times (dead_letters/dead_letter_ids.ts). Logs of earlier versions: no. */
      readonly hasTimedIds: boolean;
    }
    | {
      readonly type: "bound";
      readonly dataStoreId: string;
      readonly decision: BindingDecision;
    }
    | {
      readonly type: "copied";
      readonly fromLogId: string;
      readonly ends: readonly CopiedPartition[];
      /** As in the source: the copy has its dead letters, and names them in the same way. */
      readonly hasTimedIds: boolean;
    }
    | {
      readonly type: "repaired";
      readonly topic: string;
      readonly partition: number;
      readonly firstOffset: bigint;
      readonly lastOffset: bigint;
      readonly republished: number;
      readonly lost: number;
    }
  );

type EventOf<Type extends LogIdentityEvent["type"]> = Extract<
  LogIdentityEvent,
  { readonly type: Type }
>;

/** Which log this is, and what was done to it. */
export interface LogIdentity {
  readonly logId: string;
  readonly createdAt: Date;
  readonly hasTimedIds: boolean;
  /** The data store that works on it; null while none does. */
  readonly bound: EventOf<"bound"> | null;
  /** In the order of the log. */
  readonly copies: readonly EventOf<"copied">[];
  readonly repairs: readonly EventOf<"repaired">[];
}

/** Takes an event in. Events before the first `created` change nothing. */
export function evolveLogIdentity(
  before: LogIdentity | null,
  event: LogIdentityEvent,
): LogIdentity | null {
  if (before === null) {
    return event.type === "created"
      ? {
        logId: event.logId,
        createdAt: event.at,
        hasTimedIds: event.hasTimedIds,
        bound: null,
        copies: [],
        repairs: [],
      }
      : null;
  }
  switch (event.type) {
    case "created":
      return before;
    case "bound":
      return { ...before, bound: event };
    case "copied":
      return {
        ...before,
        hasTimedIds: event.hasTimedIds,
        copies: [...before.copies, event],
      };
    case "repaired":
      return { ...before, repairs: [...before.repairs, event] };
  }
}

/** An id for a new log. */
export const newLogId = (): string => randomUUID();

/** A value of the topic, as in schemas/log_identity_event.avsc. Offsets are below 2^53. */
interface LogIdentityRecord {
  readonly log_id: string;
  readonly type: LogIdentityEvent["type"] | "unknown";
  /** Microseconds since 1970. */
  readonly at: number;
  readonly timed_ids: boolean | null;
  readonly data_store_id: string | null;
  readonly decision: string | null;
  readonly from_log_id: string | null;
  readonly ends:
    | readonly {
      readonly topic: string;
      readonly partition: number;
      readonly source_low: number;
      readonly source_end: number;
      readonly target_low: number;
      readonly target_end: number;
    }[]
    | null;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly first_offset: number | null;
  readonly last_offset: number | null;
  readonly republished: number | null;
  readonly lost: number | null;
}

const NOTHING: Omit<LogIdentityRecord, "log_id" | "type" | "at"> = {
  timed_ids: null,
  data_store_id: null,
  decision: null,
  from_log_id: null,
  ends: null,
  topic: null,
  partition: null,
  first_offset: null,
  last_offset: null,
  republished: null,
  lost: null,
};

function toRecord(event: LogIdentityEvent): LogIdentityRecord {
  const { logId, type, at } = event;
  const base = { ...NOTHING, log_id: logId, type, at: at.getTime() * 1_000 };
  switch (event.type) {
    case "created":
      return { ...base, timed_ids: event.hasTimedIds };
    case "bound":
      return { ...base, data_store_id: event.dataStoreId, decision: event.decision };
    case "copied":
      return {
        ...base,
        timed_ids: event.hasTimedIds,
        from_log_id: event.fromLogId,
        ends: event.ends.map((end) => ({
          topic: end.topic,
          partition: end.partition,
          source_low: Number(end.sourceLow),
          source_end: Number(end.sourceEnd),
          target_low: Number(end.targetLow),
          target_end: Number(end.targetEnd),
        })),
      };
    case "repaired":
      return {
        ...base,
        topic: event.topic,
        partition: event.partition,
        first_offset: Number(event.firstOffset),
        last_offset: Number(event.lastOffset),
        republished: event.republished,
        lost: event.lost,
      };
  }
}

/** The event of a record; null for a type that only a newer version knows. */
function fromRecord(record: LogIdentityRecord): LogIdentityEvent | null {
  const base = { logId: record.log_id, at: new Date(record.at / 1_000) };
  switch (record.type) {
    case "created":
      return { ...base, type: "created", hasTimedIds: record.timed_ids ?? false };
    case "bound":
      return {
        ...base,
        type: "bound",
        dataStoreId: record.data_store_id ?? "",
        decision: (record.decision ?? "first") as BindingDecision,
      };
    case "copied":
      return {
        ...base,
        type: "copied",
        fromLogId: record.from_log_id ?? "",
        hasTimedIds: record.timed_ids ?? false,
        ends: (record.ends ?? []).map((end) => ({
          topic: end.topic,
          partition: end.partition,
          sourceLow: BigInt(end.source_low),
          sourceEnd: BigInt(end.source_end),
          targetLow: BigInt(end.target_low),
          targetEnd: BigInt(end.target_end),
        })),
      };
    case "repaired":
      return {
        ...base,
        type: "repaired",
        topic: record.topic ?? "",
        partition: record.partition ?? 0,
        firstOffset: BigInt(record.first_offset ?? 0),
        lastOffset: BigInt(record.last_offset ?? 0),
        republished: record.republished ?? 0,
        lost: record.lost ?? 0,
      };
    case "unknown":
      return null;
  }
}

const codec = createValueCodec<LogIdentityRecord>(LOG_IDENTITY);
const READING = "reading which log this is";

/**
 * Reads the log's identity; null when the log has none (no such topic, or no event `created` in it).
 * @throws TransientError when broker or registry are unavailable, PermanentError when they refuse
 */
export async function readLogIdentity(
  kafka: Kafka,
  registry: Pick<SchemaRegistry, "writerSchema">,
): Promise<LogIdentity | null> {
  const marks = await withAdmin(kafka, READING, async (admin) => {
    if (!(await admin.listTopics()).includes(LOG_IDENTITY.name)) return undefined;
    return (await askWatermarks(admin, LOG_IDENTITY.name)).get(0);
  });
  if (marks === undefined || marks.low === marks.high) return null;
  let fetch: DirectFetch | null = null;
  try {
    fetch = await openDirectFetch(kafka);
    return await foldLogIdentity(fetch, registry, marks);
  } catch (error) {
    throw classifyKafkaError(error, READING);
  } finally {
    await fetch?.close().catch(() => {});
  }
}

/** Reads the identity's events between the watermarks through an open connection. @throws kafkajs's errors, TransientError */
export async function foldLogIdentity(
  fetch: DirectFetch,
  registry: Pick<SchemaRegistry, "writerSchema">,
  { low, high }: Watermarks,
): Promise<LogIdentity | null> {
  let identity: LogIdentity | null = null;
  for (let next = low; next < high;) {
    const records = await fetch.recordsFrom(LOG_IDENTITY.name, 0, next);
    if (records.length === 0) {
      // A broker that does not give its records (yet) has not said that the log has no identity.
      if (next === low) {
        throw new TransientError(`${READING}: the broker gives no record at offset ${low}`);
      }
      // Nothing readable is left: a gap at the end.
      break;
    }
    for (const { value } of records) {
      const schemaId = wireSchemaIdOrNull(value);
      if (value === null || schemaId === null) continue;
      try {
        const event = fromRecord(codec.decode(value, await registry.writerSchema(schemaId)));
        if (event !== null) identity = evolveLogIdentity(identity, event);
      } catch (error) {
        // A record of another program under this topic's name says nothing about the log.
        if (!(error instanceof PermanentError)) throw error;
      }
    }
    next = records.at(-1)!.offset + 1n;
  }
  return identity;
}

/**
 * Appends an event and waits for the acknowledgement.
 * @throws TransientError when the broker can't be reached, PermanentError when it refuses
 */
export async function appendLogIdentityEvent(
  publisher: Pick<Publisher, "publish" | "schemaId">,
  event: LogIdentityEvent,
): Promise<void> {
  const value = codec.encode(toRecord(event), publisher.schemaId(LOG_IDENTITY));
  await publisher.publish(LOG_IDENTITY, [{ key: event.logId, value }]);
}
