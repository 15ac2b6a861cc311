/**
 * The work of one run, from its start to its end: list, plan, take each file, end.
 *
 * Files are taken one after the other. A file that can't be taken now (cut, rewritten while it is read, source unavailable) is put off,
 * and tried again after the others: they do not wait for it. Its attempts are counted in the run's events, so a restart does not begin
 * them anew. When the source seems to be down, the run fails instead of requesting every remaining file. Whatever ends the work early
 * leaves the run in the state that its events give:
 *     cancelled      the run has ended already; nothing to add
 *     process stops  nothing is written: the run continues at the next start (a pause is not a failure)
 *     anything else  the run fails, with the reason in words
 */
import { explain, explainWithHint, PermanentError, TransientError, wait } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { FileIdentity, Selection } from "../runs/run_event.ts";
import { ATTEMPTS_MAX, type FileState, isFinished, pendingFiles } from "../runs/run.ts";
import type { ActiveRun } from "./active_run.ts";
import type { Pace } from "./extraction.ts";
import { listForPlan } from "./list_for_plan.ts";
import { type Plan, planFiles, type PlannedFile } from "./plan.ts";
import type { RunHistory } from "./ports.ts";
import { type DataDirectory, SourceUnavailableError } from "./source/data_directory.ts";
import { type OpenFile, openOptions, takeFile } from "./take_file.ts";
import type { UnchangedRows } from "./unchanged_rows.ts";

/** Pause before a file is tried again: the source writes its files in place, which takes seconds. */
const RETRY_PAUSE_MS = 60_000;
/** After this many files in a row without an answer from the source, the run gives up. */
const MAX_OUTAGES = 3;

export interface RunWorkOptions {
  readonly directory: DataDirectory;
  readonly history: RunHistory;
  readonly publisher: Publisher;
  readonly observe: Observe;
  readonly now: () => Date;
  /** Name of this process in events, such as `host:pid`. */
  readonly owner: string;
  readonly retryPause_ms?: number;
  readonly pace?: Pace;
  /** Decides which lines of files the log already has. Left out: everything is published. */
  readonly unchanged?: UnchangedRows;
}

/** Which files a run takes and where they come from. */
interface Sources {
  readonly plan: Plan;
  /** The plan by path. */
  readonly planned: ReadonlyMap<string, PlannedFile>;
  readonly ingested: ReadonlyMap<string, FileIdentity>;
  readonly open: (file: string) => OpenFile;
}

/** Works on the run until it ends or is paused. Never rejects. `upload` opens the one file of an upload. */
export async function workOn(
  run: ActiveRun,
  upload: OpenFile | null,
  options: RunWorkOptions,
): Promise<void> {
  try {
    await run.apply({ type: "start", owner: options.owner });
    const sources = "upload" in run.state.selection
      ? uploadSource(run.state.selection.upload, upload)
      : await directorySources(run, options);
    if (run.state.files === null) await announce(run, sources.plan);
    await takeFiles(run, sources, options);
    await run.apply({ type: "complete" });
  } catch (error) {
    await end(run, error, options);
  }
}

async function end(run: ActiveRun, error: unknown, { observe }: RunWorkOptions): Promise<void> {
  const { runId } = run;
  if (isFinished(run.state)) return;
  if (run.signal.aborted) return observe("run.paused", { runId, kind: run.state.kind });
  try {
    await run.apply({ type: "fail", reason: explainWithHint(error) });
  } catch (refusal) {
    if (isFinished(run.state)) return;
    if (run.signal.aborted) return observe("run.paused", { runId, kind: run.state.kind });
    // The journal refuses permanently. The run stays unfinished there and is taken up again at the next start.
    const reason = `${explain(error)}; and its end can't be written: ${explain(refusal)}`;
    observe("run.failed", { runId, kind: run.state.kind, reason });
  }
}

/** The path of an upload's file in events and headers; no file of the data directory has such a path. */
export function uploadPath(name: string): string {
  return `upload/${name}`;
}

function uploadSource(name: string, open: OpenFile | null): Sources {
  if (open === null) {
    throw new PermanentError(`the process stopped before ${name} was read to its end`, {
      hint: "send the file again; rows that came through already are not doubled",
    });
  }
  const listed = { listed: null, modified: null, size_bytes: null };
  const file = { path: uploadPath(name), name, ...listed };
  return {
    ...planOf({ files: [{ file, skip: null }], nothing: null }),
    ingested: new Map(),
    open: () => open,
  };
}

