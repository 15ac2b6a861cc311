/**
 * Trajectory summaries and batches for tests: complete ones from a few values.
 */
import type {
  Lineage,
  TrajectoryBatch,
  TrajectoryChange,
} from "../../src/store/trajectory_batch.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";

/** A summary in which every field has a different value; `values` override them. */
export function summaryOf(id: string, values: Partial<TrajectorySummary> = {}): TrajectorySummary {
  const summary = Object.fromEntries(
    TRAJECTORY_FIELDS.map(({ name, kind }, at) => [name, kind === "double" ? at + 0.25 : null]),
  ) as unknown as TrajectorySummary;
  return {
    ...summary,
    unique_trajectory_identifier: id,
    beginning_utc_time: 1_646_431_661_123_456,
    iau_no: 4,
    iau_code: "GEM",
    beg_in_fov: true,
    end_in_fov: false,
    num_stat: 2,
    participating_stations: ["UK000H", "UK003C"],
    schema_version: "2.0",
    ...values,
  };
}

/** Hours after an arbitrary midnight: short to write, and ordered. */
export const generation = (hours: number): Date =>
  new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000);

const LINEAGE: Omit<Lineage, "offset"> = {
  sourceFile: "daily/a.txt",
  sourceLine: 7,
  sourceGeneratedAt: generation(1),
  runId: "run-1",
};

/** A change without its offset, which follows from its place in the batch. */
export type Change =
  | {
    readonly summary: TrajectorySummary;
    readonly digest?: bigint;
    readonly lineDigest?: bigint;
    readonly confirms?: readonly string[];
    readonly lineage?: Partial<Lineage>;
  }
  | {
    readonly id: string;
    readonly isNewer: boolean;
    readonly confirms?: readonly string[];
    readonly lineage?: Partial<Lineage>;
  }
  | { readonly id: string; readonly at: Date; readonly lineage?: Partial<Lineage> };

export interface BatchOptions {
  readonly topic?: string;
  readonly partition?: number;
  readonly dead?: Readonly<Record<string, number>>;
}

/** A batch of consecutive offsets from `first`. */
export function batchOf(
  first: number,
  changes: readonly Change[],
  options: BatchOptions = {},
): TrajectoryBatch {
  return {
    topic: options.topic ?? "trajectory_summary_raw",
    partition: options.partition ?? 0,
    firstOffset: BigInt(first),
    nextOffset: BigInt(first + changes.length),
    changes: changes.map((change, at): TrajectoryChange => ({
      ...change,
      lineage: { ...LINEAGE, ...change.lineage, offset: BigInt(first + at) },
    })),
    dead: Object.entries(options.dead ?? {}).flatMap(([runId, count]) =>
      Array.from({ length: count }, () => ({ runId, offset: BigInt(first) }))
    ),
  };
}
