/** Writes the IAU shower list from the log to `iau_shower_list` and to the codes and names of `iau_shower`. */
import { PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import { createValueReader, readRecords, type TopicSink } from "../events/topic_sink.ts";
import { IAU_SHOWER } from "../events/topics.ts";
import { writeAtOffset } from "../store/consumer_offsets.ts";
import { applyListing, type ListedShower, type ListingChange } from "../store/iau_showers.ts";
import type { ProjectionOptions } from "./sink.ts";

/** The sink of `iau_shower`. */
export function createShowerSink({ sql, registry, observe }: ProjectionOptions): TopicSink {
  const decode = createValueReader<ListedShower>(IAU_SHOWER, registry);
  return {
    topic: IAU_SHOWER.name,
    async store(batch) {
      const changes = await readRecords(
        batch,
        observe,
        (record): ListingChange | Promise<ListingChange> =>
          record.value === null ? { unlisted: numberOf(record) } : decode(record),
      );
      await writeAtOffset(sql, batch, (transaction) => applyListing(transaction, changes));
    },
  };
}

/** The shower that a tombstone removes from the list. */
function numberOf({ key }: ConsumedRecord): number {
  const number = Number(key?.toString("utf8") ?? "");
  if (Number.isInteger(number) && number >= 1) return number;
  throw new PermanentError(`a tombstone whose key is no IAU number: ${key?.toString("utf8")}`);
}
