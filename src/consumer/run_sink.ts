/**
 * Run events from the log into `ingestion_run`, `ingestion_run_file`, `ingestion_run_event` and `ingestion_file`: the projections
 * that queries see.
 *
 * The fold is the domain's own (`evolve`); an event this version can't read is passed over, as the domain says.
 */
import type { RecordBatch } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { INGESTION_RUN } from "../events/topics.ts";
import { createValueCodec, wireSchemaId } from "../events/wire_values.ts";
import { explain, PermanentError, TransientError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import { evolve, type RunState } from "../runs/run.ts";
import type { RunEvent } from "../runs/run_event.ts";
import { fromRecord, type RunEventRecord } from "../runs/run_event_record.ts";
import { historyEntry } from "../runs/run_history.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import { type StoredRunEvent, writeRunHistory } from "../store/run_history.ts";
import { readRunState, writeRunState } from "../store/run_states.ts";
import { recordExtraction, recordUnchanged } from "../store/source_files.ts";
import { storeAt } from "./store_at.ts";
import type { TopicSink } from "./topic_sink.ts";

export interface RunSinkOptions {
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
}

export function createRunSink({ sql, registry, observe }: RunSinkOptions): TopicSink {
  const codec = createValueCodec<RunEventRecord>(INGESTION_RUN);

  async function decode(batch: RecordBatch): Promise<{ event: RunEvent; offset: bigint }[]> {
    const events: { event: RunEvent; offset: bigint }[] = [];
    for (const { value, offset } of batch.records) {
      try {
        if (value === null) throw new PermanentError("a run event without a value");
        const event = fromRecord(
          codec.decode(value, await registry.writerSchema(wireSchemaId(value))),
        );
        if (event !== null) events.push({ event, offset });
      } catch (error) {
        if (error instanceof TransientError) throw error;
        // The topic is ours; what stands there and is no run event changes no run, and stays in the log.
        observe("sink.passed_over", {
          topic: batch.topic,
          partition: batch.partition,
          offset,
          reason: explain(error),
        });
      }
    }
    return events;
  }

  return {
    topic: INGESTION_RUN.name,
    async store(batch) {
      const events = await decode(batch);
      await storeAt(sql, batch, async (transaction) => {
        const states = new Map<string, RunState | null>();
        // What changed nothing (an event that is on the log twice) is no part of the history.
        const history: StoredRunEvent[] = [];
        for (const { event, offset } of events) {
          if (!states.has(event.runId)) {
            states.set(event.runId, await readRunState(transaction, event.runId));
          }
          const before = states.get(event.runId) ?? null;
          const after = evolve(before, event);
          if (after === null || after === before) continue;
          await project(transaction, before, after, event, offset);
          states.set(event.runId, after);
          const entry = historyEntry(event);
          const { runId, at } = event;
          if (entry !== null) history.push({ ...entry, runId, offset, at });
        }
        await writeRunHistory(transaction, history);
      });
    },
  };
}

async function project(
  sql: TransactionSql,
  before: RunState | null,
  after: RunState,
  event: RunEvent,
  offset: bigint,
): Promise<void> {
  await writeRunState(sql, before, after, { at: event.at, offset });
  if (event.type === "file_extracted") {
    // The run's offsets, not the event's: those of a resumed file leave out what was published before the stop.
    await recordExtraction(sql, { ...event, nextOffsets: after.nextOffsets });
  }
  if (event.type === "file_skipped" && event.identity !== undefined) {
    await recordUnchanged(sql, event.file, event.identity);
  }
}
