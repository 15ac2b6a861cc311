/**
 * Tells a new log about the runs: events that fold to what is stored of them (runs/retell_run.ts), in the order of the old log, so that the
 * latest reading of each file is the latest again.
 *
 * The events are the same each time, so an interrupted retelling goes on after the last event that the log has: each record says which it is.
 */
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { HEADERS, INGESTION_RUN } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { NextOffsets, RunEvent } from "../runs/run_event.ts";
import { keyOf, type RunEventRecord, toRecord } from "../runs/run_event_record.ts";
import type { Leads } from "../runs/run_leader.ts";
import { RunRetelling, type RunToRetell } from "../runs/retell_run.ts";
import type { Sql } from "../store/connection.ts";
import { readRunLeader } from "../store/run_leader.ts";
import { readRunState } from "../store/run_states.ts";
import { readLostFiles, readRunsWithoutHistory, streamRunHistory } from "../store/stored_runs.ts";

export interface RetellRunsOptions {
  readonly sql: Sql;
  readonly publisher: Pick<Publisher, "publishEach" | "schemaId">;
  /** Per partition of `trajectory_summary_raw`: an offset of the new log behind all records of all runs. */
  readonly ends: NextOffsets;
  /** How much of the old log was loaded, per partition of the same topic. */
  readonly loaded: ReadonlyMap<number, bigint>;
  /** Events that the log has already from an interrupted retelling. */
  readonly skip: number;
  readonly signal: AbortSignal;
}

export interface RetoldRuns {
  readonly runs: number;
  readonly events: number;
  /** Files that have to be read again, because their records were lost with the log. */
  readonly lostFiles: number;
}

/** An event has some hundred bytes; that of a plan has a name of 50 bytes for each of some thousand files. */
const EVENTS_PER_PUBLISH = 500;

/** @throws TransientError when broker or database are unavailable, the signal's reason */
export async function retellRuns(options: RetellRunsOptions): Promise<RetoldRuns> {
  const { sql, signal } = options;
  const lost = Map.groupBy(await readLostFiles(sql), ({ runId }) => runId);
  const lostOf = (runId: string) => new Set((lost.get(runId) ?? []).map(({ file }) => file));
  const events = new EventLog(options);
  const begun = new Map<string, RunRetelling>();
  const ended = new Set<string>();

  const retellingOf = async (runId: string): Promise<RunRetelling | null> => {
    const known = begun.get(runId);
    if (known !== undefined) return known;
    const stored = await readRunState(sql, runId);
    if (stored === null) return null;
    const isBehind = Object.entries(stored.nextOffsets).some(([partition, next]) =>
      BigInt(next) > (options.loaded.get(Number(partition)) ?? 0n)
    );
    const run: RunToRetell = { stored, lostFiles: lostOf(runId), isBehind, ends: options.ends };
    const retelling = new RunRetelling(run);
    begun.set(runId, retelling);
    return retelling;
  };

  let runs = 0;
  for (const runId of await readRunsWithoutHistory(sql)) {
    const retelling = await retellingOf(runId);
    begun.delete(runId);
    if (retelling === null) continue;
    await events.append(retelling.end());
    runs++;
  }
  for await (const entries of streamRunHistory(sql)) {
    signal.throwIfAborted();
    for (const entry of entries) {
      if (ended.has(entry.runId)) continue;
      const retelling = await retellingOf(entry.runId);
      if (retelling === null) continue;
      await events.append(retelling.take(entry));
      if (!retelling.isEnded) continue;
      // Its state is no longer needed: only runs that overlap are in memory together.
      begun.delete(entry.runId);
      ended.add(entry.runId);
    }
  }
  for (const retelling of begun.values()) await events.append(retelling.end());
  // The epochs go on: what a process with an old one still writes to the new log is refused there, too. The events told again have none.
  const leader = await readRunLeader(sql);
  if (leader !== null) {
    await events.append([
      { type: "leads", at: leader.since, epoch: leader.epoch, owner: leader.owner },
    ]);
  }
  await events.flush();
  runs += ended.size + begun.size;
  const lostFiles = [...lost.values()].reduce((sum, files) => sum + files.length, 0);
  return { runs, events: events.count, lostFiles };
}

const codec = createValueCodec<RunEventRecord>(INGESTION_RUN);
/** The value of `gmn-republished` on the n-th event, from 0. */
export const retoldMark = (at: number): string => `refill ${at}`;
const RETOLD_MARK = /^refill (\d+)$/;

/** The number of an event by its mark; null when it has none. */
export function retoldNumber(mark: string): number | null {
  const found = RETOLD_MARK.exec(mark);
  return found === null ? null : Number(found[1]);
}

/** Publishes events in portions, except those that the log already has. */
class EventLog {
  count = 0;
  #pending: OutgoingRecord[] = [];

  constructor(private readonly options: RetellRunsOptions) {}

  async append(events: readonly (RunEvent | Leads)[]): Promise<void> {
    const { publisher, skip } = this.options;
    for (const event of events) {
      const at = this.count++;
      if (at < skip) continue;
      this.#pending.push({
        key: keyOf(event),
        value: codec.encode(toRecord(event), publisher.schemaId(INGESTION_RUN)),
        timestamp: event.at,
        partition: 0,
        headers: { [HEADERS.republished]: retoldMark(at) },
      });
    }
    if (this.#pending.length >= EVENTS_PER_PUBLISH) await this.flush();
  }

  async flush(): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    if (records.length > 0) await this.options.publisher.publishEach(INGESTION_RUN, records);
  }
}
