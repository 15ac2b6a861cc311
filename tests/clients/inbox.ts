/**
 * For clients that hand over records when they like: keeps what came until the suite polls.
 */
import type { SeenRecord } from "./client.ts";

/** How long a poll waits for something new. */
const POLL_MS = 200;

export class Inbox {
  /** Partitions that the member has now. Set through `assign`. */
  private assigned: readonly number[] = [];
  private records: SeenRecord[] = [];
  private failure: Error | null = null;
  private wake: () => void = () => {};

  put(record: SeenRecord): void {
    this.records.push(record);
    this.wake();
  }

  assign(partitions: readonly number[]): void {
    this.assigned = [...partitions].toSorted((a, b) => a - b);
    this.wake();
  }

  /** The client failed by itself: the next poll throws this. */
  fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  /** Forgets records of a partition that nobody took yet. */
  drop(partition: number): void {
    this.records = this.records.filter((one) => one.partition !== partition);
  }

  /** What came since the last poll; waits a moment when nothing did. */
  async poll(): Promise<{ assigned: readonly number[]; records: SeenRecord[] }> {
    if (this.records.length === 0 && this.failure === null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.failure !== null) throw this.failure;
    const records = this.records;
    this.records = [];
    return { assigned: this.assigned, records };
  }
}

/** Positions after what was polled: what a commit is to say. */
export class Positions {
  private readonly offsets = new Map<number, number>();

  pass(records: readonly SeenRecord[]): void {
    for (const { partition, offset } of records) this.offsets.set(partition, offset + 1);
  }

  /** Partitions with the next offset. */
  entries(): { partition: number; offset: number }[] {
    return [...this.offsets].map(([partition, offset]) => ({ partition, offset }));
  }
}
