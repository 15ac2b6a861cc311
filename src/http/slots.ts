/** Limits requests of a kind in progress, where each holds a connection or a queue for as long as its client likes. */
import { Problem } from "./problem.ts";

/** A fixed number of slots. */
export class Slots {
  readonly #what: string;
  readonly #max: number;
  #taken = 0;

  /** `what`: a plural noun for messages. */
  constructor(what: string, max: number) {
    this.#what = what;
    this.#max = max;
  }

  /** Slots in use. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a slot; the returned function releases it. @throws Problem when all are taken */
  take(): () => void {
    if (this.#taken >= this.#max) {
      throw new Problem(
        "too-many-requests",
        `${this.#max} ${this.#what} are under way, the most this service allows at once; try again later`,
      );
    }
    this.#taken++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#taken--;
      isHeld = false;
    };
  }
}
