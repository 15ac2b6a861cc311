/**
 * The events of a run, told again from what is stored of it: its state, and its history as people read it (`run_history.ts`). Folding them
 * gives the stored state again, and the same history.
 *
 *     (nothing told) ──first entry, or the end──▶ requested ─▶ started ─▶ planned ─▶ files … ─▶ (unfinished), or the run's own ending
 *
 * The history leads, and what it lacks is added where the fold needs it: `file_progress` (only the last one is repeated, before its
 * file is settled or at the end), and everything of runs from before there was a history. What can't be told again: earlier
 * `file_progress`, the order of the plan, and how a file looked when it was opened for another time.
 *
 * Records that were in the old log only are lost. A file that was read to its end, but whose records were never loaded, becomes a failed one
 * (so that it can be retried), and in an unfinished run one that was not read (so that the run reads it again).
 */
import { evolve, type FileState, isFinished, isSettled, type RunState } from "./run.ts";
import type {
  FileExtracted,
  FileIdentity,
  NextOffsets,
  RequestedBy,
  RunEvent,
  RunKind,
} from "./run_event.ts";
import type { RunHistoryEntry } from "./run_history.ts";

/** An entry of the stored history. */
export type StoredHistoryEntry = RunHistoryEntry & { readonly at: Date };

/** What is known of a run and of the log that it had. */
export interface RunToRetell {
  /** As it is stored. */
  readonly stored: RunState;
  /** Its files whose records were not loaded before their log was lost. */
  readonly lostFiles: ReadonlySet<string>;
  /** Some of its records were not loaded before their log was lost: a checkpoint says that they are published. */
  readonly isBehind: boolean;
  /** For each partition, an offset of the new log that is behind all records of the run. */
  readonly ends: NextOffsets;
}

/** Why such a file of a finished run has failed. */
export const LOST_WITH_THE_LOG =
  "its records were in a log that was lost, and had not been loaded: read the file again";

const NO_IDENTITY: FileIdentity = {
  size_bytes: null,
  etag: null,
  lastModified: null,
  listed: null,
};

/** Which epochs published the rows of a file, if any had an epoch. */
function attribution({ publishedBy }: FileState): Pick<FileExtracted, "publishedBy"> {
  return Object.keys(publishedBy).length === 0 ? {} : { publishedBy };
}

/** Tells one run. Its methods return the events to append, in order. */
export class RunRetelling {
  readonly #run: RunToRetell;
  readonly #nextOffsets: NextOffsets;
  #told: RunState | null = null;
  #events: RunEvent[] = [];

  constructor(run: RunToRetell) {
    this.#run = run;
    const used = Object.keys(run.stored.nextOffsets).map(Number);
    this.#nextOffsets = Object.fromEntries(used.map((at) => [at, run.ends[at] ?? 0]));
  }

  /** Whether the run has been told to its ending. */
  get isEnded(): boolean {
    return this.#told !== null && isFinished(this.#told);
  }

  /** The events of the next entry of the history, and those that it needs before it. */
  take(entry: StoredHistoryEntry): readonly RunEvent[] {
    if (!this.isEnded) this.#takeEntry(entry);
    return this.#handOver();
  }

  /** After the last entry: what leads to the stored state. */
  end(): readonly RunEvent[] {
    if (this.isEnded) return [];
    const { stored } = this.#run;
    const at = stored.finishedAt ?? stored.startedAt ?? stored.requestedAt;
    this.#request();
    if (stored.startedAt !== null) this.#start();
    if (stored.files !== null) this.#plan();
    this.#settleFiles(at);
    if (isFinished(stored)) this.#finish(at);
    return this.#handOver();
  }

  #handOver(): readonly RunEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #tell(event: RunEvent): void {
    const after = evolve(this.#told, event);
    // An event that changes nothing is not worth a record.
    if (after !== this.#told) this.#events.push(event);
    this.#told = after;
  }

  #takeEntry({ name, file, detail, at }: StoredHistoryEntry): void {
    const { runId } = this.#run.stored;
    this.#request();
    if (name === "requested") return;
    if (name === "failed" || name === "cancelled" || name === "completed") {
      this.#settleFiles(at);
      return this.#finish(at);
    }
    if (name === "started") {
      return this.#tell({ type: "started", runId, at, owner: detail.owner ?? "" });
    }
    this.#start();
    this.#plan(at);
    if (file === null) return;
    const stored = this.#run.stored.files?.get(file);
    if (stored === undefined) return;
    if (name === "file_started") this.#startFile(stored, at, detail.size_bytes);
    else if (name === "file_deferred") {
      const { attempt = 1, reason = "", retry_at } = detail;
      const retryAt = new Date(retry_at ?? at);
      // What the file waits for now is what happened to it last, so its last progress was before.
      if (attempt === stored.waiting?.attempt) this.#progress(stored, at);
      this.#tell({ type: "file_deferred", runId, at, file, attempt, reason, retryAt });
    } else if (name === `file_${stored.status}`) this.#settleFile(stored, at);
  }

  #request(): void {
    if (this.#told !== null) return;
    const { runId, requestedAt: at, kind, selection, requestedBy, idempotencyKey } =
      this.#run.stored;
    const asked: { kind: RunKind; requestedBy: RequestedBy } = { kind, requestedBy };
    this.#tell({ type: "requested", runId, at, ...asked, selection, idempotencyKey });
  }

