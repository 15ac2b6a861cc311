/**
 * A run: its request, its files and the progress of each. A run's state is the fold of its events.
 *
 * The state machine (states only move forward):
 *
 *     (no run) ──requested──▶ REQUESTED ──started──▶ RUNNING ──completed──▶ COMPLETED
 *                                 │                  │  ▲ └────failed─────▶ FAILED
 *                                 │                  │  └─started (another process took over)
 *                                 ├──────failed──────┼────────────────────▶ FAILED
 *                                 └─────cancelled────┴────────────────────▶ CANCELLED
 *
 * Inside a running run, each planned file:
 *
 *     PLANNED ──file_started──▶ READING ──file_extracted──▶ EXTRACTED
 *        │                       │  ▲ └───file_failed─────▶ FAILED
 *        │                       │  └─file_started: read again from its first byte, counting from 0
 *        │  file_deferred: stays as it is, and waits for its next attempt
 *        └────file_skipped───────┴────────────────────────▶ SKIPPED
 *
 * Two functions, in two files, implement it. `decide` (`run_decide.ts`) is strict: it turns a command into the events that follow
 * from it, or refuses it. `evolve` is total: it accepts any event in any state, and an impossible event (a duplicate from a
 * retried publish, or an event from a newer version) changes nothing. So the fold never fails, and a log that contains the same
 * event twice folds to the same state.
 *
 * Invariants (checked by property tests in `run.test.ts`):
 *   - planned = pending + extracted + skipped + failed files; read = published + unchanged + rejected rows, per file and in total;
 *   - a checkpoint never moves back while its file is read; a settled file does not change; attempts only grow;
 *   - a COMPLETED run has no pending and no failed files. A run with failed files ends FAILED and says how many.
 */
import type {
  Checkpoint,
  FileIdentity,
  FileProgress,
  NextOffsets,
  PublishedBy,
  RequestedBy,
  RowCounts,
  RunEvent,
  RunKind,
  RunRequested,
  Selection,
} from "./run_event.ts";
import type { PublishedRows } from "./row_accounts.ts";
import type { RunFileView, RunView } from "./run_schemas.ts";

export type RunStatus = RunView["state"];
export type FileStatus = RunFileView["state"];

/** The state of one file of a run, from the run's events. */
export interface FileState {
  /** Relative to the data directory. */
  readonly file: string;
  readonly status: FileStatus;
  /** The identity of the file as last opened; null before the file was opened. */
  readonly identity: FileIdentity | null;
  /** The file's generation; null when it has no stamp, or one that is not believed. */
  readonly generatedAt: Date | null;
  /** The stamp that was not believed (file_stamp.ts). */
  readonly stampAhead: Date | null;
  /** Where reading can continue; null when it must start at the first byte. */
  readonly checkpoint: Checkpoint | null;
  readonly rows: RowCounts;
  /** How many of the published rows each epoch published, for row_accounts.ts; those of events without an epoch are left out. */
  readonly publishedBy: PublishedBy;
  /** Why the file was skipped or failed. */
  readonly reason: string | null;
  readonly startedAt: Date | null;
  /** How many attempts have been put off. */
  readonly attempts: number;
  /** Set while the file waits for its next attempt; its `attempt` is `attempts` then. */
  readonly waiting: Deferral | null;
}

/** Why a file waits, and until when. */
export interface Deferral {
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly reason: string;
  /** When the next attempt is, at the earliest: files that were not tried yet come first. */
  readonly retryAt: Date;
}

/** Times a file is tried within one run, each with the retries of its requests. An uploaded file can be read only once. */
export const ATTEMPTS_MAX = 3;

/** The state of a run, from its events. */
export interface RunState {
  readonly runId: string;
  readonly kind: RunKind;
  readonly selection: Selection;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey: string | null;
  readonly status: RunStatus;
  /** The last process that picked the run up. */
  readonly owner: string | null;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** The files in the order of the plan; null before the run is planned. */
  readonly files: ReadonlyMap<string, FileState> | null;
  /** Per partition, the offset after the run's last record so far. */
  readonly nextOffsets: NextOffsets;
  /** Why the run failed or was cancelled. */
  readonly reason: string | null;
}

