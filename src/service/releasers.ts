/**
 * What must be released when the service stops, in the reverse order of its making.
 *
 * Every part adds its release the moment it exists, so a boot that fails half-way releases exactly what it made.
 */
import { explain } from "../failures/failures.ts";

/** A release that takes longer is left behind: a stop must end before a container platform's patience (90 s in fly.toml). */
export const RELEASE_TIMEOUT_MS = 30_000;

interface Releaser {
  readonly name: string;
  readonly release: () => Promise<void> | void;
}

export class Releasers {
  readonly #stack: Releaser[] = [];
  readonly #onProblem: (name: string, reason: string) => void;

  /** `onProblem` is told of releases that fail or take too long; the others go on. */
  constructor(onProblem: (name: string, reason: string) => void) {
    this.#onProblem = onProblem;
  }

  add(name: string, release: () => Promise<void> | void): void {
    this.#stack.push({ name, release });
  }

  /** Releases everything, last made first. Never rejects; a second call has nothing left to do. */
  async release(timeout_ms = RELEASE_TIMEOUT_MS): Promise<void> {
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      const { name, release } = next;
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        await Promise.race([
          Promise.resolve(release()),
          new Promise<never>((_, reject) => {
            timer = setTimeout(
              () => reject(new Error(`not done after ${timeout_ms} ms`)),
              timeout_ms,
            );
          }),
        ]);
      } catch (error) {
        this.#onProblem(name, explain(error));
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
