/**
 * Dead letters tried again, after what was wrong has been mended.
 *
 *     decode, load: the record as it was ─────────────┐
 *     read: the line ──read again──▶ a record ────────┴─▶ trajectory_summary_raw, with the letter's id in a header
 *                        └─ no row this time either: the letter gets its new reason
 *
 * What becomes of the record is the sink's: when it is loaded, the letter is marked in the transaction that loads it; when it
 * fails again, the letter gets its new reason. So a replay may be asked for twice, or be cut off, and nothing is stored twice:
 * the record is the same trajectory under the same id.
 *
 * A letter of the stage `fetch` is about a whole record batch and can't be replayed; it keeps its reason.
 *
 * A record keeps the generation of its file, and so never overwrites a newer one. One without a generation counts by its place in
 * the log, which a replay changes: it is left alone when its trajectory has a later record (`superseded`), unless forced.
 */
import type { Buffer } from "node:buffer";
import type { DeadLetter, DeadLetterStage } from "../events/dead_letter.ts";
import type { OutgoingRecord } from "../events/publisher.ts";
import { DEAD_LETTER, HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { explain, PermanentError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";
import {
  countDeadLettersBy,
  type LetterFilter,
  type LetterPlace,
  listDeadLetters,
  readDeadLetter,
  readSuperseded,
  type StoredLetter,
} from "../store/dead_letters.ts";
import { rereadLine } from "../trajectory/reread_line.ts";
import { Rejection } from "../trajectory/row.ts";
import type { ExtractTools } from "./ports.ts";

/** What became of one letter. */
export interface ReplayedLetter {
  readonly id: string;
  /** published: its record is in the log, and the sink does the rest. The others wait as before. */
  readonly outcome: "published" | "failed" | "superseded";
  /** Why it was not published. */
  readonly reason: string | null;
}

/** What became of many. */
export interface ReplayCounts {
  readonly published: number;
  readonly failed: number;
  readonly superseded: number;
  /** The first of those that were not published. */
  readonly unpublished: readonly ReplayedLetter[];
}

export interface ReplayDeskOptions {
  readonly sql: Sql;
  readonly tools: ExtractTools;
  /** The trajectory a value is of, or null when it can't be told (yet). */
  readonly identify: (value: Buffer) => Promise<string | null>;
  readonly observe: Observe;
}

/** A letter has a record of up to a megabyte: this bounds the memory of a replay of millions. */
const PAGE_LETTERS = 50;
/** Enough to see what is wrong. */
const UNPUBLISHED_MAX = 20;

/** Why a letter of the stage `fetch` stays one. */
const NO_RECORD =
  "it is about a whole record batch, which is no record that could be published again; once the batch can be read " +
  "(by a version that knows its codec, from a mended log), `deno task rebuild` loads it from its place in the log";

/** A letter that can't be replayed now: it was already, or it is not of a kind that can be. */
export class ReplayRefused extends PermanentError {
  override readonly name = "ReplayRefused";
}

export class ReplayDesk {
  readonly #options: ReplayDeskOptions;

  constructor(options: ReplayDeskOptions) {
    this.#options = options;
  }

  /** How many letters a replay by this filter would try: those that were not replayed with success. */
  async count(filter: LetterFilter): Promise<number> {
    return await this.#asked((sql) => countDeadLettersBy(sql, { ...filter, isReplayed: false }));
  }

  /**
   * Replays one letter; null when there is none of this id. A superseded one is published when `force` says so.
   * @throws ReplayRefused when it was replayed already, or is about a whole record batch
   * @throws TransientError when log or database can't be reached
   */
  async replayOne(id: string, { force = false } = {}): Promise<ReplayedLetter | null> {
    const letter = await this.#asked((sql) => readDeadLetter(sql, id));
    if (letter === null) return null;
    if (letter.replayedAt !== null) {
      throw new ReplayRefused(
        `dead letter ${id} was replayed: its record was loaded at ${letter.replayedAt.toISOString()}`,
      );
    }
    if (letter.stage === "fetch") throw new ReplayRefused(`dead letter ${id}: ${NO_RECORD}`);
    const [replayed] = await this.#replay([letter], force);
    return replayed!;
  }

  /** Replays every letter of the filter that was not replayed with success, the oldest first. Those that fail meanwhile wait. */
  async replayAll(
    filter: LetterFilter,
    { force = false, signal }: { readonly force?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReplayCounts> {
    const counts = { published: 0, failed: 0, superseded: 0 };
    const unpublished: ReplayedLetter[] = [];
    const began = new Date();
    const to = filter.to !== undefined && filter.to < began ? filter.to : began;
    let after: LetterPlace | null = null;
    for (;;) {
      signal?.throwIfAborted();
      const place: LetterPlace | null = after;
      const page: StoredLetter[] = await this.#asked((sql) =>
        listDeadLetters(sql, { ...filter, to, isReplayed: false }, {
          limit: PAGE_LETTERS,
          order: "oldest first",
          after: place,
        })
      );
      for (const replayed of await this.#replay(page, force)) {
        counts[replayed.outcome]++;
        if (replayed.outcome !== "published" && unpublished.length < UNPUBLISHED_MAX) {
          unpublished.push(replayed);
        }
      }
      if (page.length < PAGE_LETTERS) return { ...counts, unpublished };
      after = page.at(-1)!;
    }
  }

  async #replay(letters: readonly StoredLetter[], force: boolean): Promise<ReplayedLetter[]> {
    const prepared: Prepared[] = [];
    for (const letter of letters) prepared.push({ letter, record: await this.#recordOf(letter) });
    const superseded = force ? new Set<string>() : await this.#superseded(prepared);
    const records: OutgoingRecord[] = [];
    const failures: DeadLetter[] = [];
    const outcomes = prepared.map(({ letter, record }): ReplayedLetter => {
      if (record instanceof Failure) {
        if (record.isNew && record.reason !== letter.reason) {
          failures.push(failedAgain(letter, record));
        }
        return { id: letter.id, outcome: "failed", reason: record.reason };
      }
      if (superseded.has(letter.id)) {
        const reason =
          "the log has a later record of its trajectory, which this one would overwrite";
        return { id: letter.id, outcome: "superseded", reason };
      }
      records.push(record);
      return { id: letter.id, outcome: "published", reason: null };
    });
    const { publisher, encodeDeadLetter } = this.#options.tools;
    if (failures.length > 0) {
      const schemaId = publisher.schemaId(DEAD_LETTER);
      await publisher.publish(
        DEAD_LETTER,
        failures.map((letter) => ({
          key: letter.source_file,
          value: encodeDeadLetter(letter, schemaId),
        })),
      );
    }
    if (records.length > 0) await publisher.publish(TRAJECTORY_SUMMARY_RAW, records);
    for (const { id, outcome, reason } of outcomes) {
      this.#options.observe("dead_letter.replayed", { id, outcome, reason });
    }
    return outcomes;
  }

  /** What is to be published for a letter, or why nothing can be. */
  async #recordOf(letter: StoredLetter): Promise<OutgoingRecord | Failure> {
    if (letter.stage === "fetch") return new Failure(NO_RECORD, null, false);
    const headers = headersOf(letter);
    if (letter.stage === "read") {
      const summary = rereadLine(letter.text ?? "", letter.columns);
      if (summary instanceof Rejection) return new Failure(summary.reason, summary.field);
      const { publisher, encodeTrajectory } = this.#options.tools;
      try {
        const value = encodeTrajectory(summary, publisher.schemaId(TRAJECTORY_SUMMARY_RAW));
        return { key: summary.unique_trajectory_identifier, value, headers };
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        return new Failure(explain(error), null);
      }
    }
    if (letter.topic !== TRAJECTORY_SUMMARY_RAW.name) {
      return new Failure(
        `a letter of stage ${letter.stage} can't be replayed by this version`,
        null,
      );
    }
    const { value } = letter;
    // Under the id of its trajectory, if it came without: then it is in order with the others of it.
    const key = textOf(letter.key) ??
      (value === null ? null : await this.#options.identify(value));
    return { key, value, headers };
  }

  /** Ids of the letters whose record would overwrite a later one. */
  async #superseded(prepared: readonly Prepared[]): Promise<ReadonlySet<string>> {
    const asked: { letterId: string; trajectoryId: string }[] = [];
    for (const { letter, record } of prepared) {
      if (record instanceof Failure || letter.sourceGeneratedAt !== null) continue;
      if (record.key !== null) asked.push({ letterId: letter.id, trajectoryId: record.key });
    }
    return await this.#asked((sql) => readSuperseded(sql, asked));
  }

  async #asked<Answer>(question: (sql: Sql) => Promise<Answer>): Promise<Answer> {
    try {
      return await question(this.#options.sql);
    } catch (error) {
      throw classifyDatabaseError(error);
    }
  }
}

/** A letter and the record to publish for it, or why there is none. */
interface Prepared {
  readonly letter: StoredLetter;
  readonly record: OutgoingRecord | Failure;
}

class Failure {
  constructor(
    readonly reason: string,
    readonly field: string | null,
    /** Whether it is what is wrong with the letter now; the one it has stays otherwise. */
    readonly isNew = true,
  ) {}
}

/** Where the record came from at first, as far as the letter knows. */
function headersOf(letter: StoredLetter): Record<string, string> {
  const { id, runId, sourceFile, sourceLine, sourceGeneratedAt } = letter;
  return {
    ...(runId === null ? {} : { [HEADERS.runId]: runId }),
    ...(sourceFile === null ? {} : { [HEADERS.sourceFile]: sourceFile }),
    ...(sourceLine === null ? {} : { [HEADERS.sourceLine]: String(sourceLine) }),
    ...(sourceGeneratedAt === null
      ? {}
      : { [HEADERS.sourceGeneratedAt]: sourceGeneratedAt.toISOString() }),
    [HEADERS.deadLetterId]: id,
  };
}

/** A key that is no UTF-8 is none of ours; the id inside the value counts anyway. */
function textOf(key: Buffer | null): string | null {
  if (key === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(key);
  } catch {
    return null;
  }
}

/** The letter of a line that could not be read this time either. */
function failedAgain(letter: StoredLetter, { reason, field }: Failure): DeadLetter {
  return {
    id: letter.id,
    at: Date.now() * 1000,
    stage: letter.stage as DeadLetterStage,
    reason,
    field,
    run_id: letter.runId,
    source_file: letter.sourceFile,
    source_line: letter.sourceLine,
    source_generated_at: letter.sourceGeneratedAt === null
      ? null
      : letter.sourceGeneratedAt.getTime() * 1000,
    text: letter.text,
    columns: letter.columns === null ? null : [...letter.columns],
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset === null ? null : Number(letter.offset),
    key: letter.key,
    value: letter.value,
    schema_id: letter.schemaId,
  };
}
