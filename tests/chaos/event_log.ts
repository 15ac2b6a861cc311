/** Everything that the service's processes have logged, in the order in which it was read, to be waited for. */

/** One line of a service's log. */
export interface Logged {
  /** Which process said it. */
  readonly process: string;
  readonly event: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly matches: (logged: Logged) => boolean;
  readonly resolve: () => void;
}

export class EventLog {
  readonly #logged: Logged[] = [];
  readonly #waiting = new Set<Waiting>();

  /** How many there are: a place from which to look. */
  get length(): number {
    return this.#logged.length;
  }

  /** Those from this place on. */
  since(place: number): readonly Logged[] {
    return this.#logged.slice(place);
  }

  add(logged: Logged): void {
    this.#logged.push(logged);
    for (const waiting of [...this.#waiting]) {
      if (waiting.matches(logged)) waiting.resolve();
    }
  }

  /** Resolves with true at the `nth` event of this name from `place` on, with false after `limit_ms` or when `signal` aborts. */
  nth(
    place: number,
    name: string,
    nth: number,
    limit_ms: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    let left = nth - this.since(place).filter(({ event }) => event === name).length;
    if (left <= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (isThere: boolean) => {
        this.#waiting.delete(waiting);
        clearTimeout(timer);
        signal.removeEventListener("abort", given);
        resolve(isThere);
      };
      const given = () => end(false);
      const timer = setTimeout(given, limit_ms);
      signal.addEventListener("abort", given);
      const waiting: Waiting = {
        matches: ({ event }) => event === name && --left <= 0,
        resolve: () => end(true),
      };
      this.#waiting.add(waiting);
    });
  }
}
