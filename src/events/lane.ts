/**
 * A lane carries the records of one partition from fetches to the store, in order, one batch at a time.
 *
 *     receive ──▶ queue (bounded: a full one pauses the partition) ──▶ batch of up to `maxRecords` ──▶ process ──▶ stored
 *
 * While a batch is being stored, the next fetches fill the queue, so the network, the decoding and the database work in parallel.
 * A lane can be held, which stops fetching for a while. States: open → stopped (by `stop`, or by a failure of `process`, which is
 * reported once).
 */
import { wait } from "@gmn/failures";
import { DamageWatch } from "./damage_watch.ts";
import { type ConsumedRecord, PositionLostError, type RecordBatch } from "./consumed_record.ts";

/** Bounds of a lane. Memory per partition is at most `queueBytes` plus one fetch plus one batch. */
export interface LaneLimits {
  /** Records in one batch handed to `process`. */
  readonly maxRecords: number;
  /** Bytes of records in one batch; a single larger record is a batch of its own. */
  readonly maxBytes: number;
  /** Queued bytes at which the partition is paused; it is resumed at half as many. */
  readonly queueBytes: number;
}

/** The result of one fetch. */
export interface Fetched {
  /** The offset that was requested. */
  readonly fetchedFrom: bigint;
  readonly records: readonly ConsumedRecord[];
  /** The offset after the last record fetched, filtered ones included. */
  readonly nextOffset: bigint;
  /** The end of the log at the time of the fetch. */
  readonly end: bigint;
}

export interface LaneOptions {
  readonly topic: string;
  readonly partition: number;
  /** The stored position: the offset of the first record to take. */
  readonly position: bigint;
  readonly end: bigint;
  readonly limits: LaneLimits;
  readonly process: (batch: RecordBatch, signal: AbortSignal) => Promise<void>;
  readonly onStored: (nextOffset: bigint) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Called once, when the lane fails for another reason than `stop`; the lane is stopped by then. */
  readonly onFailure: (error: unknown) => void;
}

export class Lane {
  readonly topic: string;
  readonly partition: number;
  /** Counts the damaged batches of its fetches. */
  readonly damage = new DamageWatch();
  readonly #options: LaneOptions;
  readonly #stopping = new AbortController();
  #queue: ConsumedRecord[] = [];
  #queuedBytes = 0;
  /** Everything before this offset is stored. */
  #position: bigint;
  /** Everything before this offset is stored or queued. */
  #received: bigint;
  #end: bigint;
  /** The queue is full. */
  #full = false;
  /** See `hold`. */
  #held = false;
  #paused = false;
  #working: Promise<void> | null = null;

  constructor(options: LaneOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
    this.#position = options.position;
    this.#received = options.position;
    this.#end = options.end;
  }

  lag(): { topic: string; partition: number; position: bigint; end: bigint } {
    const { topic, partition } = this;
    return { topic, partition, position: this.#position, end: this.#end };
  }

  /** Queues the records of a fetch that this lane does not have yet, and fails when the fetch leaves a gap. Never waits. */
  receive(fetched: Fetched): void {
    if (this.#stopping.signal.aborted) return;
    if (fetched.end > this.#end) this.#end = fetched.end;
    if (fetched.fetchedFrom > this.#received || fetched.end < this.#received) {
      // The log was truncated or replaced while we read it (kafkajs then starts over by itself, which would silently skip or
      // repeat records). The session that opened this lane must find the position to continue from.
      return this.#giveUp(
        new PositionLostError(
          `${this.topic}-${this.partition}: a fetch from ${fetched.fetchedFrom} of a log that ends at ${fetched.end} ` +
            `reached a lane that is at ${this.#received}`,
        ),
      );
    }
    if (fetched.nextOffset <= this.#received) return;
    for (const record of fetched.records) {
      if (record.offset < this.#received) continue;
      this.#queue.push(record);
      this.#queuedBytes += record.size_bytes;
    }
    this.#received = fetched.nextOffset;
    if (this.#queuedBytes >= this.#options.limits.queueBytes) this.#full = true;
    this.#pauseOrResume();
    this.#working ??= this.#work();
  }

  /** Stops fetching for `delay_ms`; queued records are stored meanwhile. */
  hold(delay_ms: number): void {
    const signal = this.#stopping.signal;
    if (signal.aborted) return;
    this.#held = true;
    this.#pauseOrResume();
    wait(delay_ms, signal).then(() => {
      this.#held = false;
      this.#pauseOrResume();
    }, () => {});
  }

  /** Drops the queue and waits for the current batch to finish or give up. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error(`${this.topic}-${this.partition} is revoked`));
    this.#queue = [];
    this.#queuedBytes = 0;
    await this.#working;
  }

  async #work(): Promise<void> {
    const signal = this.#stopping.signal;
    try {
      while (!signal.aborted && this.#position < this.#received) {
        const batch = this.#take();
        await this.#options.process(batch, signal);
        this.#position = batch.nextOffset;
        this.#options.onStored(batch.nextOffset);
        if (this.#queuedBytes <= this.#options.limits.queueBytes / 2) this.#full = false;
        this.#pauseOrResume();
      }
    } catch (error) {
      this.#giveUp(error);
    } finally {
      this.#working = null;
    }
  }

  /** A lane pauses while it is full or held: when one reason ends, the other may remain. */
  #pauseOrResume(): void {
    const isPaused = this.#full || this.#held;
    if (isPaused === this.#paused || this.#stopping.signal.aborted) return;
    this.#paused = isPaused;
    if (isPaused) this.#options.pause();
    else this.#options.resume();
  }

  #giveUp(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(error);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#options.onFailure(error);
  }

  /** The next batch: as many queued records as the limits allow. */
  #take(): RecordBatch {
    const { maxRecords, maxBytes } = this.#options.limits;
    let count = 0;
    let bytes = 0;
    while (count < this.#queue.length && count < maxRecords) {
      const size = this.#queue[count]!.size_bytes;
      if (count > 0 && bytes + size > maxBytes) break;
      bytes += size;
      count++;
    }
    const records = this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    // When the queue is empty, filtered records after the last one count as read too.
    const nextOffset = this.#queue.length === 0
      ? this.#received
      : beginningOf(this.#queue[0]!, records);
    const { topic, partition } = this;
    return { topic, partition, firstOffset: this.#position, nextOffset, records };
  }
}

/** The offset at which `next` begins. An unreadable batch carries its last offset, so it begins after the record before it. */
function beginningOf(next: ConsumedRecord, before: readonly ConsumedRecord[]): bigint {
  return next.unreadable === undefined ? next.offset : before.at(-1)!.offset + 1n;
}
