/**
 * A lane of work: one run at a time, in the order in which they came.
 */
import type { ActiveRun } from "./active_run.ts";

export class RunLane {
  readonly #workOn: (run: ActiveRun) => Promise<void>;
  readonly #waiting: ActiveRun[] = [];
  /** Told apart from `#work`, the promise of it, because it must change in the turn of the last run. */
  #isBusy = false;
  #work: Promise<void> = Promise.resolve();

  /** `workOn` never rejects. */
  constructor(workOn: (run: ActiveRun) => Promise<void>) {
    this.#workOn = workOn;
  }

  /** How many runs wait behind the one at work. */
  get waiting(): number {
    return this.#waiting.length;
  }

  push(run: ActiveRun): void {
    this.#waiting.push(run);
    if (!this.#isBusy) this.#work = this.#workThrough();
  }

  /** Lets go of the runs that wait, and resolves when the one at work has come to its end or pause. */
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
