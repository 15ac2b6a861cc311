/** Converts a fetch of kafkajs into what a lane receives. */
import type { Batch } from "kafkajs";
import type { ConsumedRecord } from "./consumed_record.ts";
import type { DamageWatch, FetchAgain } from "./damage_watch.ts";
import type { Fetched } from "./lane.ts";
import { FetchedMessage } from "./kafkajs/fetched_message.ts";

/** A fetch, split at the first batch that must be fetched again. */
export interface TakenFetch {
  /** The part that the lane receives; null when it is empty. */
  readonly fetched: Fetched | null;
  /** The last offset that kafkajs need not fetch again; null when there is none. */
  readonly resolved: string | null;
  /** The damaged batch at which the rest begins, which is fetched again; null when the whole fetch was taken. */
  readonly again: FetchAgain | null;
}

/** Takes a fetch up to the first batch that must be fetched again. */
export function takeFetch(batch: Batch, damage: DamageWatch): TakenFetch {
  // kafkajs keeps the requested offset in a field that its types leave out.
  const fetchedFrom = BigInt((batch as Batch & { fetchedOffset: string | number }).fetchedOffset);
  const end = BigInt(batch.highWatermark);
  const records = batch.messages.map(toRecord);
  const again = damage.look(records);
  if (again === null) {
    const resolved = batch.lastOffset();
    const nextOffset = BigInt(resolved) + 1n;
    return { fetched: { fetchedFrom, records, nextOffset, end }, resolved, again };
  }
  const taken = records.slice(0, again.at);
  const last = taken.at(-1);
  return {
    fetched: last === undefined
      ? null
      : { fetchedFrom, records: taken, nextOffset: last.offset + 1n, end },
    resolved: last === undefined ? null : last.offset.toString(),
    again,
  };
}

function toRecord(message: Batch["messages"][number] | FetchedMessage): ConsumedRecord {
  if (message instanceof FetchedMessage) return message.record;
  // The record is in the format used before 2017, so the broker stores records that way.
  return {
    offset: BigInt(message.offset),
    timestamp: new Date(Number(message.timestamp)),
    key: message.key,
    value: message.value,
    headers: message.headers ?? {},
    size_bytes: (message.key?.length ?? 0) + (message.value?.length ?? 0),
  };
}
