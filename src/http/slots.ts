/**
 * How many of something may be under way at once: what holds a connection or a queue for as long as a client likes.
 */
import { Problem } from "./problem.ts";

/** A number of places. */
export class Slots {
  readonly #what: string;
  readonly #max: number;
  #taken = 0;

  /** `what`: in the plural, for people. */
  constructor(what: string, max: number) {
    this.#what = what;
    this.#max = max;
  }

  /** Places in use. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a place; the returned function gives it back, once. @throws Problem when all are taken */
  take(): () => void {
    if (this.#taken >= this.#max) {
      throw new Problem(
        "too-many-requests",
        `${this.#max} ${this.#what} are under way, which is the most this service does at once; try again later`,
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
