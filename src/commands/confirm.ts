/** Asks on the terminal before something is changed that can't be changed back. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { UsageError } from "./command.ts";

/** @throws UsageError when there is no terminal to ask on, and `isConfirmed` (the option --yes) does not say it either */
export function assertCanAsk(isConfirmed: boolean): void {
  if (isConfirmed || (process.stdin.isTTY === true && process.stdout.isTTY === true)) return;
  throw new UsageError("nobody can be asked here: --yes confirms it");
}

/** Asks `question`; whether the answer is `word`. @throws the signal's reason */
export async function confirmed(
  question: string,
  word: string,
  signal: AbortSignal,
): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C at the question is the terminal's, not the process's: it becomes the signal that ends the command.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const answer = await terminal.question(`${question} Type ${word} to confirm: `, { signal });
    return answer.trim() === word;
  } finally {
    terminal.close();
  }
}
