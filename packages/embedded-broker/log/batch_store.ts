/**
 * The SQL of record batches, prepared once and shared by all partitions.
 */
import type { DatabaseSync } from "node:sqlite";

/** A batch found by offset or time. */
export interface BatchRow {
  readonly base_offset: number;
  readonly last_offset: number;
}

/** Batches of all partitions. Everything here is synchronous; writes belong inside a transaction of `Commits`. */
export class BatchStore {
  private readonly sql;

  constructor(db: DatabaseSync) {
    this.sql = {
      insertion: db.prepare(
        "INSERT INTO batch (partition_id, base_offset, last_offset, running_max_timestamp, bytes) VALUES (?, ?, ?, ?, ?)",
      ),
      containing: db.prepare(
        `SELECT base_offset, last_offset, running_max_timestamp FROM batch
       WHERE partition_id = ? AND base_offset <= ? ORDER BY base_offset DESC LIMIT 1`,
      ),
      sizes: db.prepare(
        `SELECT base_offset, length(bytes) AS size FROM batch
       WHERE partition_id = ? AND base_offset >= ? ORDER BY base_offset`,
      ),
      contents: db.prepare(
        "SELECT bytes FROM batch WHERE partition_id = ? AND base_offset BETWEEN ? AND ? ORDER BY base_offset",
      ),
      from: db.prepare(
        `SELECT base_offset, last_offset, bytes FROM batch WHERE partition_id = ?1 AND last_offset >= ?2 AND base_offset >=
         ifnull((SELECT max(base_offset) FROM batch WHERE partition_id = ?1 AND base_offset <= ?2), ?2)
       ORDER BY base_offset LIMIT 1`,
      ),
      head: db.prepare(
        "SELECT base_offset, last_offset FROM batch WHERE partition_id = ? ORDER BY base_offset LIMIT 1",
      ),
      tail: db.prepare(
        `SELECT last_offset, running_max_timestamp FROM batch
       WHERE partition_id = ? ORDER BY base_offset DESC LIMIT 1`,
      ),
      removable: db.prepare(
        `SELECT base_offset, length(bytes) AS size FROM batch
       WHERE partition_id = ? AND base_offset < ? AND last_offset < ? ORDER BY base_offset`,
      ),
      removal: db.prepare("DELETE FROM batch WHERE partition_id = ? AND base_offset <= ?"),
    };
  }

  insert(
    partitionId: number,
    baseOffset: number,
    lastOffset: number,
    runningMaxTimestamp_ms: number,
    bytes: Uint8Array,
  ): void {
    this.sql.insertion.run(partitionId, baseOffset, lastOffset, runningMaxTimestamp_ms, bytes);
  }

  /** The newest batch, which defines the end of the partition. */
  last(partitionId: number): { last_offset: number; running_max_timestamp: number } | undefined {
    return this.sql.tail.get(partitionId) as
      | { last_offset: number; running_max_timestamp: number }
      | undefined;
  }

  /**
   * Whole batches, beginning with the one that contains `offset`, up to `max_bytes` in total. With `atLeastOne` the first
   * batch is returned even if it is larger.
   */
  read(
    partitionId: number,
    offset: number,
    max_bytes: number,
    atLeastOne: boolean,
  ): Uint8Array[] {
    const first = this.sql.containing.get(partitionId, offset) as BatchRow | undefined;
    // Reads the sizes first (they are in the row's head), so that no large batch is read that does not fit.
    let total = 0;
    let from: number | undefined;
    let to = 0;
    for (const row of this.sql.sizes.iterate(partitionId, first?.base_offset ?? offset)) {
      const { base_offset, size } = row as { base_offset: number; size: number };
      total += size;
      if (total > max_bytes && !(from === undefined && atLeastOne)) break;
      from ??= base_offset;
      to = base_offset;
      if (total >= max_bytes) break;
    }
    if (from === undefined) return [];
    return this.sql.contents.all(partitionId, from, to).map((row) => row.bytes as Uint8Array);
  }

  /** The batch that contains `offset`, or else the next one. */
  from(partitionId: number, offset: number): (BatchRow & { bytes: Uint8Array }) | undefined {
    return this.sql.from.get(partitionId, offset) as ReturnType<BatchStore["from"]>;
  }

  /** The bytes of the batch that begins at `baseOffset`. */
  at(partitionId: number, baseOffset: number): Uint8Array | undefined {
    return this.sql.contents.get(partitionId, baseOffset, baseOffset)?.bytes as
      | Uint8Array
      | undefined;
  }

  /**
   * The first batch with a timestamp of at least `timestamp_ms`, by binary search between `from` and `to` (offsets).
   * `running_max_timestamp` never decreases from batch to batch.
   */
  firstReaching(
    partitionId: number,
    timestamp_ms: number,
    from: number,
    to: number,
  ): BatchRow | undefined {
    let found: BatchRow | undefined;
    let low = (this.sql.head.get(partitionId) as BatchRow | undefined)?.base_offset ?? from;
    let high = to - 1;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.sql.containing.get(partitionId, middle) as
        | (BatchRow & { running_max_timestamp: number })
        | undefined;
      if (row === undefined) return found;
      if (row.running_max_timestamp >= timestamp_ms) {
        found = row;
        high = row.base_offset - 1;
      } else low = row.last_offset + 1;
    }
    return found;
  }

  /**
   * Removes the oldest batches that are entirely below `offset`, up to about `max_bytes`.
   * Returns whether there may be more.
   */
  removeBelow(partitionId: number, offset: number, max_bytes: number, max_rows: number): boolean {
    let total = 0;
    let rows = 0;
    let to: number | undefined;
    let more = false;
    for (const row of this.sql.removable.iterate(partitionId, offset, offset)) {
      if (total >= max_bytes || rows >= max_rows) {
        more = true;
        break;
      }
      const { base_offset, size } = row as { base_offset: number; size: number };
      total += size;
      rows++;
      to = base_offset;
    }
    if (to !== undefined) this.sql.removal.run(partitionId, to);
    return more;
  }
}
