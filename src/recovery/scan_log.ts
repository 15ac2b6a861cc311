/**
 * Reads the whole log once and reports what is wrong with it: batches that can't be read, gaps between offsets, values without a known
 * schema. Nothing is written, and nothing is decoded beyond the schema id.
 */
import { explain, PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { readLog, type ReadRecords } from "../events/log_reader.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { readWatermarks } from "../events/start_position.ts";
import type { Topic } from "../events/topics.ts";
import { wireSchemaIdOrNull } from "../wire_format/wire_header.ts";

/** Offsets of one partition, from `first` to `last`, both inclusive. */
export interface OffsetRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A batch that can't be read, and why. */
export interface UnreadableRange extends OffsetRange {
  readonly reason: string;
  /** As its header says. */
  readonly writtenAt: Date | null;
}

/** What was found in one partition, between its watermarks at the start of the scan. */
export interface PartitionScan {
  readonly topic: string;
  readonly partition: number;
  /** The first offset in the log, and the offset after the last one. */
  readonly low: bigint;
  readonly high: bigint;
  /** Records that could be read, tombstones included. */
  records: number;
  tombstones: number;
  /** Offsets that have no record; never reported for a compacted topic. */
  readonly gaps: OffsetRange[];
  readonly unreadable: UnreadableRange[];
  /** Records whose value is not in the wire format, and the offset of the first; null when there is none. */
  foreign: { count: number; readonly first: bigint } | null;
  /** By schema ids that the registry does not know: how many records, and the offset of the first. */
  readonly unknownSchemas: Map<number, { count: number; readonly first: bigint; reason: string }>;
}

export interface LogScan {
  readonly partitions: readonly PartitionScan[];
  /** Records that could be read. */
  readonly records: number;
}

export interface ScanOptions {
  readonly kafka: Kafka;
  readonly registry: Pick<SchemaRegistry, "writerSchema">;
  readonly topics: readonly Topic[];
  readonly signal: AbortSignal;
  /** Called for every fetch, after it was checked; the next one waits for it. */
  readonly onRecords?: (read: ReadRecords) => Promise<void> | void;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** Gaps and unreadable batches reported per partition; a log with more is beyond a list. The last entry then reaches to the end. */
const FINDINGS_MAX = 10_000;

/**
 * Scans the topics. @throws TransientError when broker or registry are unavailable, PermanentError when they refuse, and the signal's
 * reason
 */
export async function scanLog(options: ScanOptions): Promise<LogScan> {
  const { kafka, topics, signal } = options;
  const scans: PartitionScan[] = [];
  for (const topic of topics) {
    for (const [partition, { low, high }] of await readWatermarks(kafka, topic.name)) {
      scans.push(emptyScan(topic.name, partition, low, high));
    }
  }
  const total = scans.reduce((sum, { low, high }) => sum + Number(high - low), 0);
  const compacted = new Set(
    topics.filter(({ cleanupPolicy }) => cleanupPolicy === "compact").map(({ name }) => name),
  );
  const byKey = new Map(scans.map((scan) => [`${scan.topic}-${scan.partition}`, scan]));
  const at = new Map(scans.map((scan) => [scan, scan.low]));
  await readLog({
    kafka,
    ranges: scans.map(({ topic, partition, low, high }) => ({
      topic,
      partition,
      from: low,
      to: high,
    })),
    signal,
    async onRecords(read) {
      const scan = byKey.get(`${read.topic}-${read.partition}`)!;
      at.set(scan, inspect(scan, read, at.get(scan)!, compacted.has(scan.topic)));
      await lookUpSchemas(scan, read, options.registry);
      await options.onRecords?.(read);
      const done = [...at].reduce((sum, [{ low }, next]) => sum + Number(next - low), 0);
      options.onProgress?.({ done: Math.min(done, total), total });
    },
  });
  for (const [scan, next] of at) {
    if (next < scan.high && !compacted.has(scan.topic)) {
      addFinding(scan.gaps, { first: next, last: scan.high - 1n });
    }
  }
  return { partitions: scans, records: scans.reduce((sum, { records }) => sum + records, 0) };
}

/** Whether nothing was found. A log that does not begin at 0 counts as sound here: `low` says it. */
export function isSound({ gaps, unreadable, foreign, unknownSchemas }: PartitionScan): boolean {
  return gaps.length === 0 && unreadable.length === 0 && foreign === null &&
    unknownSchemas.size === 0;
}

function emptyScan(topic: string, partition: number, low: bigint, high: bigint): PartitionScan {
  return {
    topic,
    partition,
    low,
    high,
    records: 0,
    tombstones: 0,
    gaps: [],
    unreadable: [],
    foreign: null,
    unknownSchemas: new Map(),
  };
}

/** Takes in some records; returns the offset that must come next. */
function inspect(
  scan: PartitionScan,
  { records, hidden, nextOffset }: ReadRecords,
  expected: bigint,
  isCompacted: boolean,
): bigint {
  let next = expected;
  const reach = (first: bigint) => {
    if (first > next && !isCompacted) addFinding(scan.gaps, { first: next, last: first - 1n });
  };
  for (const found of inOrder(records, hidden)) {
    if (found.record === null) {
      if (found.last < next) continue;
      reach(found.first);
      next = found.last + 1n;
      continue;
    }
    const { record } = found;
    const first = firstOf(record, next);
    reach(first);
    next = record.offset >= next ? record.offset + 1n : next;
    if (record.unreadable !== undefined) {
      const { reason, writtenAt } = record.unreadable;
      addFinding(scan.unreadable, { first, last: record.offset, reason, writtenAt });
      continue;
    }
    scan.records++;
    if (record.value === null) scan.tombstones++;
    else if (wireSchemaIdOrNull(record.value) === null) {
      scan.foreign ??= { count: 0, first: record.offset };
      scan.foreign.count++;
    }
  }
  const end = nextOffset < scan.high ? nextOffset : scan.high;
  reach(end);
  return end > next ? end : next;
}

/**
 * Where a record begins. The head of a damaged batch may name any offset: its records are somewhere between the record before it and
 * the place where reading went on.
 */
function firstOf({ offset, unreadable }: ConsumedRecord, next: bigint): bigint {
  if (unreadable === undefined) return offset;
  const { firstOffset, damage } = unreadable;
  const isPossible = firstOffset >= next && firstOffset <= offset;
  return damage === null || isPossible ? firstOffset : next <= offset ? next : offset;
}

/** Records and offsets without a visible record, in the order of the log. */
function inOrder(
  records: readonly ConsumedRecord[],
  hidden: ReadRecords["hidden"],
): (OffsetRange & { readonly record: ConsumedRecord | null })[] {
  const found = records.map((record) => ({ first: record.offset, last: record.offset, record }));
  if (hidden.length === 0) return found;
  return [...found, ...hidden.map((range) => ({ ...range, record: null }))]
    .toSorted((a, b) => a.first < b.first ? -1 : 1);
}

/** Asks the registry once for each schema id; the client remembers those that it knows. */
async function lookUpSchemas(
  scan: PartitionScan,
  { records }: ReadRecords,
  registry: Pick<SchemaRegistry, "writerSchema">,
): Promise<void> {
  let last: number | null = null;
  for (const { value, offset } of records) {
    const id = wireSchemaIdOrNull(value);
    if (id === null || id === last) continue;
    const unknown = scan.unknownSchemas.get(id);
    if (unknown !== undefined) {
      unknown.count++;
      continue;
    }
    try {
      await registry.writerSchema(id);
      last = id;
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      scan.unknownSchemas.set(id, { count: 1, first: offset, reason: explain(error) });
    }
  }
}

/** Adds a range; one that follows the last directly, for the same reason, extends it. */
function addFinding<Finding extends OffsetRange & { readonly reason?: string }>(
  findings: Finding[],
  found: Finding,
): void {
  const last = findings.at(-1);
  const isNext = last !== undefined && last.last + 1n === found.first &&
    last.reason === found.reason && found.reason === undefined;
  if (last !== undefined && (isNext || findings.length >= FINDINGS_MAX)) {
    findings[findings.length - 1] = { ...last, last: found.last };
  } else findings.push(found);
}
