/**
 * Repairs a log: what the data store has of damaged ranges, and of rows that the log lacks or contradicts, is published again.
 *
 *     check (verify.ts) ─▶ rows of each damaged range, by their place ─▶ rows that are elsewhere ─▶ generations, members, counts of runs
 *       ─▶ dead letters, runs, showers ─▶ an event `repaired` per range on gmn_log_identity
 *
 * The damaged bytes stay where they are: offsets never change. The event says that the range is covered, so that a check and a rebuild pass
 * over it. Published rows get the places of their new records, so an interrupted repair goes on where it was, and a repeated one finds
 * nothing to do.
 *
 * Of the records of a range, those that rows came from are published again. The others were older versions, or repeats: nothing depends on
 * them. Only what the data store had never loaded is lost.
 */
import type { Kafka } from "../events/kafka_client.ts";
import { appendLogIdentityEvent, readLogIdentity } from "../events/log_identity.ts";
import type { Publisher } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { readWatermarks } from "../events/start_position.ts";
import {
  DEAD_LETTER,
  IAU_SHOWER,
  INGESTION_RUN,
  LOG_IDENTITY,
  TRAJECTORY_SUMMARY_RAW,
} from "../events/topics.ts";
import { createDeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { Sql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { deadLetterTable, hasUnreadableBatch } from "../store/dead_letters.ts";
import type { RowSelection } from "../store/stored_rows.ts";
import type { FoundRow } from "./finding.ts";
import { republishDeadLetters, republishRuns } from "./repair_rest.ts";
import { type RefusedRow, type Republishing, republishRows } from "./republish.ts";
import { republishRest } from "./republish_rest.ts";
import { retellShowers } from "./retell_lists.ts";
import { type DamagedRange, unrepaired, type Verification } from "./verify.ts";

export interface RepairOptions {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  readonly sql: Sql;
  readonly publisher: Publisher;
  readonly signal: AbortSignal;
  /**
   * The log has lost records that nobody can name any more (its end, its beginning): confirm records and the like of every partition are
   * published again, too. Rows whose log is gone say the same.
   */
  readonly isRestLost?: boolean;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** One range, and what became of its records. */
export interface RepairedRange {
  readonly range: DamagedRange;
  /** Rows whose record it held. */
  readonly republished: number;
  /** Older versions and repeats, which nothing depends on. */
  readonly superseded: number;
  /** Records that the data store had never loaded. */
  readonly lost: number;
}

export interface Repaired {
  readonly ranges: readonly RepairedRange[];
  /** Rows outside of damaged ranges: missing, different, or of a log that is gone. */
  readonly otherRows: number;
  readonly deadLetters: number;
  readonly runEvents: number;
  readonly showers: number;
  /** Rows with values that no record can have. */
  readonly refused: number;
  readonly firstRefused: readonly RefusedRow[];
  /** Whether there is more to do: the log lacks more rows than one pass takes. */
  readonly isPartial: boolean;
}

/** Rows that are selected by id at a time. */
const IDS_PER_SELECTION = 2_000;

/** Whether there is anything to repair. */
export function needsRepair(found: Verification): boolean {
  const { rows, deadLetters, runEvents } = found;
  const lacking = [rows?.missing, rows?.different, deadLetters?.missing, runEvents?.missing];
  return unrepaired(found).length > 0 || (rows?.notInLog ?? 0) > 0 ||
    lacking.some((findings) => (findings?.count ?? 0) > 0);
}

/**
 * Repairs what a check of the whole log has found.
 * @throws TransientError when broker, registry or database are unavailable, the signal's reason: what was done stays done
 */
export async function repairLog(found: Verification, options: RepairOptions): Promise<Repaired> {
  const { sql, publisher, kafka, registry, signal, onProgress } = options;
  const partitions = await readWatermarks(kafka, TRAJECTORY_SUMMARY_RAW.name);
  const republishing: Republishing = {
    sql,
    publisher,
    registry,
    partitions: partitions.size,
    by: "repair",
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  const rows = new RowRepair(republishing);
  const ofRanges = new Map<DamagedRange, number>();
  const ofRaw = found.damaged.filter(({ topic }) => topic === TRAJECTORY_SUMMARY_RAW.name);
  for (const range of ofRaw) {
    const { partition, first, last } = range;
    ofRanges.set(range, await rows.publish({ kind: "offsets", partition, first, last }));
  }
  const otherRows = await rows.publishElsewhere(found);
  if (options.isRestLost === true || (found.rows?.notInLog ?? 0) > 0) {
    await republishRest(republishing);
  } else await restoreRest(republishing, ofRaw);

  const told = { sql, publisher, signal };
  const deadLetters = await republishDeadLetters(told, found.deadLetters?.missing.rows ?? []);
  const runEvents = await republishRuns(told, found.runEvents?.missing.rows ?? []);
  const isListDamaged = unrepaired(found).some(({ topic }) => topic === IAU_SHOWER.name);
  const showers = isListDamaged ? await retellShowers({ ...told, by: "repair" }) : 0;

  const ranges = await assess(found, ofRanges, options);
  await tellRepaired(ranges, options);
  return {
    ranges,
    otherRows,
    deadLetters,
    runEvents,
    showers,
    refused: rows.refused,
    firstRefused: rows.firstRefused,
    isPartial: [
      found.rows?.missing,
      found.rows?.different,
      found.deadLetters?.missing,
      found.runEvents?.missing,
    ].some((findings) => findings?.isComplete === false),
  };
}

/** Publishes rows, and remembers those that could not be. */
class RowRepair {
  refused = 0;
  readonly firstRefused: RefusedRow[] = [];

  constructor(private readonly republishing: Republishing) {}

  /** @returns how many rows */
  async publish(selection: RowSelection): Promise<number> {
    const { rows, refused, firstRefused } = await republishRows(this.republishing, selection);
    this.refused += refused;
    this.firstRefused.push(...firstRefused);
    return rows;
  }

  /** Rows that are not in a damaged range. @returns how many */
  async publishElsewhere({ rows, damaged }: Verification): Promise<number> {
    if (rows === null) return 0;
    const isInRange = ({ partition, offset }: FoundRow) =>
      damaged.some((range) =>
        range.topic === TRAJECTORY_SUMMARY_RAW.name && range.partition === partition &&
        range.first <= offset && offset <= range.last
      );
    const ids = [...rows.missing.rows.filter((row) => !isInRange(row)), ...rows.different.rows]
      .map(({ id }) => id);
    let published = rows.notInLog > 0 ? await this.publish({ kind: "not in the log" }) : 0;
    for (let from = 0; from < ids.length; from += IDS_PER_SELECTION) {
      published += await this.publish({
        kind: "ids",
        ids: ids.slice(from, from + IDS_PER_SELECTION),
      });
    }
    return published;
  }
}

/** What no row's record says, of the partitions that are damaged. */
async function restoreRest(
  republishing: Republishing,
  ranges: readonly DamagedRange[],
): Promise<void> {
  const partitions = new Set(
    ranges.filter(({ repair }) => repair === null).map(({ partition }) => partition),
  );
  for (const partition of partitions) await republishRest(republishing, partition);
}

/** What became of the records of each range that is not repaired yet. */
async function assess(
  found: Verification,
  ofRanges: ReadonlyMap<DamagedRange, number>,
  { sql, kafka, registry }: RepairOptions,
): Promise<RepairedRange[]> {
  const identity = await readLogIdentity(kafka, registry);
  const ids = createDeadLetterIds(() => identity?.hasTimedIds ?? false);
  const table = deadLetterTable((question) => question(sql));
  const ranges: RepairedRange[] = [];
  for (const range of unrepaired(found)) {
    const { topic, partition, first, last, writtenAt } = range;
    const size = Number(last - first) + 1;
    const republished = ofRanges.get(range) ?? missingIn(found, range);
    // A batch that is a dead letter was never loaded, unless rows come from it: then it was damaged later.
    const id = ids.ofBatch({ topic, partition }, { firstOffset: first, writtenAt });
    const wasUnreadable = republished === 0 &&
      (range.kind === "missing"
        ? await hasUnreadableBatch(sql, range)
        : await table.read(id) !== null);
    const loaded = (await readOffsets(sql, topic)).get(partition) ?? 0n;
    const ahead = loaded > last ? 0 : loaded <= first ? size : Number(last - loaded) + 1;
    const lost = isProjected(topic) ? wasUnreadable ? size : ahead : size;
    const superseded = Math.max(0, size - republished - lost);
    ranges.push({ range, republished, superseded, lost });
  }
  return ranges;
}

/** Rows of other topics in a range: those of the runs know their place, dead letters do not. */
function missingIn(found: Verification, range: DamagedRange): number {
  if (range.topic === DEAD_LETTER.name) return found.deadLetters?.missing.count ?? 0;
  if (range.topic !== INGESTION_RUN.name) return 0;
  return found.runEvents?.missing.rows
    .filter(({ offset }) => range.first <= offset && offset <= range.last).length ?? 0;
}

/** Whether the data store is built from the topic. Of the log's identity it has nothing to publish again. */
const isProjected = (topic: string): boolean => topic !== LOG_IDENTITY.name;

async function tellRepaired(
  ranges: readonly RepairedRange[],
  { kafka, registry, publisher }: RepairOptions,
): Promise<void> {
  if (ranges.length === 0) return;
  const logId = (await readLogIdentity(kafka, registry))?.logId ?? "";
  for (const { range, republished, lost } of ranges) {
    await appendLogIdentityEvent(publisher, {
      logId,
      at: new Date(),
      type: "repaired",
      topic: range.topic,
      partition: range.partition,
      firstOffset: range.first,
      lastOffset: range.last,
      republished,
      lost,
    });
  }
}
