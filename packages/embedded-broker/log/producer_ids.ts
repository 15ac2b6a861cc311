/**
 * Ids for idempotent producers: each is assigned once, across all restarts.
 *
 * Ids are taken from the database in blocks, so that most requests need no fsync; the rest of a block is lost at a
 * restart, which does no harm.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Commits } from "../storage/commits.ts";

const BLOCK = 1000;

export class ProducerIds {
  private next = 0;
  private end = 0;
  private reserving: Promise<void> | undefined;
  private readonly reserve;

  constructor(db: DatabaseSync, private readonly commits: Commits) {
    this.reserve = db.prepare(
      `INSERT INTO meta (name, value) VALUES ('next_producer_id', ?)
       ON CONFLICT DO UPDATE SET value = value + ? RETURNING value`,
    );
  }

  /** A producer id that was never assigned before. */
  async take(): Promise<number> {
    while (this.next === this.end) {
      this.reserving ??= this.reserveBlock().finally(() => (this.reserving = undefined));
      await this.reserving;
    }
    return this.next++;
  }

  private async reserveBlock(): Promise<void> {
    const end = await this.commits.write(() => this.reserve.get(BLOCK, BLOCK)?.value as number);
    this.next = end - BLOCK;
    this.end = end;
  }
}
