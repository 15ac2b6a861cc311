/** Notices when all rows of a run are loaded, reports it, and withdraws trajectories that the run's files no longer have. */
import { explain } from "@gmn/failures";
import type { Publisher } from "../events/publisher.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { retryWhileAway } from "../observe/retries.ts";
import type { RunEngine } from "../producer/run_engine.ts";
import { Withdrawals } from "../producer/withdrawals.ts";
import { type RowAccounts } from "../runs/row_accounts.ts";
import { isFinished, type RunState } from "../runs/run.ts";
import type { Sql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { lookAtFile, readChangedFiles } from "../store/file_generations.ts";
import { loadedRows, type RunRecords } from "./run_access.ts";
import type { Wiring } from "./parts.ts";

export interface LoadedWatchOptions {
  readonly engine: RunEngine;
  readonly sql: Sql;
  readonly observe: Observe;
  readonly withdrawals: Withdrawals;
  readonly signal: AbortSignal;
}

/** Reports when all rows of a run that has ended are in the data store. The returned function stops this. */
export function watchLoaded(options: LoadedWatchOptions): () => void {
  const { engine, observe, signal } = options;
  return engine.watch((event, state) => {
    if (event.type !== "completed" && event.type !== "failed") return;
    if (!isFinished(state)) return;
    reportWhenLoaded(state, options).catch((error) => {
      if (signal.aborted) return;
      const message = `waiting for ${state.runId}: ${explain(error)}`;
      observe("log.client", { level: "warning", message });
    });
  });
}

async function reportWhenLoaded(state: RunState, options: LoadedWatchOptions): Promise<void> {
  const { engine, sql, observe, withdrawals, signal } = options;
  const { runId, kind, requestedAt } = state;
  const waiting = { observe, part: "database", what: "waiting for a run's rows", signal } as const;
  // However often the database is lost meanwhile: nobody else reports this run.
  const rows = await retryWhileAway(waiting, () => loadedRows(sql, state, signal));
  const took_ms = Date.now() - requestedAt.getTime();
  observe("run.loaded", { runId, kind, ...totalsOf(rows), took_ms });
  if (engine.isLeading) await withdrawals.settle();
}

function totalsOf(rows: RowAccounts) {
  return {
    rowsLoaded: rows.loaded,
    rowsDead: rows.dead,
    rowsNew: rows.new,
    rowsChanged: rows.changed,
    rowsRepeated: rows.repeated,
    rowsStale: rows.stale,
    rowsDuplicate: rows.duplicate,
  };
}

/** Creates the withdrawals for this database and this log. */
export function createWithdrawals(
  { store: { sql }, observe, signal }: Wiring,
  records: RunRecords,
  publisher: Publisher,
): Withdrawals {
  return new Withdrawals({
    generations: {
      async changed() {
        // The record of which files were read to their end is on another topic than their rows.
        await records.caughtUp();
        return await readChangedFiles(sql);
      },
      look: (file, neighbours) => lookAtFile(sql, file, neighbours),
      loaded: () => readOffsets(sql, TRAJECTORY_SUMMARY_RAW.name),
    },
    publisher,
    observe,
    signal,
  });
}
