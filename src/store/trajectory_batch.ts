/**
 * The input of the store from the sink: one batch of one partition, in offset order, and the counts of its load.
 *
 * Rows, dead-letter counts and the partition's offset are written in one transaction. So a batch is in the database completely
 * and once, or not at all.
 */
import type { RecordOrigin } from "../dead_letters/build_dead_letter.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import type { OffsetStep } from "./consumer_offsets.ts";
import type { RunCounts } from "./run_counts.ts";

/** Where a record comes from, and how it is ordered against others of the same id. */
export interface Lineage extends RecordOrigin {
  readonly offset: bigint;
  /** Of the leader that published the record; left out when it was none. */
  readonly epoch?: number;
  /** The dead letter that the record replays, and the record's time; left out for a record that is not a replay. */
  readonly replays?: { readonly deadLetterId: string; readonly at: Date };
  /** Set on a record that was published again from the data store: it counts for no run, and is of no file generation. */
  readonly isRepublished?: true;
  /** On such a record: counts of runs in the batch's partition, for `run_counts.ts`. */
  readonly runCounts?: readonly RunCounts[];
}

export interface TrajectoryUpsert {
  /**
   * The values, with an identifier. They may be decoded at each access, so that thousands of summaries need not stay in memory
   * until they are written: read this property once.
   */
  readonly summary: TrajectorySummary;
  /** The summary's identifier, if it is known without decoding. */
  readonly id?: string;
  /** Digest of the record (value_digest.ts), by which `repeats.ts` recognises it. Left out: never recognised. */
  readonly digest?: bigint;
  /** Digest of the line it was made from, by which the producer recognises the line. Left out: never recognised. */
  readonly lineDigest?: bigint;
  readonly lineage: Lineage;
  readonly confirms?: Confirmed;
}

/**
 * The trajectories for which a confirm record stands, its own included: a generation of a file still has them with the values that
 * the log already has, so their rows were not published again. `confirmations.ts` says what that changes.
 */
export type Confirmed = readonly string[];

/**
 * An upsert whose row already has exactly these values, according to `findRepeats`. It is counted, and its generation is
 * remembered; its values need no reading. The batch must have no other change of the same trajectory.
 */
export interface TrajectoryRepeat {
  readonly id: string;
  /** Whether its file generation is newer than any seen of the trajectory. */
  readonly isNewer: boolean;
  readonly lineage: Lineage;
  readonly confirms?: Confirmed;
}

/** The change that a record requests. */
export type TrajectoryChange = TrajectoryUpsert | TrajectoryRepeat | TrajectoryWithdrawal;

export function isUpsert(change: TrajectoryChange): change is TrajectoryUpsert {
  return "summary" in change;
}

/** The trajectories for which the change's record stands; undefined for a record that stands only for itself. */
export function confirmedBy(change: TrajectoryChange): Confirmed | undefined {
  return "confirms" in change ? change.confirms : undefined;
}

export function isRepeat(change: TrajectoryChange): change is TrajectoryRepeat {
  return "isNewer" in change;
}

/** The identifier of an upsert; null when its summary has no identifier. */
export function upsertId(upsert: TrajectoryUpsert): string | null {
  return upsert.id ?? upsert.summary.unique_trajectory_identifier;
}

/** A tombstone: the trajectory was withdrawn at the source. */
export interface TrajectoryWithdrawal {
  readonly id: string;
  readonly lineage: Lineage;
  /** Timestamp of the record. */
  readonly at: Date;
}

export interface TrajectoryBatch extends OffsetStep {
  /** In offset order. An id may occur more than once (the last one that is not older wins). */
  readonly changes: readonly TrajectoryChange[];
  /** Records of this batch that went to the dead letters, in any order. */
  readonly dead: readonly DeadRecord[];
}

/** A record that a run has published and that was not loaded; the run is "" for records without one. */
export interface DeadRecord {
  readonly runId: string;
  readonly epoch?: number | undefined;
  readonly offset: bigint;
}

/**
 * Rows by outcome. `stale` rows are from an older file generation than the stored row. `duplicates` are from the same file as the
 * stored row and have fewer stations.
 */
export interface LoadCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly duplicates: number;
  readonly withdrawn: number;
  /** Rows that confirm records stand for. */
  readonly confirmed: number;
  /** Those of them that the data store does not have. */
  readonly unknown: number;
}
