/**
 * Writes trajectory summaries from the log to the data store.
 *
 *     batch ──recognised?──▶ the rest ──decode──▶ changes ──load──▶ rows and offset, one transaction
 *                                         │              └─ refused ─▶ halve until only the refused record is left
 *                                         └─ can't be decoded ──┐              │
 *                                                               ▼              ▼
 *                                 trajectory_summary_dead_letter (acknowledged before the offset moves past the record)
 *
 * So a bad record costs about log2(n) statements and no other record's row, and every record is in the dead letters or in the
 * table. After a crash between the two, the dead letter is written again under the same id.
 */
import type { DeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { GiveUp } from "../dead_letters/give_up.ts";
import type { RecordBatch } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { DataRefusedError } from "../store/database_errors.ts";
import type { LoadCounts, TrajectoryBatch } from "../store/trajectory_batch.ts";
import type { TrajectoryLoader } from "../store/trajectory_loader.ts";
import { splitByConfirmed } from "./confirmed_ranges.ts";
import {
  createTrajectoryChanges,
  type GivenUp,
  givenUpRecord,
  type RecordedChange,
} from "./trajectory_changes.ts";

export interface TrajectorySinkOptions {
  readonly registry: SchemaRegistry;
  readonly giveUp: GiveUp;
  readonly ids: DeadLetterIds;
  readonly observe: Observe;
  /** Makes a loader. Each partition has its own, because a loader writes one batch at a time. */
  readonly createLoader: () => TrajectoryLoader;
}

/** The sink of `trajectory_summary_raw`, and how to close its connections. */
export interface TrajectorySink extends TopicSink {
  close(): Promise<void>;
}

export function createTrajectorySink(options: TrajectorySinkOptions): TrajectorySink {
  const { giveUp, ids, observe } = options;
  const loaders = new Map<number, TrajectoryLoader>();
  const loaderOf = (partition: number): TrajectoryLoader => {
    let loader = loaders.get(partition);
    if (loader === undefined) loaders.set(partition, loader = options.createLoader());
    return loader;
  };
  const changesOf = createTrajectoryChanges(options.registry, ids);

  /** Loads a range of the log. Halves it when the database refuses it, until only the refused record is left. */
  async function load(range: LogRange): Promise<LoadCounts> {
    try {
      return await loaderOf(range.partition).load(toBatch(range));
    } catch (error) {
      // Halving helps only when the values of a record were refused. A missing table must not cost any record.
      if (!(error instanceof DataRefusedError) || range.changes.length === 0) throw error;
      if (range.changes.length > 1) {
        const [first, second] = cut(range, error.offset);
        return add(await load(first), await load(second));
      }
      const { record, change: { lineage } } = range.changes[0]!;
      const givenUp = givenUpRecord(range, record, lineage, { stage: "load", error, ids });
      await giveUp([givenUp.deadLetter]);
      return await load({ ...range, changes: [], dead: [...range.dead, givenUp] });
    }
  }

  async function store(batch: RecordBatch): Promise<void> {
    const started = performance.now();
    const loader = loaderOf(batch.partition);
    const { changes, givenUp } = await changesOf(batch, (marks) => loader.findRepeats(marks));
    await giveUp(givenUp.map(({ deadLetter }) => deadLetter));
    const loaded = await load({ ...batch, changes, dead: givenUp });
    const { withdrawn: _, unknown, ...counts } = loaded;
    const { topic, partition, records: { length: records } } = batch;
    const took_ms = performance.now() - started;
    observe("sink.loaded", { topic, partition, records, ...counts, took_ms });
    if (unknown > 0) {
      const { firstOffset, nextOffset } = batch;
      observe("sink.unknown_confirmed", { topic, partition, firstOffset, nextOffset, unknown });
    }
  }

  return {
    topic: TRAJECTORY_SUMMARY_RAW.name,
    async store(batch) {
      for (const part of splitByConfirmed(batch)) await store(part);
    },
    async close() {
      await Promise.all([...loaders.values()].map((loader) => loader.close()));
    },
  };
}

/** A part of a batch, from `firstOffset` to `nextOffset`. */
interface LogRange extends Omit<RecordBatch, "records"> {
  readonly changes: readonly RecordedChange[];
  readonly dead: readonly GivenUp[];
}

/** Cuts a range in two: beside the refused record if it is known, else in the middle. */
function cut(range: LogRange, refused: bigint | null): [LogRange, LogRange] {
  const at = range.changes.findIndex(({ record }) => record.offset === refused);
  const middle = at === 0 ? 1 : at > 0 ? at : range.changes.length >> 1;
  const from = range.changes[middle]!.record.offset;
  return [
    {
      ...range,
      nextOffset: from,
      // The witness is a record of the second half.
      witness: null,
      changes: range.changes.slice(0, middle),
      dead: range.dead.filter(({ deadLetter: { offset } }) => BigInt(offset ?? 0) < from),
    },
    {
      ...range,
      firstOffset: from,
      changes: range.changes.slice(middle),
      dead: range.dead.filter(({ deadLetter: { offset } }) => BigInt(offset ?? 0) >= from),
    },
  ];
}

function toBatch(range: LogRange): TrajectoryBatch {
  // A replay that failed again was already counted at its first failure.
  const dead = range.dead.filter(({ isReplay }) => !isReplay)
    .map(({ deadLetter: { run_id, offset }, epoch }) => ({
      runId: run_id ?? "",
      epoch,
      offset: BigInt(offset ?? 0),
    }));
  const { topic, partition, firstOffset, nextOffset, witness = null } = range;
  const changes = range.changes.map(({ change }) => change);
  return { topic, partition, firstOffset, nextOffset, witness, changes, dead };
}

function add(a: LoadCounts, b: LoadCounts): LoadCounts {
  return {
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    stale: a.stale + b.stale,
    duplicates: a.duplicates + b.duplicates,
    withdrawn: a.withdrawn + b.withdrawn,
    confirmed: a.confirmed + b.confirmed,
    unknown: a.unknown + b.unknown,
  };
}
