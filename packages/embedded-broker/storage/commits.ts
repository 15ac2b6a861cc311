/**
 * Group commit: every write that must be durable before it is answered goes through here.
 *
 * An fsync takes about a millisecond, whether it covers one record batch or a hundred. So a write does not run at once:
 * it waits in a queue until the event loop has read the sockets. Then all waiting writes run in one
 * transaction with one fsync, and all are answered. While SQLite commits (which blocks this thread), the sockets'
 * buffers fill with the next group: the higher the load, the larger the groups.
 *
 *     idle ──write()──▶ scheduled ──setImmediate──▶ committing ──▶ idle, or scheduled again when more writes wait
 *
 * A write is a function that runs inside the transaction. It may throw a `KafkaError` before its first change: that
 * refuses only this write. Any other error rolls back the whole group, and every write in it fails with
 * KAFKA_STORAGE_ERROR, which clients retry. `onCommit` and `onRollback` keep the state in memory consistent
 * with the disk.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import type { DatabaseSync } from "node:sqlite";
import { explain } from "../errors.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

/** Size limit of one transaction, so that no answer waits for a much larger one. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024;

/** Passed to a write while it runs. */
export interface Transaction {
  /** Runs after the transaction is durable, before any write is answered. Must not throw. */
  onCommit(then: () => void): void;
  /** Runs after the transaction was rolled back. Must not throw. */
  onRollback(then: () => void): void;
}

interface Write {
  readonly size_bytes: number;
  run(transaction: Transaction): void;
  settle(): void;
  fail(error: unknown): void;
}

/** The queue of writes in front of the database. */
export class Commits {
  private waiting: Write[] = [];
  private scheduled = false;
  private idle: (() => void)[] = [];
  /** Number of transactions and writes so far, for tests and benches. */
  readonly counts = { transactions: 0, writes: 0 };

  constructor(
    private readonly db: DatabaseSync,
    /** Called when a group could not be committed (disk full, broken disk). */
    private readonly onStorageError: (reason: string) => void,
  ) {}

  /**
   * Runs `work` in the next group's transaction; resolves with its value once that is on disk.
   * `size_bytes` is the approximate size of the write.
   * @throws KafkaError that `work` threw, or KAFKA_STORAGE_ERROR
   */
  write<T>(work: (transaction: Transaction) => T, size_bytes = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let value: { of: T } | undefined;
      this.waiting.push({
        size_bytes,
        run: (transaction) => {
          value = { of: work(transaction) };
        },
        settle: () => value !== undefined && resolve(value.of),
        fail: reject,
      });
      this.schedule();
    });
  }

  /** Resolves when no write waits any longer. */
  drained(): Promise<void> {
    if (this.waiting.length === 0 && !this.scheduled) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.commit(this.nextGroup());
      if (this.waiting.length > 0) this.schedule();
      else for (const resolve of this.idle.splice(0)) resolve();
    });
  }

  private nextGroup(): Write[] {
    let size_bytes = 0;
    const end = this.waiting.findIndex((write) =>
      (size_bytes += write.size_bytes) > MAX_GROUP_BYTES
    );
    return end === -1 ? this.waiting.splice(0) : this.waiting.splice(0, Math.max(end, 1));
  }

  private commit(group: Write[]): void {
    const committed: (() => void)[] = [];
    const rolledBack: (() => void)[] = [];
    const transaction: Transaction = {
      onCommit: (then) => void committed.push(then),
      onRollback: (then) => void rolledBack.push(then),
    };
    const settled: Write[] = [];
    const refused: { write: Write; error: KafkaError }[] = [];
    try {
      this.db.exec("BEGIN IMMEDIATE");
      for (const write of group) {
        try {
          write.run(transaction);
          settled.push(write);
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          refused.push({ write, error });
        }
      }
      this.db.exec("COMMIT");
    } catch (error) {
      this.rollback(group, rolledBack, error);
      return;
    }
    this.counts.transactions++;
    this.counts.writes += group.length;
    for (const then of committed) then();
    for (const write of settled) write.settle();
    for (const { write, error } of refused) write.fail(error);
  }

  private rollback(group: Write[], rolledBack: (() => void)[], error: unknown): void {
    // SQLite may have rolled back by itself (disk full); then there is no transaction to end.
    if (this.db.isTransaction) this.db.exec("ROLLBACK");
    for (const then of rolledBack) then();
    this.onStorageError(explain(error));
    const failure = new KafkaError(
      ErrorCode.KAFKA_STORAGE_ERROR,
      `not stored: ${explain(error)}`,
    );
    for (const write of group) write.fail(failure);
  }
}
