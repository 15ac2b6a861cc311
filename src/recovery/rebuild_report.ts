/** What a rebuild reports: to the person who asked for it, or as the reason why it was refused. */
import { PermanentError } from "@gmn/failures";
import type { TableDifference } from "../store/table_differences.ts";

/** What a rebuild found and did. */
export interface Rebuilt {
  /** Records read from the log. */
  readonly records: number;
  /** Whether the live tables are now those of the log. False when they were only compared. */
  readonly isApplied: boolean;
  readonly tables: readonly TableDifference[];
  /** One line for each table that differed. */
  readonly differences: readonly string[];
  /** What the log no longer has, one line each. A rebuild is refused when there is any, unless it was accepted. */
  readonly losses: readonly string[];
  /** Records that could not be loaded and had no dead letter yet. */
  readonly newDeadLetters: number;
}

/** The rebuild would have lost something. The live tables are as they were. */
export class RebuildRefusedError extends PermanentError {
  override readonly name = "RebuildRefusedError";
  constructor(readonly report: Rebuilt) {
    super(
      `the tables stay as they are: the log does not have all that was loaded from it\n${
        report.losses.map((loss) => `  ${loss}`).join("\n")
      }`,
      {
        hint: "repair or refill the log first; --accept-loss replaces the tables all the same, " +
          "and what only the data store has is lost then",
      },
    );
  }
}
