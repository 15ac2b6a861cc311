/** Run records for the engine, from PostgreSQL: which runs are unfinished, and what is loaded. */
import process from "node:process";
import { hostname } from "node:os";
import { TransientError, wait } from "@gmn/failures";
import type { NextOffsets } from "../runs/run_event.ts";
import { INGESTION_RUN, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { LogProbe } from "../events/log_probe.ts";
import { accountRows, type RowAccounts } from "../runs/row_accounts.ts";
import { countPublished, type RunState } from "../runs/run.ts";
import type { RunHistory } from "../producer/ports.ts";
import type { Sql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { readRecordCounts } from "../store/run_counts.ts";
import {
  readEndedRunStates,
  readLastDailyRequest,
  readRequestedRunStates,
  readRunState,
  readRunStateByKey,
  readUnfinishedRunStates,
} from "../store/run_states.ts";
import { readSourceFiles } from "../store/source_files.ts";

/**
 * Between two queries to the database while waiting for the sink: first short, because a run waits for its own first events before it
 * plans its files, and those are loaded within milliseconds; then longer and longer.
 */
const LOOK_FIRST_MS = 5;
const LOOK_INTERVAL_MS = 100;

/** How long a run waits for the projection of earlier runs; after that it may read an unchanged file again. */
const PROJECTION_PATIENCE_MS = 5_000;

/** Name of this process in the events of the runs it works on. */
export const OWNER = `${hostname()}:${process.pid}`;

/** Waits until the sink has passed these offsets of a topic. @throws the signal's reason when it aborts first */
async function waitForOffsets(
  sql: Sql,
  topic: string,
  nextOffsets: ReadonlyMap<number, bigint>,
  signal: AbortSignal,
): Promise<void> {
  for (let pause_ms = LOOK_FIRST_MS;; pause_ms = Math.min(2 * pause_ms, LOOK_INTERVAL_MS)) {
    const stored = await readOffsets(sql, topic);
    const isThere = [...nextOffsets].every(([partition, next]) =>
      (stored.get(partition) ?? 0n) >= next
    );
    if (isThere) return;
    await wait(pause_ms, signal);
  }
}

/** Waits until the sink has passed everything that is in a topic now. @throws the signal's reason when it aborts first */
export async function waitForTopic(
  sql: Sql,
  probe: LogProbe,
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  const marks = (await probe.watermarks([topic])).get(topic) ?? new Map();
  const ends = new Map([...marks].map(([partition, { high }]) => [partition, high]));
  await waitForOffsets(sql, topic, ends, signal);
}

/** Waits until all rows of a run are in the data store (or in the dead letters). */
export async function waitForRows(
  sql: Sql,
  nextOffsets: NextOffsets,
  signal: AbortSignal,
): Promise<void> {
  const offsets = new Map(
    Object.entries(nextOffsets).map(([partition, next]) => [Number(partition), BigInt(next)]),
  );
  await waitForOffsets(sql, TRAJECTORY_SUMMARY_RAW.name, offsets, signal);
}

/** Waits until the sink has passed all records of a run, and says what became of its published rows. */
export async function loadedRows(
  sql: Sql,
  state: RunState,
  signal: AbortSignal,
): Promise<RowAccounts> {
  await waitForRows(sql, state.nextOffsets, signal);
  return accountRows(countPublished(state), await readRecordCounts(sql, state.runId), true);
}

/** Requested runs taken up per check; further runs wait for the next check. */
const REQUESTED_MAX = 100;

/** Earlier runs as the engine and the schedule see them. */
export interface RunRecords extends RunHistory {
  /** When a daily run was last requested; waits, up to a limit, until the projection has caught up. */
  lastDailyRequest(): Promise<Date | null>;
  /** Waits, up to a limit, until everything that is in the journal now is on record. */
  caughtUp(): Promise<void>;
}

/** The recorded runs. `signal` aborts when the process stops. */
export function createRunHistory(sql: Sql, probe: LogProbe, signal: AbortSignal): RunRecords {
  /** Waits until the projection has seen everything that is in the journal now. */
  const caughtUp = (until: AbortSignal) =>
    waitForTopic(sql, probe, INGESTION_RUN.name, AbortSignal.any([signal, until]));
  /** The same with a time limit: without a consumer the projection never catches up. */
  const caughtUpInTime = () => caughtUp(AbortSignal.timeout(PROJECTION_PATIENCE_MS));
  const patiently = () => caughtUpInTime().catch(() => signal.throwIfAborted());
  return {
    async unfinished(until) {
      await caughtUp(until);
      const states = await readUnfinishedRunStates(sql);
      return states.filter((state) => !isUploadOfLivingProcess(state));
    },
    requested: () => readRequestedRunStates(sql, REQUESTED_MAX),
    ended: (runIds) => readEndedRunStates(sql, runIds),
    find: (runId) => readRunState(sql, runId),
    async identities(paths) {
      // A run that has just ended may not be projected yet.
      await patiently();
      return await readSourceFiles(sql, paths);
    },
    async findByIdempotencyKey(key) {
      // Right after a crash the run may be on the log but not on record; a second run for its key would be worse than waiting.
      await caughtUpInTime().catch((error) => {
        signal.throwIfAborted();
        throw new TransientError(
          "the history of runs is still being read, so it is not known yet whether this key was used before",
          {
            cause: error,
            hint: "try again in a moment, or without an Idempotency-Key",
          },
        );
      });
      return await readRunStateByKey(sql, key);
    },
    caughtUp: patiently,
    async lastDailyRequest() {
      await patiently();
      return await readLastDailyRequest(sql);
    },
  };
}

/** The file of an upload exists only in the process that received it: only that process can work on the run. */
function isUploadOfLivingProcess({ kind, owner }: RunState): boolean {
  if (kind !== "upload" || owner === null) return false;
  const [host, pid] = owner.split(":");
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}
