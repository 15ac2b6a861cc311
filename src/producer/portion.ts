/**
 * A portion of a file: its lines in their order, each either a record to publish or a line that the log already has.
 *
 * What the log already has is not published again. One record for each partition stands for all of it: that of one of these lines,
 * with the ids of all of them in the header gmn-unchanged (decision 21). Whoever does not know the header sees a repeat.
 */
import { Buffer } from "node:buffer";
import { deadLetterOfLine } from "../dead_letters/build_dead_letter.ts";
import { deadLetterRecord } from "../dead_letters/dead_letter_topic.ts";
import type { OutgoingRecord } from "../events/publisher.ts";
import { HEADERS } from "../events/topics.ts";
import { type Observe, unobserved } from "../observe/observe.ts";
import type { FileStamps } from "../runs/file_stamp.ts";
import { createLineDigest } from "../store/value_digest.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import type { ReadBatch, ReadRow, RejectedLine, UnreadLine } from "../trajectory/read_batch.ts";
import type { SummaryHeader } from "../trajectory/summary_header.ts";
import { encodeTrajectoryIds } from "../wire_format/trajectory_ids.ts";
import type { TentativeLine } from "./unchanged_rows.ts";

const DIGEST_BYTES = 8;

/** The file of a portion, as it is in headers and dead letters. */
export interface PortionOrigin {
  readonly runId: string;
  readonly epoch?: number | null;
  /** Path of the file. */
  readonly file: string;
  readonly schemaId: number;
  readonly deadLetterSchemaId: number;
  /** Which stamps of the file are believed. */
  readonly stamps: FileStamps;
  readonly observe?: Observe;
}

/** A line that was split off from a file, and how it is read. */
export interface SplitLine {
  readonly unread: UnreadLine;
  readonly digest: bigint;
  readonly batch: ReadBatch;
}

/** A line that the log already has, according to the database. */
export interface SameLine extends TentativeLine {
  readonly from: SplitLine;
  /** Its record, if it was needed to recognise it. */
  readonly record: OutgoingRecord | null;
}

/** Part of a file, in the order of its lines. */
export type PortionItem = OutgoingRecord | SameLine;

export function isSame(item: PortionItem): item is SameLine {
  return "from" in item;
}

/** Makes the records of a file's lines. */
export class LineRecords {
  readonly #origin: PortionOrigin;
  #header: SummaryHeader | null = null;
  #digestOf: (line: Uint8Array) => bigint = () => 0n;

  constructor(origin: PortionOrigin) {
    this.#origin = origin;
  }

  /** The lines of a batch that were only split off, with their digests. */
  split(batch: ReadBatch): SplitLine[] {
    if (this.#header !== batch.header) {
      this.#header = batch.header;
      this.#digestOf = createLineDigest(batch.header);
    }
    const digestOf = this.#digestOf;
    return batch.unread?.lines.map((unread) => ({
      unread,
      digest: digestOf(unread.bytes),
      batch,
    })) ??
      [];
  }

  /** The record of a row. */
  ofRow(
    { line, summary }: ReadRow,
    { generatedAt }: Pick<ReadBatch, "generatedAt">,
  ): OutgoingRecord {
    return {
      key: summary.unique_trajectory_identifier,
      value: encodeTrajectory(summary, this.#origin.schemaId),
      headers: { ...this.#headers(generatedAt), [HEADERS.sourceLine]: String(line) },
    };
  }

  /** The record of a line that was split off, or that of its dead letter when it can't be read. */
  ofLine(
    { unread, digest, batch }: SplitLine,
  ): { record: OutgoingRecord } | { dead: OutgoingRecord } {
    const read = batch.unread!.read(unread);
    if ("reason" in read) return { dead: this.ofRejected(read, batch) };
    const record = this.ofRow(read, batch);
    const bytes = Buffer.allocUnsafe(DIGEST_BYTES);
    bytes.writeBigInt64BE(digest);
    return { record: { ...record, headers: { ...record.headers, [HEADERS.sourceDigest]: bytes } } };
  }

  /** The record of a rejected line's dead letter. */
  ofRejected(rejected: RejectedLine, batch: ReadBatch): OutgoingRecord {
    const { runId, file, deadLetterSchemaId, observe = unobserved } = this.#origin;
    const { line, field, reason } = rejected;
    observe("line.rejected", { runId, file, line, field, reason });
    return deadLetterRecord(deadLetterOfLine(rejected, this.#origin, batch), deadLetterSchemaId);
  }

  #headers(stamp: Date | null): Record<string, string> {
    const generatedAt = this.#origin.stamps.generationOf(stamp);
    const { epoch = null } = this.#origin;
    return {
      [HEADERS.runId]: this.#origin.runId,
      ...(epoch === null ? {} : { [HEADERS.runEpoch]: String(epoch) }),
      [HEADERS.sourceFile]: this.#origin.file,
      ...(generatedAt === null ? {} : { [HEADERS.sourceGeneratedAt]: generatedAt.toISOString() }),
    };
  }
}

/** What a portion publishes. */
export interface PortionRecords {
  /** In the order of the file; the records that stand for unchanged lines come last. */
  readonly records: OutgoingRecord[];
  /** How many of them are rows, and not records that stand for unchanged lines. */
  readonly rows: number;
  readonly unchanged: number;
  /** Dead letters of lines that can't be read after all. */
  readonly dead: OutgoingRecord[];
}

/**
 * The records of a portion. `isChanged` says of a line whether it must be published although it seemed unchanged. When one line of
 * a trajectory is published, all its lines in the portion are, in their order: what one of them says may depend on those before it.
 */
export function recordsOf(
  items: readonly PortionItem[],
  lines: LineRecords,
  isChanged: (line: SameLine) => boolean,
): PortionRecords {
  const published = new Set<string>();
  for (const item of items) {
    if (!isSame(item)) published.add(item.key ?? "");
    else if (isChanged(item)) published.add(item.id);
  }
  const records: OutgoingRecord[] = [];
  const dead: OutgoingRecord[] = [];
  const groups = new Map<string, SameLine[]>();
  const read = (line: SameLine): OutgoingRecord | null => {
    if (line.record !== null) return line.record;
    const result = lines.ofLine(line.from);
    if ("record" in result) return result.record;
    dead.push(result.dead);
    return null;
  };
  for (const item of items) {
    if (!isSame(item)) records.push(item);
    else if (published.has(item.id)) {
      const record = read(item);
      if (record !== null) records.push(record);
    } else {
      const key = `${item.partition} ${item.from.batch.generatedAt?.getTime()}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  const rows = records.length;
  let unchanged = 0;
  for (const group of groups.values()) {
    // A line that can't be read after all (its digest is that of another line) stands for nothing.
    for (let at = 0; at < group.length; at++) {
      const record = read(group[at]!);
      if (record === null) continue;
      const ids = group.slice(at).map(({ id }) => id);
      const header = { [HEADERS.unchanged]: encodeTrajectoryIds(ids) };
      records.push({ ...record, headers: { ...record.headers, ...header } });
      unchanged += ids.length;
      break;
    }
  }
  return { records, rows, unchanged, dead };
}
