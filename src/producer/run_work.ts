/**
 * The work of one run, from its start to its end: list, plan, take each file, end.
 *
 * Files are taken one after the other. A file that can't be taken now (cut, rewritten while it is read, source unavailable) is left
 * for a later pass, up to MAX_PASSES; the others do not wait for it. When the source seems to be down, the run fails instead of
 * requesting every remaining file. Whatever ends the work early leaves the run in the state that its events give:
 *     cancelled      the run has ended already; nothing to add
 *     process stops  nothing is written: the run continues at the next start (a pause is not a failure)
 *     anything else  the run fails, with the reason in words
 */
import { explain, explainWithHint, PermanentError, TransientError, wait } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { FileIdentity, Selection } from "../runs/run_event.ts";
import { isFinished, pendingFiles } from "../runs/run.ts";
import type { ActiveRun } from "./active_run.ts";
import type { Pace } from "./extraction.ts";
import { listForPlan } from "./list_for_plan.ts";
import { type Plan, planFiles } from "./plan.ts";
import type { RunHistory } from "./ports.ts";
import { type DataDirectory, SourceUnavailableError } from "./source/data_directory.ts";
import { type OpenFile, openOptions, takeFile } from "./take_file.ts";
import type { UnchangedRows } from "./unchanged_rows.ts";

/** Times a file is tried within one run, each with the retries of its requests. */
export const MAX_PASSES = 3;
/** Pause before the remaining files are tried again: the source writes its files in place, which takes seconds. */
export const PASS_PAUSE_MS = 60_000;
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
  readonly passPause_ms?: number;
  readonly pace?: Pace;
  /** Decides which lines of files the log already has. Left out: everything is published. */
  readonly unchanged?: UnchangedRows;
}

/** Which files a run takes and where they come from. */
interface Sources {
  readonly plan: Plan;
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
    plan: { files: [{ file, skip: null }], nothing: null },
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
  const plan = planFiles({ selection, now: at, listed, ingested });
  return {
    plan,
    ingested,
    open: (file) => (opening) => directory.open(file, opening),
  };
}

async function announce(run: ActiveRun, plan: Plan): Promise<void> {
  if (plan.nothing !== null) throw new PermanentError(plan.nothing);
  await run.apply({ type: "plan", files: plan.files.map(({ file }) => file.path) });
  for (const { file, skip } of plan.files) {
    if (skip !== null) await run.apply({ type: "skip", file: file.path, reason: skip });
  }
}

async function takeFiles(run: ActiveRun, sources: Sources, options: RunWorkOptions) {
  const { publisher, observe, pace, unchanged } = options;
  const planned = new Map(sources.plan.files.map((one) => [one.file.path, one]));
  for (let pass = 1, left = pendingFiles(run.state); left.length > 0; pass++) {
    if (pass > 1) await wait(options.passPause_ms ?? PASS_PAUSE_MS, run.signal);
    let outages = 0;
    for (const { file } of left) {
      run.signal.throwIfAborted();
      const { skip = null, file: { listed } = { listed: null } } = planned.get(file) ?? {};
      if (skip !== null) {
        await run.apply({ type: "skip", file, reason: skip });
        continue;
      }
      try {
        await takeFile({
          run,
          file,
          open: sources.open(file),
          listed,
          ingested: sources.ingested.get(file),
          publisher,
          observe,
          pace,
          unchanged,
        });
        outages = 0;
      } catch (error) {
        run.signal.throwIfAborted();
        if (!(error instanceof TransientError)) throw error;
        outages = error instanceof SourceUnavailableError ? outages + 1 : 0;
        if (outages >= MAX_OUTAGES) throw error;
        if (pass >= passesOf(run.state.selection)) {
          await run.apply({ type: "failFile", file, reason: explainWithHint(error) });
        }
      }
    }
    left = pendingFiles(run.state);
  }
}

/** An uploaded file can be read only once; only the sender can send it again. */
function passesOf(selection: Selection): number {
  return "upload" in selection ? 1 : MAX_PASSES;
}
