/**
 * The interface of this module to the data store, which has the dead letters as a table (`store/dead_letters.ts`), and the filters
 * for them.
 */
import type { DeadLetter, StoredDeadLetter } from "./dead_letter.ts";

/** Selects dead letters. Omitted conditions match all. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[];
  readonly stage?: string;
  /** A part of the reason, case-insensitive. */
  readonly reason?: string;
  readonly runId?: string;
  readonly sourceFile?: string;
  /** Given up at this time or later. */
  readonly from?: Date;
  /** Given up before this time. */
  readonly to?: Date;
  readonly isReplayed?: boolean;
}

/** A page of a list, which is ordered by time and id. */
export interface DeadLetterPage {
  readonly limit: number;
  readonly order: "oldest first" | "newest first";
  /** The last dead letter of the page before; null for the first page. */
  readonly after: Pick<DeadLetter, "at" | "id"> | null;
}

/** A dead letter and the trajectory of its record. */
export interface DeadLetterTrajectory {
  readonly deadLetterId: string;
  readonly trajectoryId: string;
}

/** The table. Its methods throw a TransientError when the database is unavailable. */
export interface DeadLetterTable {
  /** The dead letter with this id, or null. */
  read(id: string): Promise<StoredDeadLetter | null>;
  list(filter: DeadLetterFilter, page: DeadLetterPage): Promise<StoredDeadLetter[]>;
  count(filter: DeadLetterFilter): Promise<number>;
  /** The given dead letters that the table does not have yet, or has with another reason or value. The same objects. */
  selectNew(deadLetters: readonly DeadLetter[]): Promise<DeadLetter[]>;
  /** Ids of the dead letters whose trajectory has a later record in the data store. */
  selectSuperseded(candidates: readonly DeadLetterTrajectory[]): Promise<ReadonlySet<string>>;
}
