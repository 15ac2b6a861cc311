/** Damages the embedded broker's file as a disk would. The broker must be stopped. */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** One batch as it lies in the log. */
export interface StoredBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly bytes: Buffer;
}

/** What a disk loses at once: its sector. */
const SECTOR_BYTES = 4096;
/** Enough of a batch to be found in the file only once. */
const MARK_BYTES = 64;

const fileOf = (brokerDirectory: string) => join(brokerDirectory, "broker.sqlite");

function withFile<T>(brokerDirectory: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(fileOf(brokerDirectory));
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** The batches of a partition, in offset order. */
export function storedBatches(
  brokerDirectory: string,
  topic: string,
  partition: number,
): StoredBatch[] {
  return withFile(brokerDirectory, (database) =>
    database.prepare(
      `SELECT base_offset, last_offset, bytes FROM batch JOIN partition USING (partition_id) JOIN topic USING (topic_id)
       WHERE name = ? AND number = ? ORDER BY base_offset`,
    ).all(topic, partition).map((row) => ({
      firstOffset: row.base_offset as number,
      lastOffset: row.last_offset as number,
      bytes: Buffer.from(row.bytes as Uint8Array),
    })));
}

/** Flips one bit at the end of the batch that has this offset. Returns the batch as it was. */
export function flipBit(
  brokerDirectory: string,
  topic: string,
  partition: number,
  offset: number,
): StoredBatch {
  const batch = batchAt(brokerDirectory, topic, partition, offset);
  const bytes = Buffer.from(batch.bytes);
  bytes[bytes.length - 1]! ^= 1;
  replaceBatch(brokerDirectory, topic, partition, batch.firstOffset, bytes);
  return batch;
}

/** Puts other bytes in the place of the batch that begins at `firstOffset`; null removes it. */
export function replaceBatch(
  brokerDirectory: string,
  topic: string,
  partition: number,
  firstOffset: number,
  bytes: Uint8Array | null,
): void {
  const where =
    `base_offset = ? AND partition_id = (SELECT partition_id FROM partition JOIN topic USING (topic_id) WHERE name = ? AND number = ?)`;
  withFile(brokerDirectory, (database) => {
    const { changes } = bytes === null
      ? database.prepare(`DELETE FROM batch WHERE ${where}`).run(firstOffset, topic, partition)
      : database.prepare(`UPDATE batch SET bytes = ? WHERE ${where}`)
        .run(bytes, firstOffset, topic, partition);
    if (changes !== 1) throw new Error(`${topic}-${partition} has no batch at ${firstOffset}`);
  });
}

/**
 * Flips up to 4 KiB of the file itself, in the middle of the batch that has this offset. Only the batch's own bytes are wrong then, and
 * SQLite still finds everything. Returns the batch as it was.
 */
export function flipSector(
  brokerDirectory: string,
  topic: string,
  partition: number,
  offset: number,
): StoredBatch {
  const batch = batchAt(brokerDirectory, topic, partition, offset);
  const path = fileOf(brokerDirectory);
  const file = readFileSync(path);
  const middle = Math.floor(batch.bytes.length / 2);
  const mark = batch.bytes.subarray(middle, middle + MARK_BYTES);
  // Another batch may hold the same record.
  for (let at = file.indexOf(mark); at >= 0; at = file.indexOf(mark, at + 1)) {
    // As far as the file has the batch's own bytes: what follows may be a row of another batch, or the end of the page.
    let end = at;
    while (end < at + SECTOR_BYTES && file[end] === batch.bytes[middle + end - at]) end++;
    const before = Buffer.from(file.subarray(at, end));
    writeAt(path, Buffer.from(before.map((byte) => byte ^ 0xff)), at);
    if (!batchAt(brokerDirectory, topic, partition, offset).bytes.equals(batch.bytes)) return batch;
    writeAt(path, before, at);
  }
  throw new Error(`the middle of the batch at ${batch.firstOffset} crosses a page`);
}

function writeAt(path: string, bytes: Buffer, at: number): void {
  const descriptor = openSync(path, "r+");
  try {
    writeSync(descriptor, bytes, 0, bytes.length, at);
  } finally {
    closeSync(descriptor);
  }
}

function batchAt(
  brokerDirectory: string,
  topic: string,
  partition: number,
  offset: number,
): StoredBatch {
  const batch = storedBatches(brokerDirectory, topic, partition)
    .find(({ firstOffset, lastOffset }) => firstOffset <= offset && offset <= lastOffset);
  if (batch === undefined) throw new Error(`${topic}-${partition} has no offset ${offset}`);
  return batch;
}
