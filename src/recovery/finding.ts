/** What a check found wrong with rows of the data store: how many, and which. */

/** A row and where its record should be. */
export interface FoundRow {
  /** Of a trajectory, a dead letter or a run. */
  readonly id: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Rows that are kept by name: a repair publishes them again one by one. A log that lacks more is repaired in several passes. */
const ROWS_MAX = 100_000;

/** Rows with one thing wrong. */
export class Findings {
  count = 0;
  /** The first of them, at most `ROWS_MAX`. */
  readonly rows: FoundRow[] = [];

  add({ id, partition, offset }: FoundRow): void {
    this.count++;
    if (this.rows.length < ROWS_MAX) this.rows.push({ id, partition, offset });
  }

  get isComplete(): boolean {
    return this.rows.length === this.count;
  }
}
