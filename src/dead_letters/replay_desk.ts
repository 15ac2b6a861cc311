/**
 * Replays of dead letters, once the cause of the failure has been corrected.
 *
 *                        ┌────────────── fails again: a new reason ───────────────┐
 *                        ▼                                                        │
 *     given up ──▶ waiting ──▶ a record (replay_record.ts) ──▶ published ──▶ sink ┴─▶ loaded: marked in the same transaction
 *                        │              └─ would overwrite a later one: superseded, keeps waiting unless forced
 *                        └─ no record this time either: failed, keeps waiting with its new reason
 *
 * The published record names the dead letter in a header, and the sink does the rest. So a replay may be requested twice, or be
 * interrupted, and nothing is stored twice: the record is the same trajectory under the same id.
 *
 * A record keeps the generation of its file, and so never overwrites a newer one. A record without a generation is ordered by its
 * offset, which a replay changes: unless forced, it is not published when its trajectory has a later record (`superseded`).
 */
import { PermanentError } from "@gmn/failures";
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { createDeadLetter } from "./build_dead_letter.ts";
import type { DeadLetter, StoredDeadLetter } from "./dead_letter.ts";
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterTable,
  DeadLetterTrajectory,
} from "./dead_letter_table.ts";
import { publishDeadLetters } from "./dead_letter_topic.ts";
import { createRecordOf, NO_RECORD, type RecordOf, ReplayFailure } from "./replay_record.ts";

/** The result for one dead letter. */
export interface ReplayedDeadLetter {
  readonly id: string;
  /** published: its record is in the log, and the sink does the rest. The others wait as before. */
  readonly outcome: "published" | "failed" | "superseded";
  /** Why it was not published. */
  readonly reason: string | null;
}

/** The result for many dead letters. */
export interface ReplayCounts {
  readonly published: number;
  readonly failed: number;
  readonly superseded: number;
  /** The first of the dead letters that were not published. */
  readonly unpublished: readonly ReplayedDeadLetter[];
}

export interface ReplayDeskOptions {
  readonly table: DeadLetterTable;
  readonly publisher: Publisher;
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
}

/** A dead letter has a record of up to a megabyte, so this bounds the memory of a replay of millions. */
const PAGE_DEAD_LETTERS = 50;
/** Enough to see what is wrong. */
const UNPUBLISHED_MAX = 20;

/** A dead letter that can't be replayed: it was already replayed, or there is no record to publish. */
export class ReplayRefused extends PermanentError {
  override readonly name = "ReplayRefused";
}

/** Replays dead letters. All methods throw a TransientError when log or database is unavailable. */
export class ReplayDesk {
  readonly #options: ReplayDeskOptions;
  readonly #recordOf: RecordOf;

  constructor(options: ReplayDeskOptions) {
    this.#options = options;
    const schemaId = options.publisher.schemaId(TRAJECTORY_SUMMARY_RAW);
    this.#recordOf = createRecordOf(options.registry, schemaId);
  }

  /** The number of dead letters that a replay with this filter would try: those that were not successfully replayed. */
  async count(filter: DeadLetterFilter): Promise<number> {
    return await this.#options.table.count({ ...filter, isReplayed: false });
  }

  /**
   * Replays one dead letter; null when there is none with this id. A superseded one is published only with `force`.
   * @throws ReplayRefused when it was already replayed, or is about a whole record batch
   */
  async replayOne(id: string, { force = false } = {}): Promise<ReplayedDeadLetter | null> {
    const deadLetter = await this.#options.table.read(id);
    if (deadLetter === null) return null;
    const { replayed_at, stage } = deadLetter;
    if (replayed_at !== null) {
      throw new ReplayRefused(
        `dead letter ${id} was replayed already: its record was loaded at ${replayed_at.toISOString()}`,
      );
    }
    if (stage === "fetch") throw new ReplayRefused(`dead letter ${id}: ${NO_RECORD}`);
    const [replayed] = await this.#replay([deadLetter], force);
    return replayed!;
  }

