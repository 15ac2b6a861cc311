/**
 * Dead letters from the log into the table `dead_letter`, where they can be listed, understood and replayed.
 *
 * Of a batch of letters that can't be read the table has a letter too, but the topic has none: where such batches keep coming, each
 * of them would bring the next one.
 */
import type { DeadLetter } from "../events/dead_letter.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { DEAD_LETTER } from "../events/topics.ts";
import { createValueCodec, wireSchemaId } from "../events/wire_values.ts";
import { explain, PermanentError, TransientError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { writeDeadLetters } from "../store/dead_letters.ts";
import { tellOfLetter } from "./give_up.ts";
import { batchLetter } from "./set_aside.ts";
import { storeAt } from "./store_at.ts";
import type { TopicSink } from "./topic_sink.ts";

export interface DeadLetterSinkOptions {
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
}

export function createDeadLetterSink({ sql, registry, observe }: DeadLetterSinkOptions): TopicSink {
  const codec = createValueCodec<DeadLetter>(DEAD_LETTER);
  return {
    topic: DEAD_LETTER.name,
    async store(batch) {
      const letters: DeadLetter[] = [];
      for (const { value, offset, unreadable } of batch.records) {
        if (unreadable !== undefined) {
          const letter = batchLetter(batch, unreadable);
          letters.push(letter);
          tellOfLetter(letter, observe);
          continue;
        }
        try {
          if (value === null) throw new PermanentError("a dead letter without a value");
          letters.push(codec.decode(value, await registry.writerSchema(wireSchemaId(value))));
        } catch (error) {
          if (error instanceof TransientError) throw error;
          // A letter about a letter would go round for ever; it stays in the log.
          observe("sink.passed_over", {
            topic: batch.topic,
            partition: batch.partition,
            offset,
            reason: explain(error),
          });
        }
      }
      await storeAt(sql, batch, (transaction) => writeDeadLetters(transaction, letters));
    },
  };
}