  #start(): void {
    const { runId, startedAt, requestedAt, owner } = this.#run.stored;
    if (this.#told?.status !== "requested") return;
    this.#tell({ type: "started", runId, at: startedAt ?? requestedAt, owner: owner ?? "" });
  }

  #plan(at?: Date): void {
    const { runId, files, startedAt, requestedAt } = this.#run.stored;
    if (files === null || this.#told?.files !== null) return;
    const planned = [...files.keys()];
    this.#tell({ type: "planned", runId, at: at ?? startedAt ?? requestedAt, files: planned });
  }

  /** Brings every file to its stored state, as far as the history has not done so. */
  #settleFiles(at: Date): void {
    for (const file of this.#run.stored.files?.values() ?? []) {
      if (isSettled(file)) this.#settleFile(file, at);
      else this.#bringToNow(file, at);
    }
  }

  /** A file that is not settled. */
  #bringToNow(stored: FileState, at: Date): void {
    const { file, status, waiting } = stored;
    this.#countAttempts(stored, at);
    if (status === "reading") {
      if (this.#statusOf(stored) === "planned") this.#startFile(stored, at);
      // Progress after the deferral would say that the file no longer waits.
      const isTold = waiting !== null && this.#told?.files?.get(file)?.attempts === waiting.attempt;
      if (!isTold) this.#progress(stored, at);
    }
    if (waiting === null) return;
    this.#tell({ type: "file_deferred", runId: this.#run.stored.runId, at, file, ...waiting });
  }

  /** Attempts that the history does not have. Those of a file that still waits come last. */
  #countAttempts(stored: FileState, at: Date): void {
    const { file, attempts, waiting } = stored;
    const told = this.#told?.files?.get(file);
    if (told === undefined || waiting !== null || told.attempts >= attempts) return;
    const { runId } = this.#run.stored;
    const unknown = { attempt: attempts, reason: "", retryAt: at };
    this.#tell({ type: "file_deferred", runId, at, file, ...unknown });
    if (told.status === "reading") this.#startFile(stored, at);
  }

  #statusOf({ file }: FileState): FileState["status"] {
    return this.#told?.files?.get(file)?.status ?? "planned";
  }

  #startFile({ file, identity }: FileState, at: Date, size_bytes?: number | null): void {
    const opened = {
      ...identity ?? NO_IDENTITY,
      ...(size_bytes === undefined ? {} : { size_bytes }),
    };
    const { runId } = this.#run.stored;
    this.#tell({ type: "file_started", runId, at, file, identity: opened });
  }

  /** The last progress, unless it says that lost records are published. */
  #progress(stored: FileState, at: Date): void {
    const { file, generatedAt, checkpoint, rows } = stored;
    if (checkpoint === null || this.#run.isBehind) return;
    const [{ runId }, nextOffsets] = [this.#run.stored, this.#nextOffsets];
    this.#tell({
      type: "file_progress",
      runId,
      at,
      file,
      generatedAt,
      checkpoint,
      rows,
      ...attribution(stored),
      nextOffsets,
    });
  }

  #settleFile(stored: FileState, at: Date): void {
    const { file, status, rows, generatedAt, stampAhead, identity } = stored;
    const { stored: { runId }, lostFiles } = this.#run;
    const before = this.#statusOf(stored);
    if (before !== "planned" && before !== "reading") return;
    this.#countAttempts(stored, at);
    if (status === "extracted") {
      if (before === "planned") this.#startFile(stored, at);
      if (!lostFiles.has(file)) {
        return this.#tell({
          type: "file_extracted",
          runId,
          at,
          file,
          identity: identity ?? NO_IDENTITY,
          generatedAt,
          ...(stampAhead === null ? {} : { stampAhead }),
          rows,
          ...attribution(stored),
          nextOffsets: this.#nextOffsets,
        });
      }
      if (!isFinished(this.#run.stored)) return;
      return this.#tell({ type: "file_failed", runId, at, file, reason: LOST_WITH_THE_LOG });
    }
    if (stored.checkpoint !== null && before === "planned") this.#startFile(stored, at);
    this.#progress(stored, at);
    const reason = stored.reason ?? "";
    if (status === "failed") return this.#tell({ type: "file_failed", runId, at, file, reason });
    // A file that was opened has its identity from then.
    const found = before === "planned" && identity !== null ? { identity } : {};
    this.#tell({ type: "file_skipped", runId, at, file, reason, ...found });
  }

  #finish(at: Date): void {
    const { runId, status, reason } = this.#run.stored;
    const lost = [...this.#told?.files?.values() ?? []].filter((file) =>
      file.status === "failed" && file.reason === LOST_WITH_THE_LOG
    );
    if (status === "cancelled" || status === "failed") {
      return this.#tell({ type: status, runId, at, reason: reason ?? "" });
    }
    if (lost.length === 0) {
      return this.#tell({ type: "completed", runId, at, nextOffsets: this.#nextOffsets });
    }
    const first = lost[0]!.file;
    this.#tell({
      type: "failed",
      runId,
      at,
      reason: `${lost.length} file(s) failed, the first was ${first}: ${LOST_WITH_THE_LOG}`,
    });
  }
}
