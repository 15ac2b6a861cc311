/**
 * Publishes again what the data store has of the topic `trajectory_summary_raw`: for a new log (refill), and for a range of a log that was
 * damaged (repair).
 *
 *     rows ──▶ a record each (withdrawn ones: and a tombstone) ──acknowledged──▶ the row gets its new place in the log
 *       ▼
 *     what no row's record says (republish_rest.ts): newer generations, files' trajectories, counts of runs, replayed dead letters
 *
 * A record has the lineage of its row, so the log says again what it said last: values, file, generation, run, withdrawal. What it said
 * before is not in the data store and is not told. Publishing a row twice changes nothing downstream, so after a crash the rest is
 * published, and perhaps a page of it again.
 *
 * Each record has the header `gmn-republished`: it counts for no run and adds no trajectory to a file generation by itself, because both
 * are told apart from the rows.
 */
import { Buffer } from "node:buffer";
import { PermanentError } from "@gmn/failures";
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import {
  countStoredRows,
  moveRows,
  readStoredRows,
  type RowPlace,
  type RowSelection,
  type StoredRow,
} from "../store/stored_rows.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { valueDigest } from "../store/value_digest.ts";

/** Which command publishes again; the value of the header `gmn-republished`. */
export type RepublishedBy = "refill" | "repair";

/** What republishing needs. */
export interface Republishing {
  readonly sql: Sql;
  /** Not one that a log guard holds back: the decision to publish has been made. */
  readonly publisher: Pick<Publisher, "publishEach" | "partitionOf" | "schemaId">;
  readonly registry: Pick<SchemaRegistry, "writerSchema">;
  /** Partitions of `trajectory_summary_raw` in this log. */
  readonly partitions: number;
  readonly by: RepublishedBy;
  readonly signal: AbortSignal;
  /** `done` and `total` count rows of `meteor`. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** A row that could not be published, and why. */
export interface RefusedRow {
  readonly id: string;
  readonly reason: string;
}

/** What was published. */
export interface RepublishedRows {
  /** Rows of `meteor`. */
  readonly rows: number;
  /** Those of them that are withdrawn, each with a tombstone. */
  readonly withdrawn: number;
  /** Rows with values that no record can have: changed by hand. The first of them only; `refused` counts all. */
  readonly refused: number;
  readonly firstRefused: readonly RefusedRow[];
}

/** Where an interrupted refill goes on, and how it remembers that. */
export interface RowsBookmark {
  /** Rows up to this id are in the log; "" for none. */
  readonly after: string;
  /** Called in the transaction that records the new places of a page's rows; `last` is the page's last id. */
  readonly remember: (transaction: TransactionSql, last: string) => Promise<void>;
}

/** Enough to see what is wrong. */
const REFUSED_SHOWN = 20;

/**
 * Publishes rows again and records their new places. Resolves when every record is acknowledged and every place recorded.
 * @throws TransientError when broker or database are unavailable, the signal's reason
 */
export async function republishRows(
  options: Republishing,
  selection: RowSelection,
  bookmark?: RowsBookmark,
): Promise<RepublishedRows> {
  const { sql, signal, onProgress } = options;
  const counts = { rows: 0, withdrawn: 0, refused: 0 };
  const firstRefused: RefusedRow[] = [];
  const skipped = bookmark?.after ?? "";
  const total = await countStoredRows(sql, selection, skipped);
  for await (const page of readStoredRows(sql, selection, skipped)) {
    signal.throwIfAborted();
    const { records, moved, refused } = recordsOf(page, options);
    const offsets = await options.publisher.publishEach(TRAJECTORY_SUMMARY_RAW, records);
    const places = moved.map((move): RowPlace => ({
      ...move,
      to: { partition: move.to.partition, offset: offsets[move.to.record]! },
    }));
    await sql.begin(async (transaction) => {
      await moveRows(transaction, places);
      await bookmark?.remember(transaction, page.at(-1)!.id);
    });
    counts.rows += moved.length;
    counts.withdrawn += moved.filter(({ digest }) => digest === null).length;
    counts.refused += refused.length;
    firstRefused.push(...refused.slice(0, REFUSED_SHOWN - firstRefused.length));
    onProgress?.({ done: counts.rows + counts.refused, total });
  }
  return { ...counts, firstRefused };
}

/** A row and the record that becomes its place, by its index in the list of records. */
interface Move extends Omit<RowPlace, "to"> {
  readonly to: { readonly partition: number; readonly record: number };
}

function recordsOf(
  rows: readonly StoredRow[],
  options: Republishing,
): { records: OutgoingRecord[]; moved: Move[]; refused: RefusedRow[] } {
  const records: OutgoingRecord[] = [];
  const moved: Move[] = [];
  const refused: RefusedRow[] = [];
  for (const row of rows) {
    const { id, partition, offset, withdrawnAt } = row;
    const to = partitionFor(row, options);
    let value: Uint8Array;
    try {
      value = encodeTrajectory(
        row.summary,
        options.publisher.schemaId(TRAJECTORY_SUMMARY_RAW),
      );
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      refused.push({ id, reason: error.message });
      continue;
    }
    // The lineage of a withdrawn row is that of its tombstone; which file and line had the values is no longer known.
    records.push({
      key: id,
      value,
      partition: to,
      timestamp: withdrawnAt ?? row.updatedAt,
      headers: withdrawnAt === null ? headersOf(row, options.by) : {
        [HEADERS.republished]: options.by,
        ...generationHeader(row.sourceGeneratedAt),
      },
    });
    if (withdrawnAt !== null) {
      records.push({
        key: id,
        value: null,
        partition: to,
        timestamp: withdrawnAt,
        headers: headersOf(row, options.by),
      });
    }
    moved.push({
      id,
      from: { partition, offset },
      to: { partition: to, record: records.length - 1 },
      digest: withdrawnAt === null ? valueDigest(value) : null,
    });
  }
  return { records, moved, refused };
}

/**
 * The partition for a row's records: the one it was in, because the program that wrote the row may choose partitions in its own way, and
 * the order of a trajectory's records counts. In a log with fewer partitions, that of the key.
 */
export function partitionFor(
  { id, partition }: Pick<StoredRow, "id" | "partition">,
  { partitions, publisher }: Pick<Republishing, "partitions" | "publisher">,
): number {
  return partition < partitions ? partition : publisher.partitionOf(TRAJECTORY_SUMMARY_RAW, id);
}

/** The header of a file generation; none without one. */
export function generationHeader(at: Date | null): Record<string, string> {
  return at === null ? {} : { [HEADERS.sourceGeneratedAt]: at.toISOString() };
}

function headersOf(row: StoredRow, by: RepublishedBy): NonNullable<OutgoingRecord["headers"]> {
  const { sourceFile, sourceLine, sourceGeneratedAt, runId, lineDigest } = row;
  return {
    [HEADERS.republished]: by,
    ...(runId === null ? {} : { [HEADERS.runId]: runId }),
    ...(sourceFile === null ? {} : { [HEADERS.sourceFile]: sourceFile }),
    ...(sourceLine === null ? {} : { [HEADERS.sourceLine]: String(sourceLine) }),
    ...generationHeader(sourceGeneratedAt),
    ...(lineDigest === null ? {} : { [HEADERS.sourceDigest]: digestBytes(lineDigest) }),
  };
}

function digestBytes(digest: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(digest);
  return bytes;
}
