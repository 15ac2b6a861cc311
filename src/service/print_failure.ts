/**
 * A failure on standard error, for a person.
 */
import process from "node:process";
import { explain, hintOf } from "../failures/failures.ts";

/** Prints what went wrong and what to do, for a person. */
export function printFailure(error: unknown): void {
  const hint = hintOf(error);
  process.stderr.write(`error: ${explain(error)}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
}
