/**
 * What this module needs of the data store, which has the dead letters as a table (`store/dead_letters.ts`), and how they are asked
 * for.
 */
import type { DeadLetter, StoredDeadLetter } from "./dead_letter.ts";

/** Which dead letters; what is left out does not matter. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[];
  readonly stage?: string;
  /** A part of the reason, in upper or lower case. */
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

/** A dead letter and the trajectory that its record is of. */
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
  /** Those of these objects that the table does not have yet, or has with another reason or value. */
  selectNew(deadLetters: readonly DeadLetter[]): Promise<DeadLetter[]>;
  /** Ids of those whose trajectory has a later record in the data store. */
  selectSuperseded(asked: readonly DeadLetterTrajectory[]): Promise<ReadonlySet<string>>;
}
