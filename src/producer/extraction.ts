/** The extraction of one file: what it reads, how far it has got, and its result. */
import type { Observe } from "../observe/observe.ts";
import type { Checkpoint, NextOffsets, RowCounts } from "../runs/run_event.ts";
import type { ResumePoint } from "../trajectory/read_batch.ts";
import type { OpenedFile } from "./source/data_directory.ts";
import type { UnchangedRows } from "./unchanged_rows.ts";

/** How far the extraction of a file has got; everything before the checkpoint is acknowledged. */
export interface Progress {
  readonly generatedAt: Date | null;
  readonly checkpoint: Checkpoint;
  readonly rows: RowCounts;
  readonly nextOffsets: NextOffsets;
}

/** Limits that tests reduce. */
export interface Pace {
  readonly portionRows?: number;
  /** Unchanged lines for which one record of each partition stands. */
  readonly unchangedRows?: number;
  readonly progressInterval_ms?: number;
}

/** Where an earlier process stopped. */
export interface Resume {
  readonly point: ResumePoint;
  readonly rows: RowCounts;
  /** The stamp of the file that it did not believe (runs/file_stamp.ts): the same reading goes on, so it is not believed now. */
  readonly distrusted?: Date | null;
  /** The one that it did believe: it is believed now, too. */
  readonly believed?: Date | null;
}

/** One file to extract. The caller that opened it closes it, even when the extraction fails. */
export interface Extraction extends Pace {
  readonly runId: string;
  /** The epoch of the leader that works on it; null when it is not a leader. */
  readonly epoch?: number | null;
  /** Path for events and headers. */
  readonly file: string;
  /** The file from its first byte, or from `resume.point`. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Defaults to a summary file. */
  readonly format?: OpenedFile["format"];
  readonly resume?: Resume;
  /** When the reading begins, by the clock that stamps are compared with. Defaults to the current time. */
  readonly begun?: Date;
  /** The first publish waits for it, and fails with it. Lines are read and looked up meanwhile. */
  readonly started?: Promise<void>;
  /** Decides which lines the log already has. Left out: everything is published. */
  readonly unchanged?: UnchangedRows;
  readonly signal?: AbortSignal;
  /** Called about every PROGRESS_INTERVAL_MS; the extraction awaits it. */
  readonly onProgress?: (progress: Progress) => Promise<void>;
  readonly observe?: Observe;
}

/** The result of a file that was read to its end. */
export interface Extracted {
  readonly generatedAt: Date | null;
  /** The file's stamp when it was not believed; `generatedAt` is null then. */
  readonly stampAhead?: Date;
  readonly rows: RowCounts;
  readonly nextOffsets: NextOffsets;
}
