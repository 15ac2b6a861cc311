/**
 * Writes dead letters from their topic to the table `dead_letter`, where they can be listed, inspected and replayed.
 *
 * An unreadable batch of dead letters gets a dead letter in the table too, but not on the topic: if such batches kept coming, each
 * would produce the next one. For the same reason a single unreadable record is skipped.
 */
import type { RecordBatch } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { createValueReader, readRecords, type TopicSink } from "../events/topic_sink.ts";
import { DEAD_LETTER } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { deadLetterOfBatch } from "./build_dead_letter.ts";
import type { DeadLetter } from "./dead_letter.ts";
import type { DeadLetterIds } from "./dead_letter_ids.ts";
import { reportDeadLetter } from "./give_up.ts";

export interface DeadLetterSinkOptions {
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
  readonly ids: DeadLetterIds;
  /** Writes the dead letters of a batch and the offset after it in one transaction. */
  readonly write: (batch: RecordBatch, deadLetters: readonly DeadLetter[]) => Promise<void>;
}

/** The sink of `trajectory_summary_dead_letter`. */
export function createDeadLetterSink(
  { registry, observe, ids, write }: DeadLetterSinkOptions,
): TopicSink {
  const decode = createValueReader<DeadLetter>(DEAD_LETTER, registry);
  return {
    topic: DEAD_LETTER.name,
    async store(batch) {
      const deadLetters = await readRecords(batch, observe, (record) => {
        if (record.unreadable === undefined) return decode(record);
        const deadLetter = deadLetterOfBatch(batch, record.unreadable, ids);
        reportDeadLetter(deadLetter, observe);
        return deadLetter;
      });
      await write(batch, deadLetters);
    },
  };
}
