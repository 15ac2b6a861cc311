/**
 * What the API needs of the rest of the service. `service.ts` gives it; tests of the HTTP surface give their own.
 */
import type { Gauges } from "../observe/metrics.ts";
import type { RequestedBy, RunKind, Selection } from "../runs/run_event.ts";
import type { ReplayPorts } from "./replay_routes.ts";

/** A run as the API shows it. Field names are JSON's, times are ISO 8601 in UTC. */
export interface RunView {
  id: string;
  kind: RunKind;
  selection: Selection;
  state: "requested" | "running" | "completed" | "failed" | "cancelled";
  requested_by: RequestedBy;
  requested_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Why it failed or was cancelled. */
  reason: string | null;
  files: { planned: number; extracted: number; skipped: number; failed: number };
  /**
   * read = published + rejected; loaded + dead reach published when the sink has passed the run's last record. `dead`: records
   * that the sink could not store and put to the dead letters.
   */
  rows: { read: number; published: number; rejected: number; loaded: number; dead: number };
}

/** A file of a run. */
export interface RunFileView {
  file: string;
  state: string;
  size_bytes: number | null;
  /** While it is read: everything before this byte is published; else null. */
  byte_offset: number | null;
  generated_at: string | null;
  rows: { read: number; published: number; rejected: number };
  reason: string | null;
}

/** One part of the service and whether it works. */
export interface PartStatus {
  ready: boolean;
  /** What it is, or why it is not ready, in plain words. */
  detail: string;
}

/** The schedule of the daily extraction. */
export interface ScheduleView {
  pattern: string;
  /** null while paused. */
  next: string | null;
  /** null when it is not paused. */
  paused_since: string | null;
  /** Whether this process is the one that fires. */
  leader: boolean;
  /** Why it is not known whether it is paused; else null. */
  problem: string | null;
}

/** A file that a run would take. */
export interface PreviewedFile {
  /** Relative to the data directory. */
  file: string;
  /** Date and size as the source's listing shows them; null when it shows none. */
  listed: string | null;
  modified: string | null;
  /** Approximate where the listing rounds. */
  size_bytes: number | null;
  /** Why it would not be read, as far as the listing tells; null when it would. */
  skip: string | null;
}

/** The IAU's list of showers that names come from. */
export interface ShowerListView {
  /** Which list it is; null while none is loaded. */
  in_use: "shipped" | "fetched" | null;
  /** Where it was read: an address, or the name of the shipped list. */
  source: string | null;
  /** Month of the shipped list's state, `YYYY-MM`; null for a fetched one. */
  state_of: string | null;
  /** null for the shipped list, or when it is not known. */
  fetched_at: string | null;
  showers: number;
  /** What is fetched, as IAU_SHOWER_URL says; null: nothing. */
  address: string | null;
  /** Why there is no newer list; null: nothing is wrong. */
  note: string | null;
}

/** `GET /status`. */
export interface ServiceStatus {
  version: string;
  started_at: string;
  roles: string[];
  parts: Record<"broker" | "registry" | "database" | "consumer", PartStatus>;
  /** null in a process without the role producer. */
  schedule: ScheduleView | null;
  /** The IAU's list of showers that names come from; null while the service starts. */
  shower_list: ShowerListView | null;
  lag: { topic: string; partition: number; position: string; end: string; lag: number }[];
  store: { meteors: number; dead_letters: number } | null;
}

/** A file that somebody sends. */
export interface UploadRequest {
  /** For its run and for the lineage of its rows. */
  readonly name: string;
  readonly idempotencyKey: string | null;
  /** Rejected lines that are told at most. */
  readonly rejectsMax: number;
  readonly format: "summary" | "json";
  /** Read once, when its turn comes, as fast as the log takes it. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What became of it. */
export interface UploadedFile {
  readonly runId: string;
  readonly isNew: boolean;
  readonly state: string;
  readonly reason: string | null;
  /** As its rows name it. */
  readonly file: string;
  readonly rows: { read: number; published: number; rejected: number };
  readonly rejects: { line: number; field: string | null; reason: string }[];
}

export interface ApiPorts extends ReplayPorts {
  /**
   * Puts a run on the log. The same idempotency key gives the same run again.
   * @throws TransientError when the log can't be reached
   * @throws IdempotencyConflictError when the key was used for another request
   */
  requestRun(
    kind: Exclude<RunKind, "upload">,
    selection: Selection,
    idempotencyKey: string | null,
  ): Promise<{ runId: string; isNew: boolean }>;
  /**
   * What a run would take, without asking for it. `nothing` says why it would take nothing.
   * @throws TransientError when the source does not answer
   */
  previewRun(selection: Selection): Promise<{ files: PreviewedFile[]; nothing: string | null }>;
  /** Ends a run; null when there is none. @throws RunCommandRefused when it has ended otherwise */
  cancelRun(runId: string): Promise<{ state: string } | null>;
  /**
   * Puts a run on the log that takes what a failed or cancelled one did not; null when there is none.
   * @throws RunCommandRefused when nothing of it is left to take
   */
  retryRun(
    runId: string,
    idempotencyKey: string | null,
  ): Promise<{ runId: string; isNew: boolean; kind: RunKind; selection: Selection } | null>;
  /** Publishes a file that somebody sends; resolves when its run has ended. @throws TransientError when the log is away */
  uploadFile(request: UploadRequest): Promise<UploadedFile>;
  /** Pauses or resumes the schedule, for all processes and their next starts. */
  pauseSchedule(isPaused: boolean): Promise<ScheduleView>;
  /** Newest first; `before` is the id of the last one of the page before. */
  listRuns(page: { limit: number; before: string | null }): Promise<RunView[]>;
  getRun(runId: string): Promise<{ run: RunView; files: RunFileView[] } | null>;
  status(): Promise<ServiceStatus>;
  /** Numbers that can only be asked for. @throws TransientError while the service starts */
  gauges(): Promise<Gauges>;
  /** Parts that are not ready, by name, with why; empty when all are. */
  notReady(): Promise<Record<string, string>>;
}

/** The caller's Idempotency-Key stands for another request already. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
}
