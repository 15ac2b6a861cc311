/**
 * The producer loop: takes requested runs and works on them, in three independent lanes.
 *
 *     submit ─▶ journal ─▶ daily    ▶ one at a time ─┐
 *     adopt  ─▶           backfill ▶ one at a time ─┼─▶ run_work.ts ─▶ take_file.ts ─▶ extract_file.ts
 *     upload ─▶ journal ─▶ upload   ▶ one at a time ─┘
 *
 * A backfill never holds up a daily run. A stop pauses the runs in progress. A failing run does not affect others, and no failure
 * of a run ends the loop.
 *
 * When there are several processes, one works on the runs of the data directory: the leader (`run_leadership.ts`).
 *
 *     FOLLOWING ──lead──▶ LEADING ──follow──▶ FOLLOWING
 *
 * A follower accepts requests too; it writes them to the log, where the leader finds them (`reconcile`). An upload's file exists
 * only in the process that received it, so that process works on its uploads whether it leads or not.
 */
import { TransientError } from "@gmn/failures";
import { isFinished, type RunState } from "../runs/run.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import type { RequestedBy, RunEvent, RunKind, Selection } from "../runs/run_event.ts";
import { newRunId } from "../runs/run_id.ts";
import { ActiveRun } from "./active_run.ts";
import { type Once, OncePerKey } from "./once_per_key.ts";
import { withGate } from "../events/publisher_gate.ts";
import type { RunJournal, WithKeyLock } from "./ports.ts";
import { RunLane } from "./run_lane.ts";
import type { Term } from "./run_leadership.ts";
import { type RunWorkOptions, workOn } from "./run_work.ts";
import type { OpenFile } from "./take_file.ts";

/** Most runs of one kind that may wait; further requests are refused for now: a client is probably requesting in a loop. */
export const MAX_WAITING_RUNS = 100;
/** Ended runs kept in memory for callers that wait for them or repeat a request with the same Idempotency-Key. */
const MAX_ENDED_RUNS = 200;

