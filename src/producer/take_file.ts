/**
 * Takes one planned file of a run: opens, skips, extracts or fails it, and records that in the run.
 *
 *     open ─ missing ──────────────────────────────▶ failed
 *       ├─── unchanged since it was ingested ───────▶ skipped
 *       ├─── a copy of a file this run has ─────────▶ skipped
 *       ├─── the same file as at the checkpoint ────▶ goes on there ─┐
 *       └─── any other ── file_started ─────────────▶ from byte 0 ───┴─▶ extracted
 *
 * What may pass by itself (a cut or rewritten file, a source that does not answer) is thrown as a `TransientError`: the run returns
 * to the file later. Any other failure settles the file as failed, and the run goes on with the next.
 */
import { explainWithHint, TransientError } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import { type Observe } from "../observe/observe.ts";
import type { FileIdentity } from "../runs/run_event.ts";
import type { FileState } from "../runs/run.ts";
import { readHeader } from "../trajectory/read_summary_file.ts";
import type { ActiveRun } from "./active_run.ts";
import { extractFile } from "./extract_file.ts";
import type { Pace, Resume } from "./extraction.ts";
import type { UnchangedRows } from "./unchanged_rows.ts";
import { parseFileName } from "../trajectory/file_name.ts";
import { isSameFile, type OpenedFile, type OpenOptions } from "./source/data_directory.ts";

/** How a file is opened: from the data directory, or from an upload. */
export type OpenFile = (options: OpenOptions) => Promise<OpenedFile | "unchanged" | "missing">;

export interface TakeFileOptions {
  readonly run: ActiveRun;
  /** As in the run's plan. */
  readonly file: string;
  readonly open: OpenFile;
  /** Date and size as listed; null when unknown. */
  readonly listed: string | null;
  /** The identity with which the file was ingested before; if it still has it, it is skipped. */
  readonly ingested: FileIdentity | undefined;
  readonly publisher: Publisher;
  readonly observe: Observe;
  readonly pace?: Pace;
  /** Decides which lines the log already has. Left out: everything is published. */
  readonly unchanged?: UnchangedRows;
}

/** A file ready to be read, and the position to read from. */
interface Ready {
  readonly opened: OpenedFile;
  /** Resolves when the run's events say that the file is read; nothing of it is published before. */
  readonly started?: Promise<void>;
  readonly resume?: Resume;
}

/**
 * Takes one file; it is settled when this resolves.
 * @throws TransientError when it should be tried again later (the file is not settled then), the signal's reason on abort
 */
export async function takeFile(options: TakeFileOptions): Promise<void> {
  const { run, file } = options;
  try {
    const ready = await openForReading(options);
    if (ready === null) return;
    try {
      await extract(ready, options);
    } finally {
      await ready.opened.close();
    }
  } catch (error) {
    run.signal.throwIfAborted();
    if (error instanceof TransientError) throw error;
    await run.apply({ type: "failFile", file, reason: explainWithHint(error) });
  }
}

/** Opens the file at the position to read from; null when it was settled without reading. */
async function openForReading(options: TakeFileOptions): Promise<Ready | null> {
  const { run, file, open, ingested } = options;
  const before = run.state.files?.get(file);
  if (before !== undefined && before.checkpoint !== null) {
    const resumed = await openAtCheckpoint(before, options);
    if (resumed !== null) return resumed;
  }
  const opened = await open({ ...openOptions(run), unlessSame: ingested });
  if (opened === "unchanged") {
    const identity = { ...ingested ?? NO_IDENTITY, listed: options.listed };
    const reason = "unchanged since it was ingested";
    await run.apply({ type: "skip", file, reason, identity });
    return null;
  }
  if (opened === "missing") {
    await run.apply({
      type: "failFile",
      file,
      reason: `the source has no ${file}, or no longer has it`,
    });
    return null;
  }
  const original = copiedFrom(file, opened.identity, run);
  if (original !== null) {
    await opened.close();
    await run.apply({ type: "skip", file, reason: `a copy of ${original}` });
    return null;
  }
  const started = startFromZero(opened, options);
  // Whoever awaits it gets its failure.
  started.catch(() => {});
  return { opened, started };
}

