/** The interface of a topic's sink, which stores the topic's records, and helpers to decode the values of our own topics. */
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { wireSchemaId } from "../wire_format/wire_header.ts";
import type { ConsumedRecord, RecordBatch } from "./consumed_record.ts";
import type { SchemaRegistry } from "./schema_registry.ts";
import type { Topic } from "./topics.ts";
import { createValueCodec } from "./wire_values.ts";

export interface TopicSink {
  readonly topic: string;
  /**
   * Stores a batch and the offset after it in one transaction.
   * @throws OffsetMismatchError (store) when the database is not at the batch's first offset; nothing is stored
   * @throws TransientError when an external system is unavailable; the caller waits and calls again
   */
  store(batch: RecordBatch): Promise<void>;
}

/**
 * Returns a decoder for a topic's records, whichever version of the schema they were written with.
 * @throws PermanentError when a record can't be decoded, TransientError when the registry is unavailable
 */
export function createValueReader<Value>(
  topic: Topic,
  registry: Pick<SchemaRegistry, "writerSchema">,
): (record: ConsumedRecord) => Promise<Value> {
  const codec = createValueCodec<Value>(topic);
  return async ({ value }) => {
    if (value === null) throw new PermanentError(`a record of ${topic.name} without a value`);
    return codec.decode(value, await registry.writerSchema(wireSchemaId(value)));
  };
}

/**
 * Returns the results of `read` for the records of a batch, in order. A record that can't be read is skipped: it stays in the log
 * and changes nothing in the database.
 * @throws TransientError when `read` does
 */
export async function readRecords<Read>(
  { topic, partition, records }: RecordBatch,
  observe: Observe,
  read: (record: ConsumedRecord) => Read | Promise<Read>,
): Promise<Read[]> {
  const results: Read[] = [];
  for (const record of records) {
    try {
      results.push(await read(record));
    } catch (error) {
      if (error instanceof TransientError) throw error;
      const { offset } = record;
      observe("sink.passed_over", { topic, partition, offset, reason: explain(error) });
    }
  }
  return results;
}
