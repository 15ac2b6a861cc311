/**
 * The events of an ingestion run, as a closed union with one member per event type.
 *
 * `schemas/ingestion_run_event.avsc` is the same, flattened for the topic. `run_event_record.ts` converts between the two.
 * A run is the fold of its events (`run.ts`).
 */
import type { z } from "zod";
import type {
  requestedBySchema,
  rowCountsSchema,
  runKindSchema,
  selectionSchema,
} from "./run_schemas.ts";

/** Why a run exists. `daily` runs never wait for `backfill` runs; `upload` is a file sent by a person. */
export type RunKind = z.infer<typeof runKindSchema>;

/**
 * What a run was asked to read. Dates are UTC dates `YYYY-MM-DD`, months `YYYY-MM`; ranges include both ends.
 * `days` is the daily window. `upload` names a file that does not come from the data directory. `retry` names a run, and
 * `files` names those of its files that were not read to the end.
 */
export type Selection = Readonly<z.infer<typeof selectionSchema>>;

/** Who requested the run. */
export type RequestedBy = z.infer<typeof requestedBySchema>;

/** Rows of a file so far. `read` = `published` + `unchanged` + `rejected`, always. */
export type RowCounts = Readonly<z.infer<typeof rowCountsSchema>>;

/** What is known about a source file before its lines are read; null where the source does not say. */
export interface FileIdentity {
  readonly size_bytes: number | null;
  readonly etag: string | null;
  /** The Last-Modified header as sent. */
  readonly lastModified: string | null;
  /** Date and size, verbatim from the directory listing; equal texts mean an unchanged listing. */
  readonly listed: string | null;
}

/** Everything in the file before `byteOffset` is published and acknowledged. */
export interface Checkpoint {
  readonly byteOffset: number;
  /** Number of the last line before `byteOffset`, from 1. */
  readonly lineNumber: number;
}

/** Per partition of `trajectory_summary_raw`: the offset after the last record of the file or run. */
export type NextOffsets = Readonly<Record<number, number>>;

/**
 * How many of a file's published rows each epoch published. Only in events that a refill of the log writes (retell_run.ts): each stands for several
 * events of several epochs, and has no epoch.
 */
export type PublishedBy = Readonly<Record<number, number>>;

interface Of<Type extends string> {
  readonly type: Type;
  readonly runId: string;
  readonly at: Date;
  /** The epoch of the leader that wrote it; absent when the event is not from a leader (a request, a person's cancellation, an upload). */
  readonly epoch?: number;
}

export type RunRequested = Of<"requested"> & {
  readonly kind: RunKind;
  readonly selection: Selection;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey: string | null;
};
/** A process picked the run up, for the first time or again after a restart. */
export type RunStarted = Of<"started"> & { readonly owner: string };
/** The files that the run will check, as paths relative to the data directory. */
export type RunPlanned = Of<"planned"> & { readonly files: readonly string[] };
export type FileStarted = Of<"file_started"> & {
  readonly file: string;
  readonly identity: FileIdentity;
};
export type FileProgress = Of<"file_progress"> & {
  readonly file: string;
  readonly generatedAt: Date | null;
  readonly checkpoint: Checkpoint;
  readonly rows: RowCounts;
  readonly publishedBy?: PublishedBy;
  /** The offsets after the file's last record so far, so that a resumed run still knows where its records end. */
  readonly nextOffsets?: NextOffsets;
};
export type FileExtracted = Of<"file_extracted"> & {
  readonly file: string;
  readonly identity: FileIdentity;
  readonly generatedAt: Date | null;
  /** The file's stamp when it was not believed (file_stamp.ts); `generatedAt` is null then. */
  readonly stampAhead?: Date;
  readonly rows: RowCounts;
  readonly publishedBy?: PublishedBy;
  readonly nextOffsets: NextOffsets;
};
export type FileSkipped = Of<"file_skipped"> & {
  readonly file: string;
  readonly reason: string;
  /** The identity that was found unchanged, with its current listing; absent when the file was skipped unchecked. */
  readonly identity?: FileIdentity;
};
/** The file can't be taken now: it is tried again at `retryAt`. */
export type FileDeferred = Of<"file_deferred"> & {
  readonly file: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly reason: string;
  readonly retryAt: Date;
};
export type FileFailed = Of<"file_failed"> & { readonly file: string; readonly reason: string };
export type RunCompleted = Of<"completed"> & { readonly nextOffsets: NextOffsets };
export type RunFailed = Of<"failed"> & { readonly reason: string };
export type RunCancelled = Of<"cancelled"> & { readonly reason: string };

export type RunEvent =
  | RunRequested
  | RunStarted
  | RunPlanned
  | FileStarted
  | FileProgress
  | FileExtracted
  | FileSkipped
  | FileDeferred
  | FileFailed
  | RunCompleted
  | RunFailed
  | RunCancelled;