/**
 * Opens the file at the checkpoint of an earlier process. Checkpoints do not keep the columns, so the head of the file is read
 * first: one more request, once after a crash. Null when the file has changed.
 */
async function openAtCheckpoint(
  before: FileState,
  { run, open }: TakeFileOptions,
): Promise<Ready | null> {
  const { checkpoint, identity, rows } = before;
  if (checkpoint === null || identity === null) return null;
  const head = await open(openOptions(run));
  if (typeof head === "string") return null;
  let header: Awaited<ReturnType<typeof readHeader>>;
  try {
    if (!isSameFile(head.identity, identity)) return null;
    header = await readHeader(head.chunks);
  } finally {
    await head.close();
  }
  const { byteOffset, lineNumber } = checkpoint;
  const opened = await open({ ...openOptions(run), from: { byteOffset, identity } });
  if (typeof opened === "string") return null;
  if (opened.from !== byteOffset) {
    await opened.close();
    return null;
  }
  // The stamp is the checkpoint's: in a file with several stamps it may be a later one than the head's. If it has none, that of the head
  // was not believed; the clock has gone on, but a file is believed as a whole or not at all.
  const distrusted = before.generatedAt === null ? header.generatedAt : null;
  const generatedAt = before.generatedAt ?? distrusted;
  const point = { header: header.header, generatedAt, byteOffset, lineNumber };
  return { opened, resume: { point, rows, distrusted, believed: before.generatedAt } };
}

async function startFromZero(
  { identity }: OpenedFile,
  { run, file, listed }: TakeFileOptions,
): Promise<void> {
  await run.apply({ type: "startFile", file, identity: { ...identity, listed } });
}

async function extract({ opened, started, resume }: Ready, options: TakeFileOptions) {
  const { run, file, listed, observe, pace, unchanged } = options;
  const extracting = extractFile({
    started,
    runId: run.runId,
    epoch: run.epoch,
    file,
    chunks: opened.chunks,
    format: opened.format,
    resume,
    begun: run.now(),
    signal: run.signal,
    observe,
    unchanged,
    ...pace,
    onProgress: async (progress) => void await run.apply({ type: "progress", file, ...progress }),
  }, options.publisher);
  // Read, but nothing published yet: the first lines are looked up while the event is on its way. Whatever ends the reading, the
  // event comes first, and a file that could not be started has not been read.
  const [begun, ended] = await Promise.allSettled([started, extracting]);
  if (begun.status === "rejected") throw begun.reason;
  if (ended.status === "rejected") throw ended.reason;
  const extracted = ended.value;
  // A resumed file keeps what its listing said when it was started: that is the version that was read.
  const identity = resume === undefined
    ? { ...opened.identity, listed }
    : run.state.files?.get(file)?.identity ?? opened.identity;
  await run.apply({ type: "extract", file, identity, ...extracted });
}

/** The file of this run that `file`, an alias, is a byte copy of: same modification time, same size; null if there is none. */
function copiedFrom(file: string, identity: FileIdentity, run: ActiveRun): string | null {
  if (parseFileName(file.split("/").at(-1) ?? "")?.kind !== "alias") return null;
  const { lastModified, size_bytes } = identity;
  if (lastModified === null || size_bytes === null) return null;
  for (const other of run.state.files?.values() ?? []) {
    const same = other.identity?.lastModified === lastModified &&
      other.identity.size_bytes === size_bytes;
    if (same && other.file !== file) return other.file;
  }
  return null;
}

/** How the files of a run are listed and opened: a backfill gives way to daily runs. */
export function openOptions(run: ActiveRun): OpenOptions {
  return {
    priority: run.state.kind === "backfill" ? "backfill" : "daily",
    signal: run.signal,
  };
}

const NO_IDENTITY: FileIdentity = {
  size_bytes: null,
  etag: null,
  lastModified: null,
  listed: null,
};
