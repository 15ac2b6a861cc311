/**
 * Makes one run of all requests with the same Idempotency-Key, including requests that arrive while the first is being written to
 * the log, in this process or another.
 */
import type { WithKeyLock } from "./ports.ts";

/** The result of a request. `isNew` is false when the key was known: then `run` is the run that the key stands for. */
export interface Once<Run> {
  readonly run: Run;
  readonly isNew: boolean;
}

export class OncePerKey<Run> {
  readonly #submitted = new Map<string, Promise<Once<Run>>>();
  readonly #withKeyLock: WithKeyLock;

  /** `withKeyLock` excludes other processes; omit it when there are none. */
  constructor(withKeyLock: WithKeyLock = (_key, work) => work(() => Promise.resolve())) {
    this.#withKeyLock = withKeyLock;
  }

  /**
   * Returns the result of `request`, or of the first request with this key. `find` looks the key up among all runs written before
   * it is called, by any process.
   * A failed request does not use up the key.
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
    // A run of another process is looked up again next time, for its current state.
    submitting.then(({ isNew }) => isNew, () => false)
      .then((isNew) => isNew || this.#submitted.delete(key));
    return submitting;
  }

  /** Drops the run from memory; `find` finds it from now on. */
  forget(key: string): void {
    this.#submitted.delete(key);
  }
}
