/**
 * Writes run events from the log to `ingestion_run`, `ingestion_run_file`, `ingestion_run_event` and `ingestion_file`: the
 * projections that queries read.
 *
 * The fold is that of `runs` (`evolve`). An event that this version can't read changes nothing, nor does one of a process that no longer led
 * when it was appended (`runs/run_leader.ts`).
 */
import { createValueReader, readRecords, type TopicSink } from "../events/topic_sink.ts";
import { INGESTION_RUN } from "../events/topics.ts";
import { evolve, type RunState } from "../runs/run.ts";
import type { RunEvent } from "../runs/run_event.ts";
import { fromRecord, leadsFromRecord, type RunEventRecord } from "../runs/run_event_record.ts";
import { historyEntry } from "../runs/run_history.ts";
import { evolveLeader, isFenced, type Leads, type RunLeader } from "../runs/run_leader.ts";
import { writeAtOffset } from "../store/consumer_offsets.ts";
import type { TransactionSql } from "../store/connection.ts";
import { pipelined } from "../store/pipelined.ts";
import { type StoredRunEvent, writeRunHistory } from "../store/run_history.ts";
import { readRunLeader, writeRunLeader } from "../store/run_leader.ts";
import { readRunState, writeRunState } from "../store/run_states.ts";
import { recordExtraction, recordUnchanged } from "../store/source_files.ts";
import type { ProjectionOptions } from "./sink.ts";

/** The sink of `ingestion_run`. */
export function createRunSink({ sql, registry, observe }: ProjectionOptions): TopicSink {
  const decode = createValueReader<RunEventRecord>(INGESTION_RUN, registry);
  return {
    topic: INGESTION_RUN.name,
    async store(batch) {
      const events = await readRecords(batch, observe, async (record) => {
        const decoded = await decode(record);
        return { event: leadsFromRecord(decoded) ?? fromRecord(decoded), offset: record.offset };
      });
      let fenced: FencedEvent[] = [];
      await writeAtOffset(sql, batch, async (transaction) => {
        const found = await fence(transaction, events);
        fenced = found.fenced;
        await write(transaction, found.valid);
      });
      for (const { event, leader } of fenced) {
        const { runId, type, epoch = 0 } = event;
        observe("run.event_fenced", { runId, type, epoch, leader: leader.epoch });
      }
    },
  };
}

/** An event; null when it has a type that only a newer version knows. */
interface LoggedEvent<Event = Leads | RunEvent | null> {
  readonly event: Event;
  readonly offset: bigint;
}

/** An event of a process that no longer led. */
interface FencedEvent {
  readonly event: RunEvent;
  readonly leader: RunLeader;
}

/** Stores who leads, and separates the events of runs from those of processes that no longer led. */
async function fence(
  sql: TransactionSql,
  events: readonly LoggedEvent[],
): Promise<{ readonly valid: LoggedEvent<RunEvent>[]; readonly fenced: FencedEvent[] }> {
  const valid: LoggedEvent<RunEvent>[] = [];
  const fenced: FencedEvent[] = [];
  const hasEpochs = events.some(({ event }) => event?.epoch !== undefined);
  const before = hasEpochs ? await readRunLeader(sql) : null;
  let leader = before;
  for (const { event, offset } of events) {
    if (event === null) continue;
    leader = evolveLeader(leader, event);
    if (event.type === "leads") continue;
    if (leader !== null && isFenced(leader, event)) fenced.push({ event, leader });
    else valid.push({ event, offset });
  }
  if (leader !== null && leader !== before) await writeRunLeader(sql, leader);
  return { valid, fenced };
}

async function write(
  sql: TransactionSql,
  events: readonly LoggedEvent<RunEvent>[],
): Promise<void> {
  const states = new Map<string, RunState | null>();
  // An event that changed nothing (because it is in the log twice) is not part of the history.
  const history: StoredRunEvent[] = [];
  const projecting: Promise<void>[] = [];
  try {
    for (const { event, offset } of events) {
      if (!states.has(event.runId)) states.set(event.runId, await readRunState(sql, event.runId));
      const before = states.get(event.runId) ?? null;
      const after = evolve(before, event);
      if (after === null || after === before) continue;
      const projected = project(sql, before, after, event, offset);
      // Whoever awaits it gets its failure.
      projected.catch(() => {});
      projecting.push(projected);
      // A new run looks for its key before it is written; nothing of it may be sent before that.
      if (before === null) await projected;
      states.set(event.runId, after);
      const entry = historyEntry(event);
      const { runId, at } = event;
      if (entry !== null) history.push({ ...entry, runId, offset, at });
    }
    await pipelined([...projecting, writeRunHistory(sql, history)]);
  } finally {
    await Promise.allSettled(projecting);
  }
}

async function project(
  sql: TransactionSql,
  before: RunState | null,
  after: RunState,
  event: RunEvent,
  offset: bigint,
): Promise<void> {
  const state = writeRunState(sql, before, after, { at: event.at, offset });
  if (event.type === "file_extracted") {
    // The run's offsets, not the event's: for a resumed file, the event's do not cover the records published before the stop.
    const extraction = { ...event, nextOffsets: after.nextOffsets };
    await pipelined([state, recordExtraction(sql, extraction)]);
  } else if (event.type === "file_skipped" && event.identity !== undefined) {
    await pipelined([state, recordUnchanged(sql, event.file, event.identity)]);
  } else await state;
}
