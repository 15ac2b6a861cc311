/**
 * Which generation stamps of files are believed.
 *
 * Rows are ordered by the stamp of their file: the newer file wins. A stamp that lies ahead of the clock would win against every file
 * until that time, so it is not believed: its rows count as now, in the order of the log. They change what is stored before them, and
 * every later file may change them. And the file is no evidence that a trajectory was withdrawn.
 *
 *     who decides                     by which clock                                     tolerance
 *     the producer, once per reading  its own, when it begins to read                    STAMP_AHEAD_MS_MAX
 *     the fold of run events          the time of the event                              EVENT_AHEAD_MS_MAX
 *     the sink                        the record's time in the log, so a rebuild agrees  RECORD_AHEAD_MS_MAX
 *
 * The producer leaves a stamp that it does not believe out of its records and events. The other two are for what the log already has,
 * and for other producers. Each is more patient than the one before, so that no reading is believed in part: what the producer
 * believes, everyone does, and when an event is believed, all its records (hours older at most) are.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Clocks that nobody sets differ by minutes; files of the same clock must keep their order. */
export const STAMP_AHEAD_MS_MAX = 15 * MINUTE_MS;
/** Reading a file takes less than the difference to `RECORD_AHEAD_MS_MAX`. */
export const EVENT_AHEAD_MS_MAX = 12 * HOUR_MS;
/** More than any time zone: whoever wrote local time as UTC is believed, for a day. */
export const RECORD_AHEAD_MS_MAX = DAY_MS;

/** Whether a stamp lies further ahead of a time than is tolerated. */
export function isAhead(stamp: Date, at: Date, tolerated_ms: number): boolean {
  return stamp.getTime() - at.getTime() > tolerated_ms;
}

/** The stamps of one reading of a file. It is decided once, so all rows of a stamp have the same generation. */
export class FileStamps {
  readonly #begun: Date;
  /** The last stamp of the file that was not believed. */
  ahead: Date | null;

  readonly #believed: Date | null;

  /** Of an earlier process, whose reading is continued: the stamp that it did not believe (`distrusted`), and the one that it did. */
  constructor(begun: Date, distrusted: Date | null = null, believed: Date | null = null) {
    this.#begun = begun;
    this.#believed = believed;
    this.ahead = distrusted;
  }

  /** The generation of rows under this stamp; null when it is not believed, or there is none. */
  generationOf(stamp: Date | null): Date | null {
    if (stamp === null || stamp.getTime() === this.ahead?.getTime()) return null;
    // Whatever this process's clock says, which may be another one or may have been set back.
    if (this.#believed !== null && stamp <= this.#believed) return stamp;
    if (!isAhead(stamp, this.#begun, STAMP_AHEAD_MS_MAX)) return stamp;
    this.ahead = stamp;
    return null;
  }

  /** How far `ahead` lies ahead of the time at which the reading began, in milliseconds. */
  get ahead_ms(): number {
    return Math.max(0, (this.ahead?.getTime() ?? 0) - this.#begun.getTime());
  }
}
