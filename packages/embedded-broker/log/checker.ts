/**
 * Looks for damage in what is stored: the last batch of each partition at start, then all batches, slowly, again and again. Bits
 * rot on disks, and a batch that nobody reads would only be missed when it is needed.
 *
 *     start ─▶ a batch, a pause … the last batch of the last partition ─▶ a pause until the next day ─▶ again
 */
import { checksumOf } from "@gmn/kafka-formats";
import { explain } from "../errors.ts";
import type { DamageEvent } from "../settings.ts";
import type { BatchStore } from "./batch_store.ts";
import type { Partition } from "./partition.ts";
import { readStoredBatch } from "./produced_batch.ts";
import type { Topics } from "./topics.ts";

/** A batch of a megabyte takes about 2 ms, so this is 0.2 % of the time; 80 GB take a day. */
const BYTES_PER_MS = 1024 * 1024 / 1000;
/** Between two small batches. */
const PAUSE_MS_MIN = 5;
const PASS_MS = 24 * 60 * 60 * 1000;

export class Checker {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly reported = new Set<string>();

  constructor(
    private readonly store: BatchStore,
    private readonly topics: Topics,
    private readonly onDamage: (damage: DamageEvent) => void,
  ) {}

  start(): void {
    for (const partition of this.partitions()) {
      const last = partition.highWatermark - 1;
      if (last >= partition.startOffset) this.check(partition, last);
    }
    this.walk();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private partitions(): Partition[] {
    return this.topics.list().flatMap((topic) => topic.partitions);
  }

  /** Checks all batches that there are; yields the size of each. */
  private *pass(): Generator<number> {
    for (const partition of this.partitions()) {
      for (let at = partition.startOffset; partition.alive && at < partition.highWatermark;) {
        const { end, size } = this.check(partition, at);
        at = end;
        yield size;
      }
    }
  }

  private walk(pass = this.pass(), began = performance.now()): void {
    const { value, done } = pass.next();
    const pause_ms = done ? began + PASS_MS - performance.now() : value / BYTES_PER_MS;
    const next = () => done ? this.walk() : this.walk(pass, began);
    this.timer = setTimeout(next, Math.max(pause_ms, done ? PASS_MS / 2 : PAUSE_MS_MIN));
  }

  /** Checks the batch that has the offset `at`, or the next one; returns the offset after it. */
  private check(partition: Partition, at: number): { end: number; size: number } {
    const end = partition.highWatermark;
    try {
      const row = this.store.from(partition.id, at);
      const first = row?.base_offset ?? end;
      if (first > at) this.report(partition, at, first - 1, "no batch has these offsets");
      if (row === undefined) return { end, size: 0 };
      const { baseOffset, size_bytes: size, checksum, lastOffsetDelta } = readStoredBatch(
        row.bytes,
      );
      const last = row.last_offset;
      const isRight = Number(baseOffset) === first && size === row.bytes.length &&
        lastOffsetDelta === last - first && checksum === checksumOf(row.bytes);
      if (!isRight) this.report(partition, first, last, "the batch does not match its head");
      return { end: last + 1, size: row.bytes.length };
    } catch (error) {
      this.report(partition, at, end - 1, `can't be read: ${explain(error)}`);
      return { end, size: 0 };
    }
  }

  /** Once for each range. */
  private report(of: Partition, firstOffset: number, lastOffset: number, reason: string): void {
    const key = `${of.id} ${firstOffset}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    const { topic, number: partition } = of;
    this.onDamage({ kind: "damaged", topic, partition, firstOffset, lastOffset, reason });
  }
}
