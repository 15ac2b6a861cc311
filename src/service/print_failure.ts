/** Prints text to standard output or standard error, and copes when these can't be written. */
import process from "node:process";
import { explain, hintOf } from "@gmn/failures";

/**
 * Writes `text`. A pipe whose reader has ended fails later, with an `error` event; a file on a full disk fails at once, with an
 * exception. Here both become events, so that the listeners (signals.ts, commands/command.ts) end the process in order.
 * @returns whether the text was accepted
 */
export function tell(stream: NodeJS.WriteStream, text: string): boolean {
  try {
    stream.write(text);
    return true;
  } catch (error) {
    if (stream.listenerCount("error") > 0) stream.emit("error", error);
    return false;
  }
}

/** Prints what went wrong and what to do. */
export function printFailure(error: unknown): void {
  const hint = hintOf(error);
  tell(
    process.stderr,
    `error: ${explain(error)}\n${hint === undefined ? "" : `hint: ${hint}\n`}`,
  );
}
