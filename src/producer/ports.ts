/** What the producer needs of other modules, and nothing else. The service gives it the real ones, tests their own. */
import type { FileIdentity, RunEvent } from "../runs/run_event.ts";
import type { RunState } from "../runs/run.ts";

/** Where the events of runs are written: the topic `ingestion_run`. */
export interface RunJournal {
  /**
   * Resolves when the event is in the log for good.
   * @throws TransientError when nobody knows; writing it again is right, the fold takes an event once
   */
  append(event: RunEvent): Promise<void>;
}

/** What earlier runs left behind. It must not lag behind the journal when the engine starts. */
export interface RunHistory {
  /**
   * Runs that were requested or running when the last process stopped. It waits until the history has caught up with the
   * journal, or `until` aborts.
   */
  unfinished(until: AbortSignal): Promise<readonly RunState[]>;
  /** Runs that nobody has begun, uploads left out, oldest first; as far as the history has got. */
  requested(): Promise<readonly RunState[]>;
  /** Those of these runs that have ended; as far as the history has got. */
  ended(runIds: readonly string[]): Promise<readonly RunState[]>;
  /** One run, or null; as far as the history has got. */
  find(runId: string): Promise<RunState | null>;
  /**
   * By path: the identity with which a file was last extracted, or later found unchanged (a `file_skipped` with an
   * identity). Files never extracted are absent.
   */
  identities(paths: readonly string[]): Promise<ReadonlyMap<string, FileIdentity>>;
  /** The run that was requested with this Idempotency-Key, of all that are in the journal when it is asked. */
  findByIdempotencyKey(key: string): Promise<RunState | null>;
}

/**
 * Does `work` while nobody else, in whatever process, does any for this key. Work asks `assertLockHeld` before what must not be done
 * twice.
 * @throws TransientError when the key is not free in time, or nobody can be asked
 */
export type WithKeyLock = <Answer>(
  key: string,
  work: (assertLockHeld: () => Promise<void>) => Promise<Answer>,
) => Promise<Answer>;
