/**
 * One partition: an append-only sequence of record batches with consecutive offsets.
 *
 *     start offset ≤ … records … < high watermark ≤ end offset
 *
 * The end offset moves when a batch is written inside a transaction, the high watermark when that transaction is on
 * disk. Readers see only records below the high watermark, so nobody reads a record that a crash could undo.
 */
import { decompress, ErrorCode, stampBatch } from "@gmn/kafka-formats";
import { KafkaError } from "../protocol/kafka_error.ts";
import type { Transaction } from "../storage/commits.ts";
import type { BatchStore } from "./batch_store.ts";
import { PartitionProducers, type ProducerStore } from "./producers.ts";
import { findByTimestamp, readStoredBatch, type RecordBatch, recordsOf } from "./produced_batch.ts";

/** There is only one leader, which never changes. */
export const LEADER_EPOCH = 0;

/** A record found by its time. */
export interface FoundByTime {
  readonly offset: number;
  readonly timestamp_ms: number;
}

/** Called with the size of batches when they become readable. */
export type AppendListener = (appended_bytes: number) => void;

export class Partition {
  /** First readable offset; DeleteRecords moves it. */
  startOffset: number;
  /** One past the last record that is on disk. */
  highWatermark: number;
  private endOffset: number;
  private runningMaxTimestamp_ms: number;
  /** False after its topic was deleted; requests that still refer to it must not write. */
  alive = true;
  private readonly producers: PartitionProducers;
  private readonly listeners = new Set<AppendListener>();

  constructor(
    readonly id: number,
    readonly topic: string,
    readonly number: number,
    startOffset: number,
    private readonly store: BatchStore,
    producerStore: ProducerStore,
  ) {
    this.startOffset = startOffset;
    this.producers = new PartitionProducers(producerStore, id);
    const last = store.last(id);
    this.highWatermark = Math.max(startOffset, (last?.last_offset ?? -1) + 1);
    this.endOffset = this.highWatermark;
    this.runningMaxTimestamp_ms = last?.running_max_timestamp ?? -1;
  }

  /**
   * Appends a checked batch, inside a transaction. Returns the offset of its first record; if the batch is a duplicate
   * from an idempotent producer, the original offset.
   * @throws KafkaError when the producer's epoch or sequence is wrong, or the topic was deleted
   */
  append(batch: RecordBatch, transaction: Transaction, now_ms: number): number {
    if (!this.alive) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (batch.producerId >= 0) {
      const storedAt = this.producers.check(batch);
      if (storedAt !== null) return storedAt;
    }
    const baseOffset = this.endOffset;
    const end = baseOffset + batch.recordCount;
    transaction.onRollback(() => this.rollBack());
    this.endOffset = end;
    this.runningMaxTimestamp_ms = Math.max(this.runningMaxTimestamp_ms, batch.maxTimestamp_ms);
    stampBatch(batch.bytes, baseOffset, LEADER_EPOCH);
    this.store.insert(this.id, baseOffset, end - 1, this.runningMaxTimestamp_ms, batch.bytes);
    if (batch.producerId >= 0) this.producers.remember(batch, baseOffset, now_ms);
    transaction.onCommit(() => {
      this.highWatermark = end;
      for (const listener of this.listeners) listener(batch.bytes.length);
    });
    return baseOffset;
  }

  private rollBack(): void {
    this.endOffset = this.highWatermark;
    this.runningMaxTimestamp_ms = this.store.last(this.id)?.running_max_timestamp ?? -1;
    this.producers.unload();
  }

  /**
   * Whole batches, beginning with the one that contains `offset`, up to `max_bytes` in total. With `atLeastOne` the first is
   * returned even if it is larger, so that a reader always makes progress.
   * @throws KafkaError OFFSET_OUT_OF_RANGE
   */
  read(offset: number, max_bytes: number, atLeastOne: boolean): Uint8Array[] {
    if (offset < this.startOffset || offset > this.highWatermark) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE);
    }
    if (offset === this.highWatermark || (max_bytes <= 0 && !atLeastOne)) return [];
    return this.store.read(this.id, offset, max_bytes, atLeastOne);
  }

  /** Calls `listener` at each append; the returned function unsubscribes it. */
  onAppend(listener: AppendListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Offset and timestamp of the first record with a timestamp of at least `timestamp_ms`; null when there is none.
   * For a batch that can't be decompressed, the batch's first offset is returned: never after the record, and at most one batch
   * before it.
   */
  offsetForTimestamp(timestamp_ms: number): FoundByTime | null {
    const row = this.store.firstReaching(
      this.id,
      timestamp_ms,
      this.startOffset,
      this.highWatermark,
    );
    // DeleteRecords may have removed all matching records of this batch, so the search may have to continue after it.
    for (let at = row?.base_offset ?? this.highWatermark; at < this.highWatermark;) {
      const bytes = this.store.at(this.id, at);
      if (bytes === undefined) return null;
      const batch = readStoredBatch(bytes);
      const found = batch.maxTimestamp_ms >= timestamp_ms
        ? this.findInBatch(batch, at, timestamp_ms)
        : null;
      if (found !== null) return found;
      at += batch.recordCount;
    }
    return null;
  }

  private findInBatch(
    batch: RecordBatch,
    baseOffset: number,
    timestamp_ms: number,
  ): FoundByTime | null {
    const fromDelta = Math.max(0, this.startOffset - baseOffset);
    try {
      const records = decompress(batch.compression, recordsOf(batch));
      const found = findByTimestamp(batch, records, timestamp_ms, fromDelta);
      return found && { offset: baseOffset + found.offsetDelta, timestamp_ms: found.timestamp_ms };
    } catch {
      // The producer declared a codec and sent something else. The consumer will detect that.
      return { offset: baseOffset + fromDelta, timestamp_ms: batch.baseTimestamp_ms };
    }
  }
}
