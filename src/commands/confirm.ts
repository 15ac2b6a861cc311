/**
 * Asks on the terminal before something is changed that can't be changed back. A command that asks has `CONFIRM_OPTION` among its
 * options, `CONFIRM_HELP` in its help, and its exit codes from `askingExitCodesHelp`.
 */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import type { ParseArgsOptionsConfig } from "node:util";
import { exitCodesHelp, UsageError, type Values } from "./command.ts";

/** The option that answers the question beforehand. */
export const CONFIRM_OPTION = {
  yes: { type: "boolean", default: false },
} as const satisfies ParseArgsOptionsConfig;

/** Help on the option. */
export const CONFIRM_HELP =
  "  --yes          do it without asking; required when no terminal is there to ask";

/** The last lines of the help of a command that asks; see `exitCodesHelp`. */
export function askingExitCodesHelp(done: string, failed: string): string {
  return exitCodesHelp(
    done,
    failed,
    "wrong options; or no terminal is there to ask, and --yes is missing: nothing is changed",
  );
}

/** Whether the command line has the answer already. */
const isConfirmed = ({ yes }: Values): boolean => yes === true;

/** @throws UsageError when there is no terminal to ask on, and the option --yes does not answer either */
export function assertCanAsk(values: Values): void {
  if (isConfirmed(values) || (process.stdin.isTTY === true && process.stdout.isTTY === true)) {
    return;
  }
  throw new UsageError(
    "no terminal is there to ask, so nothing was changed: add --yes to confirm it",
  );
}

/**
 * Asks `question`, unless the option --yes has answered it.
 * @returns whether the answer is `word`; the end of the input (Ctrl-D) is no
 * @throws UsageError when nobody can be asked, and the signal's reason
 */
export async function confirmed(
  values: Values,
  question: string,
  word: string,
  signal: AbortSignal,
): Promise<boolean> {
  assertCanAsk(values);
  if (isConfirmed(values)) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C at the question is the terminal's, not the process's: it becomes the signal that ends the command.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  // At the end of the input the interface closes, and the question is never answered.
  const { promise: unanswered, resolve } = Promise.withResolvers<null>();
  const ended = () => {
    process.stdout.write("\n");
    resolve(null);
  };
  terminal.once("close", ended);
  try {
    const asked = terminal.question(`${question} Type ${word} to confirm: `, { signal });
    const answer = await Promise.race([asked, unanswered]);
    return answer?.trim() === word;
  } finally {
    terminal.off("close", ended);
    terminal.close();
  }
}
