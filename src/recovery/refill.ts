/**
 * Refills a new, empty log from the data store: every trajectory with its lineage, withdrawals, generations, dead letters, runs, showers.
 *
 *     is the log empty, or an interrupted refill of this data store? ──no──▶ refused
 *         ▼
 *     trajectories (republish.ts), what their rows don't say (republish_rest.ts)      ── how far: log_refill, with each page
 *         ▼
 *     showers, dead letters, runs (retell_*.ts)
 *         ▼
 *     records of other programs meanwhile? they are consumed later
 *         ▼
 *     one transaction: the database's offsets are those of this log, it is bound to it, and the runs are projected again from it
 *
 * Until that transaction the data store is as it was, except for the rows' places in the log. So a crash costs nothing but a page that is
 * published twice; the same command goes on.
 */
import { PermanentError } from "@gmn/failures";
import type { Kafka } from "../events/kafka_client.ts";
import type { Publisher } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { readWatermarks } from "../events/start_position.ts";
import {
  DEAD_LETTER,
  IAU_SHOWER,
  INGESTION_RUN,
  type Topic,
  TRAJECTORY_SUMMARY_RAW,
} from "../events/topics.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import {
  beginRefill,
  endRefill,
  readRefill,
  rememberRaw,
  rememberRows,
} from "../store/log_refills.ts";
import { findOwnRecords, type FoundRecords, OwnAppends, wholeLog } from "./own_records.ts";
import { type RepublishedRows, type Republishing, republishRows } from "./republish.ts";
import { type RepublishedRest, republishRest } from "./republish_rest.ts";
import { retellDeadLetters, retellShowers } from "./retell_lists.ts";
import { retellRuns, type RetoldRuns } from "./retell_runs.ts";

/** What is being told to the log. `rows` counts, of the others only the end is known. */
export type RefillPhase = "log" | "rows" | "generations" | "dead letters" | "runs";

export interface RefillOptions {
  readonly sql: Sql;
  readonly kafka: Kafka;
  readonly registry: Pick<SchemaRegistry, "writerSchema">;
  /** Not one that a log guard holds back. */
  readonly publisher: Pick<Publisher, "publishEach" | "partitionOf" | "schemaId">;
  /** Identity of the log that is filled. */
  readonly logId: string;
  /** Binds the database to this log at these positions, and runs `also` in the same transaction. */
  readonly bind: (to: RefilledPositions) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (
    progress: { readonly phase: RefillPhase; readonly done: number; readonly total: number },
  ) => void;
}

/** The place in the refilled log at which the database is. */
export interface RefilledPositions {
  readonly positions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly nextOffset: bigint;
    readonly logStart: bigint;
  }[];
  readonly also: (transaction: TransactionSql) => Promise<void>;
}

/** What the log was told. */
export interface Refilled {
  /** The rows published by this call: an interrupted one has published the others. */
  readonly rows: RepublishedRows;
  readonly rest: RepublishedRest | null;
  readonly showers: number;
  readonly deadLetters: number;
  readonly runs: RetoldRuns;
  /** Records of other programs that came meanwhile; they are consumed from the first one on. */
  readonly foreign: number;
  /** Records in the log now. */
  readonly records: number;
}

/** Topics that are refilled; the log's identity is not. */
export const REFILLED_TOPICS: readonly Topic[] = [
  TRAJECTORY_SUMMARY_RAW,
  IAU_SHOWER,
  DEAD_LETTER,
  INGESTION_RUN,
];

const NO_ROWS: RepublishedRows = { rows: 0, withdrawn: 0, refused: 0, firstRefused: [] };

/**
 * Refills the log, and switches the data store to it.
 * @throws LogNotEmptyError when the log has records that no refill published, TransientError when broker, registry or database are
 *   unavailable, the signal's reason; call it again then
 */
