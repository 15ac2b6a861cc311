/**
 * Splits a batch so that the confirm records of each part stand for a bounded number of trajectories. A record takes a few
 * kilobytes whatever it stands for, so a lane's limits on records and bytes do not bound them.
 */
import { PermanentError } from "@gmn/failures";
import type { RecordBatch } from "../events/consumed_record.ts";
import { confirmedOf } from "./lineage.ts";

/**
 * Trajectories that are confirmed in one transaction, if more than one record stands for them. Some 5 MB as JSON, half a second of
 * PostgreSQL's time. A batch of a regenerated month, read again in a rebuild, has about as many.
 */
export const CONFIRMED_MAX = 100_000;

/** The parts of a batch, in order. Nearly every batch is one part. */
export function* splitByConfirmed(
  batch: RecordBatch,
  confirmedMax = CONFIRMED_MAX,
): Generator<RecordBatch> {
  let from = 0;
  let confirmed = 0;
  let { firstOffset } = batch;
  for (const [at, record] of batch.records.entries()) {
    const ids = confirmedOf(record);
    const count = ids === undefined || ids instanceof PermanentError ? 0 : ids.length;
    if (confirmed > 0 && confirmed + count > confirmedMax) {
      yield {
        ...batch,
        firstOffset,
        nextOffset: record.offset,
        records: batch.records.slice(from, at),
      };
      [from, firstOffset, confirmed] = [at, record.offset, 0];
    }
    confirmed += count;
  }
  yield from === 0 ? batch : { ...batch, firstOffset, records: batch.records.slice(from) };
}
