/**
 * The producer loop: takes requested runs and works on them, in three lanes that do not wait for each other.
 *
 *     submit ─▶ journal ─▶ daily    ▶ one at a time ─┐
 *     adopt  ─▶           backfill ▶ one at a time ─┼─▶ run_work.ts ─▶ take_file.ts ─▶ extract_file.ts
 *     upload ─▶ journal ─▶ upload   ▶ one at a time ─┘
 *
 * A daily run is never held up by a backfill. At the start the unfinished runs of the last process are taken up again; a stop
 * pauses what is at work. A run that fails harms no other, and nothing that a run meets ends the loop.
 */
import { TransientError } from "../failures/failures.ts";
import { type Observe, unobserved } from "../observe/observe.ts";
import { isFinished, type RunState } from "../runs/run.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import type { RequestedBy, RunEvent, RunKind, Selection } from "../runs/run_event.ts";
import { newRunId } from "../runs/run_id.ts";
import { ActiveRun } from "./active_run.ts";
import type { Pace } from "./extract_file.ts";
import type { ExtractTools, RunHistory, RunJournal } from "./ports.ts";
import { workOn } from "./run_work.ts";
import type { DataDirectory } from "./source/data_directory.ts";
import type { OpenFile } from "./take_file.ts";

/** Runs of one kind that may wait; whoever asks for more is told to come back. Somebody is asking in a loop. */
export const MAX_WAITING_RUNS = 100;
/** Ended runs kept in memory for those who wait for them or ask again with the same Idempotency-Key. */
const MAX_ENDED_RUNS = 200;

export interface RunEngineOptions {
  readonly directory: DataDirectory;
  readonly journal: RunJournal;
  readonly history: RunHistory;
  readonly tools: ExtractTools;
  /** Name of this process in the events, such as `host:pid`. */
  readonly owner: string;
  readonly observe?: Observe;
  readonly now?: () => Date;
  readonly passPause_ms?: number;
  readonly pace?: Pace;
}

export interface RunRequest {
  readonly kind: Exclude<RunKind, "upload">;
  readonly selection: Selection;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey?: string | null;
}

export interface UploadRequest {
  /** File name, for people and for the lineage of the rows. */
  readonly name: string;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey?: string | null;
  readonly open: OpenFile;
}

/** What a request led to. `isNew` is false when the Idempotency-Key was known: then it is the run it stood for. */
export interface Submitted {
  readonly run: RunState;
  readonly isNew: boolean;
}

/** One line of work. `isBusy` is told apart from `work`, the promise of it, because it must change in the turn of the last run. */
interface Lane {
  readonly waiting: ActiveRun[];
  isBusy: boolean;
  work: Promise<void>;
}

type Watcher = (event: RunEvent, state: RunState) => void;

export class RunEngine {
  readonly #options: Required<Pick<RunEngineOptions, "observe" | "now">> & RunEngineOptions;
  readonly #stopping = new AbortController();
  readonly #runs = new Map<string, ActiveRun>();
  readonly #byKey = new Map<string, Promise<Submitted>>();
  readonly #lanes = new Map<RunKind, Lane>();
  readonly #uploads = new Map<string, OpenFile>();
  readonly #watchers = new Set<Watcher>();

  constructor(options: RunEngineOptions) {
    this.#options = { observe: unobserved, now: () => new Date(), ...options };
  }

  /** Takes up the runs that the last process left unfinished, oldest first. */
  async start(): Promise<void> {
    const unfinished = await this.#options.history.unfinished();
    const byAge = [...unfinished].sort((a, b) => a.requestedAt.getTime() - b.requestedAt.getTime());
    for (const state of byAge) this.adopt(state);
  }

  /** Works on a run that is on the log already: unfinished at the start, or requested by another process. Once per run. */
  adopt(state: RunState): void {
    if (isFinished(state) || this.#runs.has(state.runId)) return;
    this.#enqueue(this.#activeRun(state.runId, state));
  }

  /**
   * Puts a run on the log and in its lane.
   * @throws TransientError when the log does not take it, or too many are waiting
   */
  submit(request: RunRequest): Promise<Submitted> {
    return this.#once(request.idempotencyKey ?? null, () => this.#request(request, request.kind));
  }

  /** Puts a run for one file that a person sends on the log; `open` is called when its turn comes. */
  upload({ name, open, ...request }: UploadRequest): Promise<Submitted> {
    return this.#once(
      request.idempotencyKey ?? null,
      () => this.#request({ ...request, selection: { upload: name } }, "upload", open),
    );
  }

  /**
   * Cancels a run, waiting or at work; resolves when that is on the log.
   * @throws RunCommandRefused when it is not one of this process's runs, or has ended
   */
  cancel(runId: string, reason: string): Promise<RunState> {
    const run = this.#runs.get(runId);
    if (run === undefined) {
      throw new RunCommandRefused(`run ${runId} is not at work here`, {
        hint: "GET /runs shows which runs there are",
      });
    }
    return run.cancel(reason);
  }

