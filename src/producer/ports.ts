/** What the producer needs from other modules. The service passes real implementations, tests pass their own. */
import type { FileIdentity, RunEvent } from "../runs/run_event.ts";
import type { RunState } from "../runs/run.ts";
import type { Leads } from "../runs/run_leader.ts";

/** Where the events of runs are written: the topic `ingestion_run`. */
export interface RunJournal {
  /**
   * Resolves when the event is durably in the log.
   * @throws TransientError when the outcome is unknown; writing the event again is safe, the fold applies an event once
   */
  append(event: RunEvent | Leads): Promise<void>;
}

/** What earlier runs left behind. It must not lag behind the journal when the engine starts. */
export interface RunHistory {
  /**
   * Runs that were requested or running when the last process stopped. Waits until the history has caught up with the journal, or
   * `until` aborts.
   */
  unfinished(until: AbortSignal): Promise<readonly RunState[]>;
  /** Runs that no process has started, except uploads, oldest first; as far as the history has got. */
  requested(): Promise<readonly RunState[]>;
  /** Those of the given runs that have ended; as far as the history has got. */
  ended(runIds: readonly string[]): Promise<readonly RunState[]>;
  /** One run, or null; as far as the history has got. */
  find(runId: string): Promise<RunState | null>;
  /**
   * By path: the identity with which a file was last extracted, or later found unchanged (a `file_skipped` with an
   * identity). Files never extracted are absent.
   */
  identities(paths: readonly string[]): Promise<ReadonlyMap<string, FileIdentity>>;
  /** The run requested with this Idempotency-Key, among all runs in the journal at the time of the call. */
  findByIdempotencyKey(key: string): Promise<RunState | null>;
}

/**
 * Runs `work` while no other process or caller runs any for this key. `work` calls `assertLockHeld` before any step that must not
 * be repeated.
 * @throws TransientError when the key does not become free in time, or the lock is unavailable
 */
export type WithKeyLock = <Answer>(
  key: string,
  work: (assertLockHeld: () => Promise<void>) => Promise<Answer>,
) => Promise<Answer>;
