/**
 * A run this process works on: its state in memory, kept equal to what the journal has.
 *
 * Commands go through `apply`, one at a time: decide, write each event, then fold it into the state. So the state never shows what
 * is not in the log, and if a cancellation comes between two commands of the worker, the second command sees it.
 */
import { TransientError } from "@gmn/failures";
import { type Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import {
  ATTEMPTS_MAX,
  countFiles,
  countRows,
  evolve,
  isFinished,
  type RunState,
} from "../runs/run.ts";
import { decide, type RunCommand } from "../runs/run_decide.ts";
import type { RowCounts, RunEvent } from "../runs/run_event.ts";
import { describeSelection } from "../runs/selection.ts";
import type { RunJournal } from "./ports.ts";
import type { Term } from "./run_leadership.ts";

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A command without the fields that every command has. */
export type Asked = Without<RunCommand, "runId" | "at">;

/** Why a run's signal aborted: the run was cancelled. */
export class RunCancelled extends Error {
  override readonly name = "RunCancelled";
}

export interface ActiveRunOptions {
  readonly journal: RunJournal;
  readonly observe: Observe;
  readonly now: () => Date;
  /** Aborts when the process stops or no longer leads: the run is paused. */
  readonly stopping: AbortSignal;
  /** The term in which this process works on it; left out when it does so whether it leads or not. */
  readonly term?: Term;
  /** Called with every event after it is written, and with the state that results. */
  readonly onEvent: (event: RunEvent, state: RunState) => void;
}

export class ActiveRun {
  readonly runId: string;
  /** Aborts when the run is cancelled or the process stops. */
  readonly signal: AbortSignal;
  readonly #options: ActiveRunOptions;
  readonly #cancelled = new AbortController();
  #state: RunState | null;
  #tail: Promise<unknown> = Promise.resolve();

  /** `state` is null for a run that has not been requested yet. */
  constructor(runId: string, state: RunState | null, options: ActiveRunOptions) {
    this.runId = runId;
    this.#state = state;
    this.#options = options;
    this.signal = AbortSignal.any([this.#cancelled.signal, options.stopping]);
  }

  /** @throws Error before the run is requested */
  get state(): RunState {
    if (this.#state === null) throw new Error(`run ${this.runId} is not requested yet`);
    return this.#state;
  }

  /** The epoch in which this process works on it; null when it does so whether it leads or not. */
  get epoch(): number | null {
    return this.#options.term?.epoch ?? null;
  }

  /** @throws TransientError when this process no longer leads; the signal aborts soon */
  assertMayWrite(): void {
    const { term } = this.#options;
    if (term !== undefined && !term.isHeld()) {
      throw new TransientError("this process no longer leads");
    }
  }

  /** The current time, by the clock of the run's events. */
  now(): Date {
    return this.#options.now();
  }

  /**
   * Writes the events that follow from the command, and returns the new state. Waits while the journal is unavailable, until the
   * process stops; `patience: "none"` makes a single attempt (for a caller who waits for an answer).
   * @throws RunCommandRefused when the state does not allow the command
   */
  apply(asked: Asked, patience: "endless" | "none" = "endless"): Promise<RunState> {
    const work = this.#tail.then(async () => {
      const { runId, epoch } = this;
      // What a person asks for is valid whoever leads.
      const isOfLeader = asked.type !== "request" && asked.type !== "cancel" && epoch !== null;
      const of = { runId, at: this.#options.now(), ...isOfLeader && { epoch } };
      const command = { ...of, ...asked } as RunCommand;
      for (const event of decide(this.#state, command)) {
        await this.#write(event, patience);
        this.#state = evolve(this.#state, event);
        observeEvent(event, this.state, this.#options.observe);
        this.#options.onEvent(event, this.state);
      }
      return this.state;
    });
    this.#tail = work.catch(() => {});
    return work;
  }

  /** Cancels the run; its worker ends soon after. Cancelling a cancelled run changes nothing. */
  async cancel(reason: string): Promise<RunState> {
    const state = await this.apply({ type: "cancel", reason }, "none");
    this.#cancelled.abort(new RunCancelled(reason));
    return state;
  }

  /** Adopts the end that another process wrote to the log; the worker of this process ends soon after. */
  endedElsewhere(state: RunState): void {
    this.#tail = this.#tail.then(() => {
      if (isFinished(this.state)) return;
      this.#state = state;
      this.#options.onEvent(endOf(state), state);
    });
    this.#cancelled.abort(new RunCancelled(state.reason ?? state.status));
  }

  #write(event: RunEvent, patience: "endless" | "none"): Promise<void> {
    const { journal, observe, stopping: signal } = this.#options;
    const append = () => {
      if (event.epoch !== undefined) this.assertMayWrite();
      return journal.append(event);
    };
    if (patience === "none") return append();
    // Retries without limit: a run has nowhere else to record its events.
    const waiting = { observe, part: "broker", what: "the run journal", signal } as const;
    return retryWhileAway(waiting, async () => await append());
  }
}

/** The event that ended the run. */
function endOf({ runId, finishedAt, status, reason, nextOffsets }: RunState): RunEvent {
  const of = { runId, at: finishedAt ?? new Date(0) };
  if (status === "completed") return { type: "completed", ...of, nextOffsets };
  return { type: status === "failed" ? "failed" : "cancelled", ...of, reason: reason ?? "" };
}

function totals({ read, published, unchanged, rejected }: RowCounts) {
  return {
    rowsRead: read,
    rowsPublished: published,
    rowsUnchanged: unchanged,
    rowsRejected: rejected,
  };
}

/** Reports what happened to the run. */
function observeEvent(event: RunEvent, state: RunState, observe: Observe): void {
  const { runId, at } = event;
  const { kind } = state;
  switch (event.type) {
    case "requested":
      return observe("run.requested", {
        runId,
        kind,
        selection: describeSelection(event.selection),
      });
    case "started":
      return observe("run.started", { runId, kind, owner: event.owner });
    case "planned":
      return observe("run.planned", { runId, files: event.files.length });
    case "file_started": {
      const { size_bytes } = event.identity;
      return observe("file.started", { runId, file: event.file, size_bytes });
    }
    case "file_progress": {
      const { byteOffset } = event.checkpoint;
      return observe("file.progress", {
        runId,
        file: event.file,
        byteOffset,
        ...totals(event.rows),
      });
    }
    case "file_extracted": {
      const started = state.files?.get(event.file)?.startedAt ?? at;
      const took_ms = at.getTime() - started.getTime();
      return observe("file.extracted", { runId, file: event.file, took_ms, ...totals(event.rows) });
    }
    case "file_deferred": {
      const { file, attempt, reason, retryAt } = event;
      const attempts = ATTEMPTS_MAX;
      return observe("file.deferred", { runId, file, attempt, attempts, reason, retryAt });
    }
    case "file_skipped":
    case "file_failed": {
      const name = event.type === "file_skipped" ? "file.skipped" : "file.failed";
      return observe(name, { runId, file: event.file, reason: event.reason });
    }
    case "completed":
      return observe("run.completed", {
        runId,
        kind,
        files: countFiles(state).planned,
        took_ms: at.getTime() - (state.startedAt ?? at).getTime(),
        ...totals(countRows(state)),
      });
    case "failed":
      return observe("run.failed", { runId, kind, reason: event.reason });
    case "cancelled":
      return observe("run.cancelled", { runId, kind });
  }
}