  /** The runs of this process that have not ended, oldest first. */
  current(): RunState[] {
    return [...this.#runs.values()].map((run) => run.state).filter((state) => !isFinished(state));
  }

  /** A run as it is now; null when it is not one of this process's. */
  get(runId: string): RunState | null {
    return this.#runs.get(runId)?.state ?? null;
  }

  /**
   * Tells every event of this process's runs, with the state after it; the returned function ends that. A watcher returns
   * quickly; one that throws is reported and kept.
   */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * The run when it has ended. Rejects with the signal's reason, or the stop's when the process stops first.
   * @throws RunCommandRefused when it is not one of this process's runs
   */
  waitFor(runId: string, signal?: AbortSignal): Promise<RunState> {
    const state = this.get(runId);
    if (state === null) throw new RunCommandRefused(`run ${runId} is not at work here`);
    if (isFinished(state)) return Promise.resolve(state);
    return new Promise((resolve, reject) => {
      const signals = [this.#stopping.signal, ...signal === undefined ? [] : [signal]];
      const ending = AbortSignal.any(signals);
      const leave = () => {
        unwatch();
        ending.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(ending.reason);
      };
      const unwatch = this.watch((event, after) => {
        if (event.runId !== runId || !isFinished(after)) return;
        leave();
        resolve(after);
      });
      if (ending.aborted) abort();
      else ending.addEventListener("abort", abort, { once: true });
    });
  }

  /** Pauses everything: the runs at work stop where they are and go on at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the process stops"));
    await Promise.all([...this.#lanes.values()].map((lane) => lane.work));
  }

  async #request(
    request: Omit<RunRequest, "kind">,
    kind: RunKind,
    open?: OpenFile,
  ): Promise<Submitted> {
    this.#stopping.signal.throwIfAborted();
    const waiting = this.#lane(kind).waiting.length;
    if (waiting >= MAX_WAITING_RUNS) {
      throw new TransientError(`${waiting} ${kind} runs are waiting already`, {
        hint: "wait until some have ended, or cancel some",
      });
    }
    const { selection, requestedBy, idempotencyKey = null } = request;
    const run = this.#activeRun(newRunId(this.#options.now().getTime()), null);
    await run.apply({ type: "request", kind, selection, requestedBy, idempotencyKey }, "none");
    if (open !== undefined) this.#uploads.set(run.runId, open);
    this.#enqueue(run);
    return { run: run.state, isNew: true };
  }

  /** Makes one run of all requests with the same key, also of those that come while the first is being written. */
  #once(key: string | null, request: () => Promise<Submitted>): Promise<Submitted> {
    if (key === null) return request();
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      return known.then(({ run }) => ({ run: this.get(run.runId) ?? run, isNew: false }));
    }
    const submitting = this.#options.history.findByIdempotencyKey(key)
      .then((earlier) => {
        if (earlier === null) return request();
        // On the log, but nobody began it: its acknowledgement was lost, and the caller asks again.
        if (earlier.status === "requested") this.adopt(earlier);
        return { run: earlier, isNew: false };
      });
    this.#byKey.set(key, submitting);
    // A failed request did not happen; one of an earlier process is found in the history again.
    submitting.then(({ isNew }) => isNew, () => false)
      .then((isNew) => isNew || this.#byKey.delete(key));
    return submitting;
  }

  #activeRun(runId: string, state: RunState | null): ActiveRun {
    const { journal, observe, now } = this.#options;
    return new ActiveRun(runId, state, {
      journal,
      observe,
      now,
      stopping: this.#stopping.signal,
      onEvent: (event, after) => {
        for (const watcher of this.#watchers) {
          try {
            watcher(event, after);
          } catch (error) {
            console.error("a watcher of runs failed", error);
          }
        }
      },
    });
  }

  #lane(kind: RunKind): Lane {
    let lane = this.#lanes.get(kind);
    if (lane === undefined) {
      lane = { waiting: [], isBusy: false, work: Promise.resolve() };
      this.#lanes.set(kind, lane);
    }
    return lane;
  }

  #enqueue(run: ActiveRun): void {
    this.#runs.set(run.runId, run);
    const lane = this.#lane(run.state.kind);
    lane.waiting.push(run);
    if (!lane.isBusy) lane.work = this.#workThrough(lane);
  }

  async #workThrough(lane: Lane): Promise<void> {
    lane.isBusy = true;
    while (!this.#stopping.signal.aborted) {
      const run = lane.waiting.shift();
      if (run === undefined) break;
      if (!isFinished(run.state)) {
        await workOn(run, this.#uploads.get(run.runId) ?? null, this.#options);
      }
      this.#uploads.delete(run.runId);
      this.#forgetEnded();
    }
    lane.isBusy = false;
  }

  #forgetEnded(): void {
    const ended = [...this.#runs.values()].filter((run) => isFinished(run.state));
    for (const { runId, state } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_RUNS))) {
      this.#runs.delete(runId);
      if (state.idempotencyKey !== null) this.#byKey.delete(state.idempotencyKey);
    }
  }
}
