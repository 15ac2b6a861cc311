/**
 * Removes batches that can no longer be read (deleted topics, records below a start offset), in small steps between other
 * work: deleting gigabytes in one transaction would block everything else for seconds.
 *
 * The database records what remains to be removed, so the sweeper continues after a restart. The file does not shrink; its
 * free pages are reused.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Commits } from "../storage/commits.ts";
import { BatchStore } from "./batch_store.ts";

/** Limits of one transaction, which takes a few milliseconds. */
const STEP_BYTES = 8 * 1024 * 1024;
const STEP_ROWS = 1000;
/** Above every offset. */
const ALL = Number.MAX_SAFE_INTEGER;

export class Sweeper {
  private readonly batches: BatchStore;
  private readonly nextDoomed;
  private readonly finishDoomed;
  private readonly trimmed = new Map<number, number>();
  private running = false;
  private woken = false;
  private stopped = false;

  constructor(db: DatabaseSync, private readonly commits: Commits) {
    this.batches = new BatchStore(db);
    this.nextDoomed = db.prepare("SELECT partition_id FROM doomed_partition LIMIT 1");
    this.finishDoomed = db.prepare("DELETE FROM doomed_partition WHERE partition_id = ?");
    const partitions = db.prepare(
      "SELECT partition_id, start_offset FROM partition WHERE start_offset > 0",
    ).all();
    for (const row of partitions) {
      this.trimmed.set(row.partition_id as number, row.start_offset as number);
    }
  }

  /** Schedules the removal of a partition's records below `startOffset`. */
  trim(partitionId: number, startOffset: number): void {
    this.trimmed.set(partitionId, startOffset);
    this.wake();
  }

  /** Starts removing in the background whatever remains. */
  wake(): void {
    this.woken = true;
    if (this.running) return;
    this.running = true;
    this.sweep().finally(() => (this.running = false)).catch(() => {
      // `Commits` has already reported it; the next wake-up tries again.
    });
  }

  /** Stops after the current step. */
  stop(): void {
    this.stopped = true;
  }

  private async sweep(): Promise<void> {
    while (this.woken && !this.stopped) {
      this.woken = false;
      const more = await this.commits.write(() => this.step(), STEP_BYTES);
      if (more) this.woken = true;
    }
  }

  /** Removes one step; returns whether there is more to do. */
  private step(): boolean {
    const doomed = this.nextDoomed.get()?.partition_id as number | undefined;
    if (doomed !== undefined) {
      const more = this.batches.removeBelow(doomed, ALL, STEP_BYTES, STEP_ROWS);
      if (!more) this.finishDoomed.run(doomed);
      return true;
    }
    for (const [partitionId, startOffset] of this.trimmed) {
      const more = this.batches.removeBelow(partitionId, startOffset, STEP_BYTES, STEP_ROWS);
      if (!more) this.trimmed.delete(partitionId);
      return true;
    }
    return false;
  }
}
