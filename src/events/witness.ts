/**
 * The witness of a partition: its last record that was loaded. A log that has another record at that offset is not the log that was
 * loaded, even if its offsets fit: its topics were deleted and written again.
 */
import { createHash } from "node:crypto";
import type { ConsumedRecord, Witness } from "./consumed_record.ts";

export type { Witness };

/**
 * The first 64 bits of the SHA-256 of a record's time, key and value. Computed once per batch, so its speed does not matter; the
 * headers are left out because nothing needs them to tell two records apart.
 */
export function recordDigest({ timestamp, key, value }: ConsumedRecord): bigint {
  const hash = createHash("sha256");
  // The lengths keep a byte that moves from the key to the value from going unnoticed.
  hash.update(`${timestamp.getTime()} ${key?.length ?? -1} ${value?.length ?? -1} `);
  if (key !== null) hash.update(key);
  if (value !== null) hash.update(value);
  return hash.digest().readBigInt64BE(0);
}

/** The last readable record of a batch as a witness; null when there is none. */
export function witnessOf(records: readonly ConsumedRecord[]): Witness | null {
  const last = records.findLast(({ unreadable }) => unreadable === undefined);
  return last === undefined ? null : { offset: last.offset, digest: recordDigest(last) };
}