/** The counts of a file before its first row. */
export const NO_ROWS: RowCounts = { read: 0, published: 0, unchanged: 0, rejected: 0 };

/** The state after `event`. Total: an impossible event leaves the state unchanged. `state` is null before the first event. */
export function evolve(state: RunState | null, event: RunEvent): RunState | null {
  if (state === null) return event.type === "requested" ? requested(event) : null;
  if (event.runId !== state.runId || isFinished(state)) return state;
  switch (event.type) {
    case "requested":
      return state;
    case "started":
      return {
        ...state,
        status: "running",
        owner: event.owner,
        startedAt: state.startedAt ?? event.at,
      };
    case "failed":
    case "cancelled":
      return { ...state, status: event.type, reason: event.reason, finishedAt: event.at };
    case "planned":
      if (state.status !== "running" || state.files !== null) return state;
      return { ...state, files: new Map(event.files.map((file) => [file, plannedFile(file)])) };
    case "completed":
      if (state.status !== "running" || !readyToComplete(state)) return state;
      return {
        ...state,
        status: "completed",
        finishedAt: event.at,
        nextOffsets: furthest(state.nextOffsets, event.nextOffsets),
      };
    default:
      return evolveFile(state, event);
  }
}

/** Whether the run has ended and can't change again. */
export function isFinished(state: RunState): boolean {
  return state.status !== "requested" && state.status !== "running";
}

/** Whether the file can't change again within its run. */
export function isSettled(file: FileState): boolean {
  return file.status !== "planned" && file.status !== "reading";
}

/** The files that are not settled yet, in the order of the plan. */
export function pendingFiles(state: RunState): FileState[] {
  return [...(state.files?.values() ?? [])].filter((file) => !isSettled(file));
}

/** The number of files by outcome; `planned` is the sum of the other four. */
export function countFiles(state: RunState): RunView["files"] & { pending: number } {
  const counts = { planned: 0, pending: 0, extracted: 0, skipped: 0, failed: 0 };
  for (const { status } of state.files?.values() ?? []) {
    counts.planned++;
    counts[status === "planned" || status === "reading" ? "pending" : status]++;
  }
  return counts;
}

/** The rows of all files of the run so far. */
export function countRows(state: RunState): RowCounts {
  const sum = { ...NO_ROWS };
  for (const { rows } of state.files?.values() ?? []) {
    sum.read += rows.read;
    sum.published += rows.published;
    sum.unchanged += rows.unchanged;
    sum.rejected += rows.rejected;
  }
  return sum;
}

/** The published rows of all files so far, by epoch. */
export function countPublished(state: RunState): PublishedRows {
  const publishedBy: Record<number, number> = {};
  for (const file of state.files?.values() ?? []) {
    for (const [epoch, rows] of Object.entries(file.publishedBy)) {
      publishedBy[Number(epoch)] = (publishedBy[Number(epoch)] ?? 0) + rows;
    }
  }
  return { published: countRows(state).published, publishedBy };
}

/** The larger offset of the two for each partition, because offsets only grow. */
export function furthest(a: NextOffsets, b: NextOffsets): NextOffsets {
  const merged: Record<number, number> = { ...a };
  for (const [partition, offset] of Object.entries(b)) {
    merged[Number(partition)] = Math.max(merged[Number(partition)] ?? 0, offset);
  }
  return merged;
}

function requested(event: RunRequested): RunState {
  return {
    runId: event.runId,
    kind: event.kind,
    selection: event.selection,
    requestedBy: event.requestedBy,
    idempotencyKey: event.idempotencyKey,
    status: "requested",
    owner: null,
    requestedAt: event.at,
    startedAt: null,
    finishedAt: null,
    files: null,
    nextOffsets: {},
    reason: null,
  };
}

