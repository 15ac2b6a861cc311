/**
 * Committed offsets of groups. They are kept forever: a group that returns after a year continues where it stopped.
 */
import type { DatabaseSync } from "node:sqlite";

/** One committed offset: the next record of a partition that the group will read. */
export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string | null;
}

/** The SQL of committed offsets. Writes belong inside a transaction of `Commits`. */
export class OffsetStore {
  private readonly sql;

  constructor(db: DatabaseSync) {
    this.sql = {
      save: db.prepare(
        `INSERT INTO group_offset (group_id, topic, partition, offset, leader_epoch, metadata, committed_ms)
         VALUES (?, ?, ?, ?, -1, ?, ?)
         ON CONFLICT DO UPDATE SET offset = excluded.offset, metadata = excluded.metadata,
           committed_ms = excluded.committed_ms`,
      ),
      one: db.prepare(
        `SELECT topic, partition, offset, metadata FROM group_offset
         WHERE group_id = ? AND topic = ? AND partition = ?`,
      ),
      all: db.prepare(
        `SELECT topic, partition, offset, metadata FROM group_offset
         WHERE group_id = ? ORDER BY topic, partition`,
      ),
      groups: db.prepare("SELECT DISTINCT group_id FROM group_offset"),
      has: db.prepare("SELECT 1 FROM group_offset WHERE group_id = ? LIMIT 1"),
      remove: db.prepare("DELETE FROM group_offset WHERE group_id = ?"),
    };
  }

  save(groupId: string, committed: CommittedOffset, now_ms: number): void {
    const { topic, partition, offset, metadata } = committed;
    this.sql.save.run(groupId, topic, partition, offset, metadata, now_ms);
  }

  find(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.sql.one.get(groupId, topic, partition) as unknown as CommittedOffset | undefined;
  }

  all(groupId: string): CommittedOffset[] {
    return this.sql.all.all(groupId) as unknown as CommittedOffset[];
  }

  groups(): string[] {
    return this.sql.groups.all().map((row) => row.group_id as string);
  }

  has(groupId: string): boolean {
    return this.sql.has.get(groupId) !== undefined;
  }

  removeGroup(groupId: string): void {
    this.sql.remove.run(groupId);
  }
}