export async function refill(options: RefillOptions): Promise<Refilled> {
  const { sql, kafka, logId, signal, onProgress } = options;
  onProgress({ phase: "log", done: 0, total: 0 });
  const begun = await wholeLog(kafka, REFILLED_TOPICS);
  const found = await findOwnRecords(kafka, begun, signal);
  if (found.foreign > 0) throw notEmpty(found);
  // A log that was emptied again has nothing of an interrupted refill.
  await beginRefill(sql, logId, { isAnew: found.own === 0 });
  const publisher = new OwnAppends(options.publisher, begun);
  const told = { sql, publisher, by: "refill", signal } as const;

  const { rows, rest } = await refillRaw(options, publisher);
  const ends = await endsOf(kafka);
  onProgress({ phase: "dead letters", done: 0, total: 0 });
  const showers = await retellShowers(told);
  const deadLetters = await retellDeadLetters(told);
  onProgress({ phase: "runs", done: 0, total: 0 });
  const loaded = await readOffsets(sql, TRAJECTORY_SUMMARY_RAW.name);
  const skip = found.retoldEvents;
  const runs = await retellRuns({ sql, publisher, ends, loaded, skip, signal });

  const now = await wholeLog(kafka, REFILLED_TOPICS);
  const strangers = await findOwnRecords(kafka, publisher.unknownUpTo(now), signal);
  await options.bind({
    positions: now.map(({ topic, partition, from, to }) => {
      const first = strangers.firstForeign.find((of) =>
        of.topic === topic && of.partition === partition
      );
      // The rows of runs have offsets of their events: they are projected again from this log.
      const nextOffset = topic === INGESTION_RUN.name ? from : first?.offset ?? to;
      return { topic, partition, nextOffset, logStart: from };
    }),
    also: (transaction) => endRefill(transaction, logId, [INGESTION_RUN.name]),
  });
  const records = Number(now.reduce((sum, { from, to }) => sum + to - from, 0n));
  return { rows, rest, showers, deadLetters, runs, foreign: strangers.foreign, records };
}

/** Everything of `trajectory_summary_raw`, unless an interrupted refill has done it. */
async function refillRaw(
  { sql, kafka, registry, logId, signal, onProgress }: RefillOptions,
  publisher: OwnAppends,
): Promise<Pick<Refilled, "rows" | "rest">> {
  const progress = await readRefill(sql, logId);
  if (progress?.isRawComplete === true) return { rows: NO_ROWS, rest: null };
  const republishing: Republishing = {
    sql,
    publisher,
    registry,
    partitions: (await readWatermarks(kafka, TRAJECTORY_SUMMARY_RAW.name)).size,
    by: "refill",
    signal,
    onProgress: (progress) => onProgress({ phase: "rows", ...progress }),
  };
  const rows = await republishRows(republishing, { kind: "all" }, {
    after: progress?.rowsAfter ?? "",
    remember: (transaction, last) => rememberRows(transaction, logId, last),
  });
  onProgress({ phase: "generations", done: 0, total: 0 });
  const rest = await republishRest(republishing);
  await rememberRaw(sql, logId);
  return { rows, rest };
}

/** The ends of `trajectory_summary_raw`, as run events have them. */
async function endsOf(kafka: Kafka): Promise<Record<number, number>> {
  const marks = await readWatermarks(kafka, TRAJECTORY_SUMMARY_RAW.name);
  return Object.fromEntries([...marks].map(([partition, { high }]) => [partition, Number(high)]));
}

/** The log has records that no refill published: refilled values would come after them, and replace newer ones. */
export class LogNotEmptyError extends PermanentError {
  override readonly name = "LogNotEmptyError";
}

function notEmpty({ foreign, own, firstForeign }: FoundRecords): LogNotEmptyError {
  const [first] = firstForeign;
  const where = first === undefined ? "" : `${first.topic}-${first.partition}@${first.offset}`;
  return new LogNotEmptyError(
    `the log is not empty: it has ${foreign} record(s) that no refill published, the first is ${where}` +
      (own > 0 ? `; ${own} are of an interrupted refill` : ""),
    {
      hint:
        "only an empty log is refilled. deno task log adopt accepts this one, and deno task log repair then publishes what it " +
        "lacks; or delete its topics. See docs/runbook/log-refill.md",
    },
  );
}