function plannedFile(file: string): FileState {
  return {
    file,
    status: "planned",
    identity: null,
    generatedAt: null,
    stampAhead: null,
    checkpoint: null,
    rows: NO_ROWS,
    publishedBy: {},
    reason: null,
    startedAt: null,
    attempts: 0,
    waiting: null,
  };
}

function readyToComplete(state: RunState): boolean {
  const { pending, failed } = countFiles(state);
  return state.files !== null && pending === 0 && failed === 0;
}

type FileEvent = Extract<RunEvent, { file: string }>;

function evolveFile(state: RunState, event: FileEvent): RunState {
  const before = state.files?.get(event.file);
  if (state.status !== "running" || state.files === null || before === undefined) return state;
  const after = nextFile(before, event);
  if (after === before) return state;
  return {
    ...state,
    files: new Map(state.files).set(event.file, after),
    nextOffsets: "nextOffsets" in event && event.nextOffsets !== undefined
      ? furthest(state.nextOffsets, event.nextOffsets)
      : state.nextOffsets,
  };
}

function nextFile(before: FileState, event: FileEvent): FileState {
  if (isSettled(before)) return before;
  const reading = before.status === "reading";
  switch (event.type) {
    case "file_started":
      return {
        ...plannedFile(before.file),
        status: "reading",
        identity: event.identity,
        startedAt: before.startedAt ?? event.at,
        attempts: before.attempts,
      };
    case "file_progress":
      if (!reading || !rowsFollow(before, event.rows)) return before;
      if (!checkpointFollows(before, event.checkpoint)) return before;
      return {
        ...before,
        generatedAt: event.generatedAt,
        checkpoint: event.checkpoint,
        rows: event.rows,
        publishedBy: attributed(before, event),
        waiting: null,
      };
    case "file_extracted":
      if (!reading || !rowsFollow(before, event.rows)) return before;
      return {
        ...before,
        status: "extracted",
        identity: event.identity,
        generatedAt: event.generatedAt,
        stampAhead: event.stampAhead ?? null,
        checkpoint: null,
        rows: event.rows,
        publishedBy: attributed(before, event),
        waiting: null,
      };
    case "file_deferred": {
      const { attempt, reason, retryAt } = event;
      if (attempt <= before.attempts) return before;
      return { ...before, attempts: attempt, waiting: { attempt, reason, retryAt } };
    }
    case "file_skipped":
    case "file_failed":
      return {
        ...before,
        waiting: null,
        status: event.type === "file_skipped" ? "skipped" : "failed",
        identity: (event.type === "file_skipped" ? event.identity : undefined) ?? before.identity,
        reason: event.reason,
      };
  }
}

/** The rows published since the event before are of this event's epoch. */
function attributed(
  { rows: before, publishedBy }: FileState,
  { epoch, rows, publishedBy: given }: Pick<FileProgress, "epoch" | "rows" | "publishedBy">,
): FileState["publishedBy"] {
  if (given !== undefined) return given;
  const more = rows.published - before.published;
  if (epoch === undefined || more === 0) return publishedBy;
  return { ...publishedBy, [epoch]: (publishedBy[epoch] ?? 0) + more };
}

/** Whether an event's counts add up and are not smaller than the counts so far. */
export function rowsFollow({ rows: before }: FileState, rows: RowCounts): boolean {
  const { read, published, unchanged, rejected } = rows;
  return read === published + unchanged + rejected && published >= before.published &&
    unchanged >= before.unchanged && rejected >= before.rejected;
}

/** Whether an event's checkpoint is not before the current one. */
export function checkpointFollows({ checkpoint }: FileState, next: Checkpoint): boolean {
  return next.byteOffset >= (checkpoint?.byteOffset ?? 0) &&
    next.lineNumber >= (checkpoint?.lineNumber ?? 0);
}
