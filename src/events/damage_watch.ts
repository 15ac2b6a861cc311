/**
 * Decides whether to fetch a damaged batch of a partition again. A batch is damaged when its checksum does not match its bytes.
 *
 *     damaged ──▶ fetched again, after a pause ──▶ intact: read like any other
 *        ▲                     │
 *        └───── damaged ───────┴──▶ ALIKE_MAX times with the same bytes, or FETCHES_MAX times in all: given up
 *
 * Damage on the network differs each time; damage that is the same each time is in the log itself. A batch that is given up becomes
 * a dead letter, like any other unreadable batch; the log keeps it. Other partitions are read meanwhile.
 */
import { type Backoff, backoffDelayMs } from "@gmn/failures";
import type { ConsumedRecord, UnreadableBatch } from "./consumed_record.ts";

/** Consecutive fetches with the same damage before a batch is given up. Two could be the same response, cached on the way. */
export const ALIKE_MAX = 3;

/** Fetches of a batch in total, which take three to five minutes: a faulty network must not block a partition forever. */
export const FETCHES_MAX = 15;

/** Two short pauses for damage in the log, longer ones for a faulty network. */
const PAUSES: Backoff = { base_ms: 1_000, cap_ms: 30_000, attempts: FETCHES_MAX };

/** The first batch of a fetch that must be fetched again. */
export interface FetchAgain {
  /** Its index among the records. */
  readonly at: number;
  readonly batch: UnreadableBatch;
  /** How often it has been fetched damaged. */
  readonly attempt: number;
  readonly delay_ms: number;
}

interface Met {
  readonly checksum: number;
  /** Fetches in a row with this checksum. */
  readonly alike: number;
  readonly fetches: number;
}

/** Counts the fetches of one partition's damaged batches. */
export class DamageWatch {
  /** The damaged batches of the last fetch, by first offset. */
  #met = new Map<bigint, Met>();

  /**
   * Checks a fetch.
   * @returns the first batch that must be fetched again, together with everything after it; null when there is none
   */
  look(records: readonly ConsumedRecord[]): FetchAgain | null {
    const before = this.#met;
    this.#met = new Map();
    let again: FetchAgain | null = null;
    for (const [at, { unreadable }] of records.entries()) {
      if (unreadable === undefined || unreadable.damage === null) continue;
      const { firstOffset, damage: checksum } = unreadable;
      const last = before.get(firstOffset);
      const met: Met = {
        checksum,
        alike: last?.checksum === checksum ? last.alike + 1 : 1,
        fetches: (last?.fetches ?? 0) + 1,
      };
      this.#met.set(firstOffset, met);
      if (again !== null || met.alike >= ALIKE_MAX || met.fetches >= FETCHES_MAX) continue;
      const attempt = met.fetches;
      again = { at, batch: unreadable, attempt, delay_ms: backoffDelayMs(PAUSES, attempt) };
    }
    return again;
  }
}
