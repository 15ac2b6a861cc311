/**
 * What became of the rows that a run published: the one place that decides it, for the API, the log line and the commands.
 *
 * The sink counts records, and the log may have a row more than once: after a crash the rows since the last checkpoint are published
 * again, a file that was cut is read again from its first byte, and a process that was replaced may publish until it notices. The run's
 * events say how many rows count, and of which epoch they are (the process that led when they were published). So, for each epoch,
 * records beyond its rows are copies, and are left out.
 *
 * A copy says what is stored already, or is as stale as its original. So copies are taken off the rows that changed nothing: off repeated
 * ones first, which they mostly are. How many of the rows that changed nothing were stale is exact only for a run without copies.
 *
 * Invariants (checked by property tests in `row_accounts.test.ts`):
 *   - loaded = new + changed + repeated + stale + duplicate;
 *   - loaded + dead <= published, and equal once the sink has passed the run's last record, and not before;
 *   - loaded, new, changed and the sum of the others are the same with crashes, repetitions and replaced processes as without them, when
 *     no row is dead: a row that the database refuses twice is two dead ones, and one loaded too few.
 */

/** What can become of a loaded row, in the order in which copies are taken off. */
export const OUTCOMES = ["repeated", "stale", "duplicate", "changed", "new"] as const;
export type Outcome = typeof OUTCOMES[number];

/** Records of a run that the sink has processed, of one epoch. */
export interface RecordCounts extends Readonly<Record<Outcome, number>> {
  /** 0 for records without one. */
  readonly epoch: number;
  /** More than the outcomes add up to when an earlier version has loaded some, which did not count outcomes. */
  readonly loaded: number;
  readonly dead: number;
}

/** Rows that count, according to the run's events. */
export interface PublishedRows {
  readonly published: number;
  /** By epoch; rows in none of them are of processes without an epoch (an upload, an earlier version). */
  readonly publishedBy: Readonly<Record<number, number>>;
}

/** What became of a run's published rows. Outcomes are null when an earlier version has loaded some of the rows. */
export interface RowAccounts extends Readonly<Record<Outcome, number | null>> {
  readonly loaded: number;
  readonly dead: number;
}

/**
 * Accounts for the published rows of a run. `isPassed`: the sink has passed the run's last record. Then records that are in no count (of
 * a batch that could not be read) are dead; before, at least one row is still missing.
 */
export function accountRows(
  rows: PublishedRows,
  counts: readonly RecordCounts[],
  isPassed: boolean,
): RowAccounts {
  const found = withoutCopies(rows, counts);
  const rest = rows.published - found.dead;
  const loaded = isPassed ? found.loaded : Math.min(found.loaded, Math.max(0, rest - 1));
  const dead = isPassed ? rows.published - loaded : found.dead;
  return { loaded, dead, ...outcomesOf(counts, loaded) };
}

/** Loaded and dead records, at most as many of each epoch as it has rows. */
function withoutCopies(
  { published, publishedBy }: PublishedRows,
  counts: readonly RecordCounts[],
): { loaded: number; dead: number } {
  const sum = { loaded: 0, dead: 0 };
  const left = { loaded: 0, dead: 0 };
  let unknown = published;
  for (const rows of Object.values(publishedBy)) unknown -= rows;
  for (const { epoch, loaded, dead } of counts) {
    const rows = publishedBy[epoch] ?? 0;
    const counted = { dead: Math.min(dead, rows), loaded: 0 };
    counted.loaded = Math.min(loaded, rows - counted.dead);
    sum.dead += counted.dead;
    sum.loaded += counted.loaded;
    left.dead += dead - counted.dead;
    left.loaded += loaded - counted.loaded;
  }
  // Of rows without an epoch it is not known which records are theirs; those that are left over are taken.
  const dead = Math.min(left.dead, unknown);
  return {
    dead: sum.dead + dead,
    loaded: sum.loaded + Math.min(left.loaded, unknown - dead),
  };
}

function outcomesOf(
  counts: readonly RecordCounts[],
  loaded: number,
): Record<Outcome, number | null> {
  const outcomes = { new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 };
  let [records, copies] = [0, -loaded];
  for (const count of counts) {
    records += count.loaded;
    for (const outcome of OUTCOMES) {
      outcomes[outcome] += count[outcome];
      copies += count[outcome];
    }
  }
  if (copies + loaded < records) {
    return { new: null, changed: null, repeated: null, stale: null, duplicate: null };
  }
  for (const outcome of OUTCOMES) {
    const off = Math.min(outcomes[outcome], copies);
    outcomes[outcome] -= off;
    copies -= off;
  }
  return outcomes;
}
