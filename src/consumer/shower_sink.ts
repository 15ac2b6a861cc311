/**
 * The IAU shower list from the log into `iau_shower_list` and the codes and names of `iau_shower`.
 */
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { IAU_SHOWER } from "../events/topics.ts";
import { createValueCodec, wireSchemaId } from "../events/wire_values.ts";
import { explain, PermanentError, TransientError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { applyListing, type ListedShower, type ListingChange } from "../store/iau_showers.ts";
import { storeAt } from "./store_at.ts";
import type { TopicSink } from "./topic_sink.ts";

export interface ShowerSinkOptions {
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
  readonly observe: Observe;
}

export function createShowerSink({ sql, registry, observe }: ShowerSinkOptions): TopicSink {
  const codec = createValueCodec<ListedShower>(IAU_SHOWER);

  async function changeOf({ key, value }: ConsumedRecord): Promise<ListingChange> {
    if (value !== null) {
      return codec.decode(value, await registry.writerSchema(wireSchemaId(value)));
    }
    const number = Number(key?.toString("utf8") ?? "");
    if (!Number.isInteger(number) || number < 1) {
      throw new PermanentError(`a tombstone whose key is no IAU number: ${key?.toString("utf8")}`);
    }
    return { unlisted: number };
  }

  return {
    topic: IAU_SHOWER.name,
    async store(batch) {
      const changes: ListingChange[] = [];
      for (const record of batch.records) {
        try {
          changes.push(await changeOf(record));
        } catch (error) {
          if (error instanceof TransientError) throw error;
          // A name less, and the record stays in the log.
          observe("sink.passed_over", {
            topic: batch.topic,
            partition: batch.partition,
            offset: record.offset,
            reason: explain(error),
          });
        }
      }
      await storeAt(sql, batch, (transaction) => applyListing(transaction, changes));
    },
  };
}
