/**
 * Words for a person, on standard output or standard error, whatever becomes of these.
 */
import process from "node:process";
import { explain, hintOf } from "@gmn/failures";

/**
 * Writes `text`. A pipe whose reader is gone says so later, by an `error` event; a file on a full disk at once, by an exception: here
 * both are events, so that whoever listens (signals.ts, commands/command.ts) ends in order, wherever the text was written.
 * @returns whether the text was taken
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

/** Prints what went wrong and what to do, for a person. */
export function printFailure(error: unknown): void {
  const hint = hintOf(error);
  tell(
    process.stderr,
    `error: ${explain(error)}\n${hint === undefined ? "" : `hint: ${hint}\n`}`,
  );
}
