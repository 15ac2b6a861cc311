/** A lane of work: one run at a time, in order of arrival. */
import type { ActiveRun } from "./active_run.ts";

export class RunLane {
  readonly #workOn: (run: ActiveRun) => Promise<void>;
  readonly #waiting: ActiveRun[] = [];
  /** A separate flag beside the promise `#work`, because it must change in the same turn in which the last run ends. */
  #isBusy = false;
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
    this.#waiting.push(run);
    if (!this.#isBusy) this.#work = this.#workThrough();
  }

  /** Drops the waiting runs, and resolves when the current one has ended or paused. */
  close(): Promise<void> {
    this.#waiting.length = 0;
    return this.#work;
  }

  async #workThrough(): Promise<void> {
    this.#isBusy = true;
    for (let run = this.#waiting.shift(); run !== undefined; run = this.#waiting.shift()) {
      await this.#workOn(run);
    }
    this.#isBusy = false;
  }
}
