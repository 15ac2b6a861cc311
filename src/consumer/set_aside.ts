/**
 * Record batches that can't be read, put aside before a sink sees what is left: every topic goes on behind them.
 */
import type { RecordBatch, UnreadableBatch } from "../events/consumed_record.ts";
import { batchLetterId, type DeadLetter } from "../events/dead_letter.ts";
import { createGiveUp, type GiveUpOptions } from "./give_up.ts";
import type { TopicSink } from "./topic_sink.ts";

/**
 * The sink, with a dead letter for each unreadable batch, acknowledged before the offset moves past it. Which run such records are of
 * nobody can tell; that they have not come is seen when the run is passed (store/run_views.ts).
 */
export function setAsideUnreadable(sink: TopicSink, options: GiveUpOptions): TopicSink {
  const giveUp = createGiveUp(options);
  return {
    topic: sink.topic,
    async store(batch) {
      const unreadable = batch.records.flatMap((record) => record.unreadable ?? []);
      if (unreadable.length === 0) return await sink.store(batch);
      await giveUp(unreadable.map((each) => batchLetter(batch, each)));
      const records = batch.records.filter((record) => record.unreadable === undefined);
      await sink.store({ ...batch, records });
    },
  };
}

/** The letter of a batch: its bytes are the value. */
export function batchLetter(
  { topic, partition }: Pick<RecordBatch, "topic" | "partition">,
  { firstOffset, lastOffset, reason, bytes, damage }: UnreadableBatch,
): DeadLetter {
  // Where a damaged one ends only its head says.
  const span = damage === null
    ? `offsets ${firstOffset} to ${lastOffset}`
    : "fetched again in vain";
  return {
    id: batchLetterId(topic, partition, firstOffset),
    at: Date.now() * 1000,
    stage: "fetch",
    reason: `${reason} (${span})`,
    field: null,
    run_id: null,
    source_file: null,
    source_line: null,
    source_generated_at: null,
    text: null,
    columns: null,
    topic,
    partition,
    offset: Number(firstOffset),
    key: null,
    value: bytes,
    schema_id: null,
  };
}
