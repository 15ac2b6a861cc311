/**
 * Decides when a damaged batch of a partition is fetched again: one whose checksum does not match its bytes.
 *
 *     damaged ──▶ fetched again, after a pause ──▶ intact: read like any other
 *        ▲                     │
 *        └───── damaged ───────┴──▶ ALIKE_MAX times with the same bytes, or FETCHES_MAX times in all: given up
 *
 * Damage on the network differs each time; bytes that are the same each time are damaged in the log. A batch that is given up becomes a
 * dead letter like any other that can't be read; the log keeps it. Other partitions are read meanwhile.
 */
import { type Backoff, backoffDelayMs } from "@gmn/failures";
import type { ConsumedRecord, UnreadableBatch } from "./consumed_record.ts";

/** Fetches of a batch with the same wrong bytes. Two could be one response that was cached on the way. */
export const ALIKE_MAX = 3;

/** Fetches in all, three to five minutes: a partition must not wait for ever on a faulty network. */
export const FETCHES_MAX = 15;

/** Two short pauses for damage in the log, longer ones for a faulty network. */
const PAUSES: Backoff = { base_ms: 1_000, cap_ms: 30_000, attempts: FETCHES_MAX };

/** The first batch of a fetch that is to be fetched again. */
export interface FetchAgain {
  /** Its place among the records. */
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
  /** By first offset: those of the last fetch. */
  #met = new Map<bigint, Met>();

  /**
   * Checks a fetch.
   * @returns the first record that must be fetched again, with all behind it; null when there is none
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
