/** What became of a run's rows, in words, for commands. */
import type { Outcome, RowAccounts } from "./row_accounts.ts";

/** In the order in which people read them. `duplicate` is rare, and left out when there is none. */
const WORDS: readonly Outcome[] = ["new", "changed", "repeated", "stale", "duplicate"];

const count = (n: number): string => n.toLocaleString("en-US");

/** `9 loaded (2 new, 4 changed, 3 repeated, 0 stale)` */
export function sayLoaded({ loaded, ...outcomes }: Omit<RowAccounts, "dead">): string {
  const known = WORDS.flatMap((word) => {
    const rows = outcomes[word];
    return rows === null || (word === "duplicate" && rows === 0) ? [] : [`${count(rows)} ${word}`];
  });
  return `${count(loaded)} loaded${known.length === 0 ? "" : ` (${known.join(", ")})`}`;
}
