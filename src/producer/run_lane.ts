/** A lane of work: one run at a time. A run in progress goes first, then the oldest: ids of runs sort by time. */
import { isFinished, type RunState } from "../runs/run.ts";
import type { ActiveRun } from "./active_run.ts";

export class RunLane {
  readonly #workOn: (run: ActiveRun) => Promise<void>;
  readonly #waiting: ActiveRun[] = [];
  /** A separate flag beside the promise `#work`, because it must change in the same turn in which the last run ends. */
  #isBusy = false;
  #current: ActiveRun | null = null;
  #work: Promise<void> = Promise.resolve();

  /** `workOn` never rejects. */
  constructor(workOn: (run: ActiveRun) => Promise<void>) {
    this.#workOn = workOn;
  }

  /** How many runs wait behind the current one. */
  get waiting(): number {
    return this.#waiting.length;
  }

  push(run: ActiveRun): void {
    const at = this.#waiting.findLastIndex(({ state }) => !isBefore(run.state, state));
    this.#waiting.splice(at + 1, 0, run);
    if (!this.#isBusy) this.#work = this.#workThrough();
  }

  /** The run that a waiting one waits for; null when it is not waiting, or is the next. */
  before(runId: string): string | null {
    const at = this.#waiting.findIndex((run) => run.runId === runId);
    if (at === -1) return null;
    const ahead = [this.#current, ...this.#waiting.slice(0, at)];
    return ahead.findLast((run) => run !== null && !isFinished(run.state))?.runId ?? null;
  }

  /** Drops the waiting runs, and resolves when the current one has ended or paused. */
  close(): Promise<void> {
    this.#waiting.length = 0;
    return this.#work;
  }

  async #workThrough(): Promise<void> {
    this.#isBusy = true;
    for (let run = this.#waiting.shift(); run !== undefined; run = this.#waiting.shift()) {
      this.#current = run;
      await this.#workOn(run);
    }
    this.#current = null;
    this.#isBusy = false;
  }
}

function isBefore(a: RunState, b: RunState): boolean {
  if (a.status !== b.status) return a.status === "running";
  return a.runId < b.runId;
}