async function directorySources(run: ActiveRun, options: RunWorkOptions): Promise<Sources> {
  const { directory, history, now, observe } = options;
  const { signal, state: { selection } } = run;
  const listed = await listForPlan(directory, selection, openOptions(run));
  const waiting = { observe, part: "database", what: "the history of files", signal } as const;
  const ingested = await retryWhileAway(
    waiting,
    () => history.identities(listed.map((file) => file.path)),
  );
  // A resumed daily run is planned as of the time of its request, so that it finds its own files again.
  const at = "days" in selection ? run.state.requestedAt : now();
  return {
    ...planOf(planFiles({ selection, now: at, listed, ingested })),
    ingested,
    open: (file) => (opening) => directory.open(file, opening),
  };
}

function planOf(plan: Plan): Pick<Sources, "plan" | "planned"> {
  return { plan, planned: new Map(plan.files.map((one) => [one.file.path, one])) };
}

async function announce(run: ActiveRun, plan: Plan): Promise<void> {
  if (plan.nothing !== null) throw new PermanentError(plan.nothing);
  await run.apply({ type: "plan", files: plan.files.map(({ file }) => file.path) });
  for (const { file, skip } of plan.files) {
    if (skip !== null) await run.apply({ type: "skip", file: file.path, reason: skip });
  }
}

async function takeFiles(run: ActiveRun, sources: Sources, options: RunWorkOptions): Promise<void> {
  const { now, retryPause_ms = RETRY_PAUSE_MS } = options;
  let outages = 0;
  for (let next = nextFile(run); next !== null; next = nextFile(run)) {
    const pause_ms = pauseBefore(next, now(), retryPause_ms);
    if (pause_ms > 0) {
      await wait(pause_ms, run.signal);
      outages = 0;
    }
    run.signal.throwIfAborted();
    try {
      await takeOrSkip(run, next.file, sources, options);
      outages = 0;
    } catch (error) {
      run.signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      outages = error instanceof SourceUnavailableError ? outages + 1 : 0;
      if (outages >= MAX_OUTAGES) throw error;
      await putOff(run, next, error, new Date(now().getTime() + retryPause_ms));
    }
  }
}

/** The file to take now: those that were not tried yet in the order of the plan, then the one that is due first. */
function nextFile({ state }: ActiveRun): FileState | null {
  const left = pendingFiles(state);
  const dueAt = (file: FileState) => file.waiting?.retryAt.getTime() ?? 0;
  return left.find(({ attempts }) => attempts === 0) ??
    left.reduce<FileState | null>(
      (first, file) => first === null || dueAt(file) < dueAt(first) ? file : first,
      null,
    );
}

/** How long to wait until the file is due. Never longer than a pause: the clock may have been set back since it was put off. */
function pauseBefore({ waiting }: FileState, now: Date, pause_ms: number): number {
  if (waiting === null) return 0;
  return Math.min(Math.max(waiting.retryAt.getTime() - now.getTime(), 0), pause_ms);
}

async function takeOrSkip(
  run: ActiveRun,
  file: string,
  { planned, ingested, open }: Sources,
  { publisher, observe, pace, unchanged }: RunWorkOptions,
): Promise<void> {
  const { skip = null, file: { listed } = { listed: null } } = planned.get(file) ?? {};
  if (skip !== null) {
    await run.apply({ type: "skip", file, reason: skip });
    return;
  }
  await takeFile({
    run,
    file,
    open: open(file),
    listed,
    ingested: ingested.get(file),
    publisher,
    observe,
    pace,
    unchanged,
  });
}

/** After a failure that may pass: the file waits for its next attempt, or fails with the last one. */
async function putOff(
  run: ActiveRun,
  { file, attempts }: FileState,
  error: TransientError,
  retryAt: Date,
): Promise<void> {
  const attempt = attempts + 1;
  if (attempt >= attemptsOf(run.state.selection)) {
    await run.apply({ type: "failFile", file, reason: explainWithHint(error) });
  } else {
    // Everything that shows the reason shows the file beside it.
    const said = explain(error);
    const reason = said.startsWith(`${file} `) ? `it${said.slice(file.length)}` : said;
    await run.apply({ type: "deferFile", file, attempt, reason, retryAt });
  }
}

/** An uploaded file can be read only once; only the sender can send it again. */
function attemptsOf(selection: Selection): number {
  return "upload" in selection ? 1 : ATTEMPTS_MAX;
}