export interface RunEngineOptions extends Omit<RunWorkOptions, "now"> {
  readonly journal: RunJournal;
  /** Serializes requests with the same Idempotency-Key, when other processes accept requests too. */
  readonly withKeyLock?: WithKeyLock;
  /** Throws a TransientError while a person's requests are refused, because their runs could only wait. The schedule's do wait. */
  readonly assertRoom?: () => void;
  /** Whether it leads from the beginning (the default); if false, it leads only after `lead`. */
  readonly leads?: boolean;
  /** Aborts when the whole service ends, which is before `stop` and also aborts the calls that runs make: runs are then paused. */
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

export interface RunRequest {
  readonly kind: Exclude<RunKind, "upload">;
  readonly selection: Selection;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey?: string | null;
}

export interface UploadRequest {
  /** File name, for display and for the lineage of the rows. */
  readonly name: string;
  readonly requestedBy: RequestedBy;
  readonly idempotencyKey?: string | null;
  readonly open: OpenFile;
}

/** The result of a request. */
export type Submitted = Once<RunState>;

type Watcher = (event: RunEvent, state: RunState) => void;

/** A term of this process, and what ends its work. */
interface Leading extends Term {
  readonly ending: AbortController;
}

/** The term of an engine that leads without asking anybody: that of one command. */
const OWN_TERM: Term = { epoch: null, isHeld: () => true };

export class RunEngine {
  readonly #options: RunEngineOptions & RunWorkOptions;
  readonly #stopping = new AbortController();
  /** Null while another process leads. */
  #leading: Leading | null;
  readonly #runs = new Map<string, ActiveRun>();
  readonly #requests: OncePerKey<RunState>;
  readonly #lanes: Readonly<Record<RunKind, RunLane>> = {
    daily: new RunLane((run) => this.#workOn(run)),
    backfill: new RunLane((run) => this.#workOn(run)),
    upload: new RunLane((run) => this.#workOn(run)),
  };
  readonly #uploads = new Map<string, OpenFile>();
  readonly #watchers = new Set<Watcher>();

  constructor(options: RunEngineOptions) {
    this.#options = { now: () => new Date(), ...options };
    this.#requests = new OncePerKey(options.withKeyLock);
    this.#leading = options.leads === false ? null : { ...OWN_TERM, ending: new AbortController() };
  }

  /** Whether this process works on the runs of the data directory. */
  get isLeading(): boolean {
    return this.#leading?.isHeld() ?? false;
  }

  /** Starts leading: takes up unfinished runs of any process, oldest first. `until` aborts the wait for the history. */
  async lead(until: AbortSignal = this.#stopping.signal, term: Term = OWN_TERM): Promise<void> {
    const leading = this.#leading ??= { ...term, ending: new AbortController() };
    const unfinished = await this.#options.history.unfinished(until);
    if (this.#leading !== leading) return;
    const byAge = [...unfinished].sort((a, b) => a.requestedAt.getTime() - b.requestedAt.getTime());
    for (const state of byAge) this.adopt(state);
  }

  /** Stops leading: its runs pause, and the next leader continues them. Resolves when none of them writes any longer. */
  async follow(): Promise<void> {
    this.#leading?.ending.abort(new Error("this process no longer leads"));
    this.#leading = null;
    await Promise.all([this.#lanes.daily.close(), this.#lanes.backfill.close()]);
    for (const { runId, state } of this.#runs.values()) {
      if (state.kind !== "upload" && !isFinished(state)) this.#runs.delete(runId);
    }
  }

  /** Catches up with other processes: takes up runs that they wrote to the log, drops runs that they ended. */
  async reconcile(): Promise<void> {
    const { history } = this.#options;
    if (this.#leading === null) return;
    for (const state of await history.requested()) this.adopt(state);
    const going = this.current().map(({ runId }) => runId);
    if (going.length === 0) return;
    for (const state of await history.ended(going)) {
      this.#runs.get(state.runId)?.endedElsewhere(state);
    }
  }

  /** Works on a run that is already on the log, once per run; a process that does not lead leaves it to the leader. */
  adopt(state: RunState): void {
    if (this.#leading === null || isFinished(state) || this.#runs.has(state.runId)) return;
    this.#enqueue(this.#activeRun(state.runId, state, state.kind));
  }

  /**
   * Writes a run to the log and puts it in its lane.
   * @throws TransientError when the log is unavailable, or too many runs are waiting
   */
  submit(request: RunRequest): Promise<Submitted> {
    return this.#once(request.idempotencyKey, () => this.#request(request, request.kind));
  }

  /** Writes a run to the log for one file that a person sends; `open` is called when its turn comes. */
  upload({ name, open, ...request }: UploadRequest): Promise<Submitted> {
    return this.#once(
      request.idempotencyKey,
      () => this.#request({ ...request, selection: { upload: name } }, "upload", open),
    );
  }

  /**
   * Cancels a run, waiting or in progress; resolves when the cancellation is on the log.
   * @throws RunCommandRefused when the run is not of this process, or has ended
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

  /** The current state of a run; null when it is not one of this process's runs. */
  get(runId: string): RunState | null {
    return this.#runs.get(runId)?.state ?? null;
  }

  /** The run that a run of this process waits for; null when it does not wait for another. */
  behind(runId: string): string | null {
    const run = this.#runs.get(runId);
    return run === undefined ? null : this.#lanes[run.state.kind].before(runId);
  }

  /**
   * Passes every event of this process's runs, with the state after it, to `watcher`; the returned function unsubscribes. A watcher
   * must return quickly; one that throws is reported and kept.
   */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Resolves with the run when it has ended. Rejects with the signal's reason, or the stop's reason if the process stops first.
   * @throws RunCommandRefused when the run is not of this process
   */
  async waitFor(runId: string, signal?: AbortSignal): Promise<RunState> {
    const state = this.get(runId);
    if (state === null) throw new RunCommandRefused(`run ${runId} is not at work here`);
    if (isFinished(state)) return state;
    const ending = AbortSignal.any([
      this.#stopping.signal,
      ...signal === undefined ? [] : [signal],
    ]);
    ending.throwIfAborted();
    const ended = Promise.withResolvers<RunState>();
    const abort = () => ended.reject(ending.reason);
    ending.addEventListener("abort", abort, { once: true });
    const unwatch = this.watch((event, after) => {
      if (event.runId === runId && isFinished(after)) ended.resolve(after);
    });
    try {
      return await ended.promise;
    } finally {
      unwatch();
      ending.removeEventListener("abort", abort);
    }
  }

  /** Pauses everything: runs in progress stop where they are and continue at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the process stops"));
    await Promise.all(Object.values(this.#lanes).map((lane) => lane.close()));
  }

  async #request(
    request: Omit<RunRequest, "kind">,
    kind: RunKind,
    open?: OpenFile,
  ): Promise<Submitted> {
    this.#stopping.signal.throwIfAborted();
    if (request.requestedBy !== "schedule") this.#options.assertRoom?.();
    const { waiting } = this.#lanes[kind];
    if (waiting >= MAX_WAITING_RUNS) {
      throw new TransientError(`${waiting} ${kind} runs are waiting already`, {
        hint: "wait until some have ended, or cancel some",
      });
    }
    const { selection, requestedBy, idempotencyKey = null } = request;
    const run = this.#activeRun(newRunId(this.#options.now().getTime()), null, kind);
    await run.apply({ type: "request", kind, selection, requestedBy, idempotencyKey }, "none");
    if (open !== undefined) this.#uploads.set(run.runId, open);
    // The leader picks the run up from the log.
    if (open !== undefined || this.#leading !== null) this.#enqueue(run);
    return { run: run.state, isNew: true };
  }

  async #once(
    key: string | null = null,
    request: () => Promise<Submitted>,
  ): Promise<Submitted> {
    const find = async (key: string) => {
      const earlier = await this.#options.history.findByIdempotencyKey(key);
      // On the log, but not started: its acknowledgement was lost, and the caller repeats the request.
      if (earlier?.status === "requested") this.adopt(earlier);
      return earlier;
    };
    const { run, isNew } = await this.#requests.once(key, find, request);
    return { run: isNew ? run : this.get(run.runId) ?? run, isNew };
  }

  #activeRun(runId: string, state: RunState | null, kind: RunKind): ActiveRun {
    const { journal, observe, now, signal } = this.#options;
    const signals = [this.#stopping.signal, ...(signal === undefined ? [] : [signal])];
    // An upload is of this process, whoever leads.
    const leading = kind === "upload" ? null : this.#leading;
    if (leading !== null) signals.push(leading.ending.signal);
    return new ActiveRun(runId, state, {
      ...leading !== null && { term: leading },
      journal,
      observe,
      now,
      stopping: AbortSignal.any(signals),
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

  #enqueue(run: ActiveRun): void {
    const { runId, state: { kind } } = run;
    this.#runs.set(runId, run);
    this.#lanes[kind].push(run);
    const behind = this.behind(runId);
    if (behind !== null) this.#options.observe("run.queued", { runId, kind, behind });
  }

  async #workOn(run: ActiveRun): Promise<void> {
    if (!isFinished(run.state)) {
      const publisher = withGate(this.#options.publisher, () => run.assertMayWrite());
      await workOn(run, this.#uploads.get(run.runId) ?? null, { ...this.#options, publisher });
    }
    this.#uploads.delete(run.runId);
    this.#forgetEnded();
  }

  #forgetEnded(): void {
    const ended = [...this.#runs.values()].filter((run) => isFinished(run.state));
    for (const { runId, state } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_RUNS))) {
      this.#runs.delete(runId);
      if (state.idempotencyKey !== null) this.#requests.forget(state.idempotencyKey);
    }
  }
}