  /**
   * Replays every dead letter that matches the filter and was not successfully replayed, oldest first. Dead letters that are given
   * up in the meantime are not included.
   */
  async replayAll(
    filter: DeadLetterFilter,
    { force = false, signal }: { readonly force?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReplayCounts> {
    const counts = { published: 0, failed: 0, superseded: 0 };
    const unpublished: ReplayedDeadLetter[] = [];
    const began = new Date();
    const waiting = { ...filter, isReplayed: false };
    const isEarlier = filter.to !== undefined && filter.to < began;
    // Before anything is replayed: what fails again is given up at a new time.
    const ahead = isEarlier ? [] : await this.#idsSince(waiting, began);
    const selections: DeadLetterFilter[] = [{ ...waiting, to: isEarlier ? filter.to : began }];
    for (let at = 0; at < ahead.length; at += PAGE_DEAD_LETTERS) {
      selections.push({ ...waiting, ids: ahead.slice(at, at + PAGE_DEAD_LETTERS) });
    }
    for (const selection of selections) {
      for await (const page of this.#pages(selection, signal)) {
        for (const replayed of await this.#replay(page, force)) {
          counts[replayed.outcome]++;
          if (replayed.outcome !== "published" && unpublished.length < UNPUBLISHED_MAX) {
            unpublished.push(replayed);
          }
        }
      }
    }
    return { ...counts, unpublished };
  }

  /** The dead letters that a clock ahead of this process's has dated. */
  async #idsSince(filter: DeadLetterFilter, began: Date): Promise<string[]> {
    const from = filter.from !== undefined && filter.from > began ? filter.from : began;
    const ids: string[] = [];
    for await (const page of this.#pages({ ...filter, from })) {
      ids.push(...page.map(({ id }) => id));
    }
    return ids;
  }

  /** The dead letters that match, oldest first, in pages. */
  async *#pages(
    filter: DeadLetterFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredDeadLetter[], void, void> {
    let after: DeadLetterPage["after"] = null;
    for (;;) {
      signal?.throwIfAborted();
      const page: StoredDeadLetter[] = await this.#options.table.list(
        filter,
        { limit: PAGE_DEAD_LETTERS, order: "oldest first", after },
      );
      if (page.length > 0) yield page;
      if (page.length < PAGE_DEAD_LETTERS) return;
      after = page.at(-1)!;
    }
  }

  async #replay(
    deadLetters: readonly StoredDeadLetter[],
    force: boolean,
  ): Promise<ReplayedDeadLetter[]> {
    const { publisher, observe } = this.#options;
    const prepared: Prepared[] = [];
    for (const deadLetter of deadLetters) {
      prepared.push({ deadLetter, record: await this.#recordOf(deadLetter) });
    }
    const superseded = force ? new Set<string>() : await this.#superseded(prepared);
    const records: OutgoingRecord[] = [];
    const failures: DeadLetter[] = [];
    const outcomes = prepared.map(({ deadLetter, record }): ReplayedDeadLetter => {
      const { id } = deadLetter;
      if (record instanceof ReplayFailure) {
        const { reason, field, isNew } = record;
        if (isNew && reason !== deadLetter.reason) {
          const { replayed_at: _, ...again } = deadLetter;
          failures.push(createDeadLetter({ ...again, reason, field }));
        }
        return { id, outcome: "failed", reason };
      }
      if (superseded.has(id)) {
        const reason =
          "the log has a later record of its trajectory, which this one would overwrite";
        return { id, outcome: "superseded", reason };
      }
      records.push(record);
      return { id, outcome: "published", reason: null };
    });
    if (failures.length > 0) await publishDeadLetters(publisher, failures);
    if (records.length > 0) await publisher.publish(TRAJECTORY_SUMMARY_RAW, records);
    for (const { id, outcome, reason } of outcomes) {
      observe("dead_letter.replayed", { id, outcome, reason });
    }
    return outcomes;
  }

  /** Ids of the dead letters whose record would overwrite a later one. */
  async #superseded(prepared: readonly Prepared[]): Promise<ReadonlySet<string>> {
    const candidates: DeadLetterTrajectory[] = [];
    for (const { deadLetter: { id, source_generated_at }, record } of prepared) {
      if (record instanceof ReplayFailure || source_generated_at !== null) continue;
      if (record.key !== null) candidates.push({ deadLetterId: id, trajectoryId: record.key });
    }
    return await this.#options.table.selectSuperseded(candidates);
  }
}

/** A dead letter and the record to publish for it, or why there is none. */
interface Prepared {
  readonly deadLetter: StoredDeadLetter;
  readonly record: OutgoingRecord | ReplayFailure;
}
