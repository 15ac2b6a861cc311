/**
 * Checks the whole log, by itself and against the data store. Nothing is written.
 *
 *     snapshot of the data store ─▶ ends of the log ─▶ every record once, with the rows beside it ─▶ what is left over
 *
 * The snapshot comes first, so every row in it is about a record before the ends: a service that goes on loading changes neither side.
 */
import { createDeadLetterIds, type DeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { type LogIdentity, readLogIdentity } from "../events/log_identity.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import {
  DEAD_LETTER,
  INGESTION_RUN,
  type Topic,
  TOPICS,
  TRAJECTORY_SUMMARY_RAW,
} from "../events/topics.ts";
import type { Sql } from "../store/connection.ts";
import { type StoreSnapshot, withSnapshot } from "../store/row_places.ts";
import type { Findings } from "./finding.ts";
import { type OffsetRange, type PartitionScan, scanLog } from "./scan_log.ts";
import { DeadLetterCheck, RunEventCheck } from "./verify_projections.ts";
import { RowCheck } from "./verify_rows.ts";

export interface VerifyOptions {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  readonly sql: Sql;
  /** All by default. */
  readonly topics?: readonly Topic[];
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** A range that can't be read or is missing. */
export interface DamagedRange extends OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly kind: "unreadable" | "missing";
  readonly reason: string;
  /** When an unreadable batch was written; null when that is not known. */
  readonly writtenAt: Date | null;
  /** The repair that covers it; null when it is not repaired. */
  readonly repair:
    | { readonly at: Date; readonly republished: number; readonly lost: number }
    | null;
}

/** What was found. */
export interface Verification {
  readonly partitions: readonly PartitionScan[];
  readonly damaged: readonly DamagedRange[];
  /** Null where the topic was not checked. */
  readonly rows:
    | {
      readonly total: number;
      readonly confirmed: number;
      /** Rows that are known not to be in the log (offset -1). */
      readonly notInLog: number;
      readonly missing: Findings;
      readonly different: Findings;
      readonly undecodable: Findings;
      readonly undecodableReason: string | null;
    }
    | null;
  readonly deadLetters: { readonly confirmed: number; readonly missing: Findings } | null;
  readonly runEvents: { readonly confirmed: number; readonly missing: Findings } | null;
}

/**
 * Checks the log.
 * @throws TransientError when broker, registry or database are unavailable, PermanentError when they refuse, the signal's reason
 */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const { kafka, registry, sql, topics = TOPICS, signal, onProgress } = options;
  return await withSnapshot(sql, async (snapshot) => {
    const identityAtStart = await readLogIdentity(kafka, registry);
    const ids = createDeadLetterIds(() => identityAtStart?.hasTimedIds ?? false);
    const checks = checksOf(snapshot, registry, ids, topics);
    await checks.rows?.begin();
    const totals = await snapshot.rowTotals();
    const { partitions } = await scanLog({
      kafka,
      registry,
      topics,
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
      async onRecords(read) {
        if (read.topic === TRAJECTORY_SUMMARY_RAW.name) await checks.rows?.take(read);
        if (read.topic === DEAD_LETTER.name) await checks.deadLetters?.take(read);
        if (read.topic === INGESTION_RUN.name) await checks.runEvents?.take(read);
      },
    });
    await checks.rows?.finish(totals.partitions);
    await checks.deadLetters?.finish();
    await checks.runEvents?.finish();
    const identity = await readLogIdentity(kafka, registry);
    return {
      ...checks,
      partitions,
      damaged: partitions.flatMap((scan) => damagedIn(scan, identity)),
      rows: checks.rows === null ? null : {
        total: totals.rows,
        notInLog: totals.notInLog,
        confirmed: checks.rows.confirmed,
        missing: checks.rows.missing,
        different: checks.rows.different,
        undecodable: checks.rows.undecodable,
        undecodableReason: checks.rows.undecodableReason,
      },
    };
  });
}

function checksOf(
  snapshot: StoreSnapshot,
  registry: SchemaRegistry,
  ids: DeadLetterIds,
  topics: readonly Topic[],
) {
  const isWanted = ({ name }: Topic) => topics.some((topic) => topic.name === name);
  return {
    rows: isWanted(TRAJECTORY_SUMMARY_RAW)
      ? new RowCheck(snapshot, registry, ids, TRAJECTORY_SUMMARY_RAW.name)
      : null,
    deadLetters: isWanted(DEAD_LETTER) ? new DeadLetterCheck(snapshot, registry) : null,
    runEvents: isWanted(INGESTION_RUN) ? new RunEventCheck(snapshot, registry) : null,
  };
}

/** The damaged ranges of a partition, with the repair that covers each. */
function damagedIn(scan: PartitionScan, identity: LogIdentity | null): DamagedRange[] {
  const { topic, partition, gaps, unreadable } = scan;
  return [
    ...unreadable.map((range) => ({ ...range, kind: "unreadable" as const })),
    ...gaps.map((range) => ({
      ...range,
      kind: "missing" as const,
      reason: "these offsets are not in the log",
      writtenAt: null,
    })),
  ].map((range) => {
    const repair = identity?.repairs.findLast((done) =>
      done.topic === topic && done.partition === partition &&
      done.firstOffset <= range.first && done.lastOffset >= range.last
    );
    return { ...range, topic, partition, repair: repair ?? null };
  });
}

/** The ranges that no repair covers. */
export function unrepaired({ damaged }: Verification): DamagedRange[] {
  return damaged.filter(({ repair }) => repair === null);
}

/** Whether log and data store say the same, and nothing is damaged that is not repaired. */
export function isVerified(verification: Verification): boolean {
  const { partitions, rows, deadLetters, runEvents } = verification;
  const found = [rows?.missing, rows?.different, rows?.undecodable, deadLetters?.missing];
  return unrepaired(verification).length === 0 &&
    partitions.every(({ topic, unknownSchemas }) =>
      // What else is on the topic of the trajectories is a dead letter, or counted as undecodable.
      topic === TRAJECTORY_SUMMARY_RAW.name || unknownSchemas.size === 0
    ) &&
    [...found, runEvents?.missing].every((findings) => (findings?.count ?? 0) === 0) &&
    (rows?.notInLog ?? 0) === 0;
}
