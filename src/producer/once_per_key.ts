/**
 * Makes one run of all requests with the same Idempotency-Key, including those that arrive while the first is being written to the
 * log, in this process or another.
 */
import type { WithKeyLock } from "./ports.ts";

/** What a request led to. `isNew` is false when the key was known: then the run is the one it stood for. */
export interface Once<Run> {
  readonly run: Run;
  readonly isNew: boolean;
}

export class OncePerKey<Run> {
  readonly #submitted = new Map<string, Promise<Once<Run>>>();
  readonly #withKeyLock: WithKeyLock;

  /** `withKeyLock` keeps other processes out; without it there are none. */
  constructor(withKeyLock: WithKeyLock = (_key, work) => work(() => Promise.resolve())) {
    this.#withKeyLock = withKeyLock;
  }

  /**
   * What `request` gives, or gave to the first with this key. `find` looks for the key among all that was written before it is
   * called, by whomever.
   * A failed request counts as not made, and the key is free again.
   */
  once(
    key: string | null,
    find: (key: string) => Promise<Run | null>,
    request: () => Promise<Once<Run>>,
  ): Promise<Once<Run>> {
    if (key === null) return request();
    const known = this.#submitted.get(key);
    if (known !== undefined) return known.then(({ run }) => ({ run, isNew: false }));
    const submitting = this.#withKeyLock(key, async (assertLockHeld) => {
      const earlier = await find(key);
      if (earlier !== null) return { run: earlier, isNew: false };
      await assertLockHeld();
      return await request();
    });
    this.#submitted.set(key, submitting);
    // A run of another process is looked up again next time, in its state then.
    submitting.then(({ isNew }) => isNew, () => false)
      .then((isNew) => isNew || this.#submitted.delete(key));
    return submitting;
  }

  /** The run is found by `find` from now on. */
  forget(key: string): void {
    this.#submitted.delete(key);
  }
}
