/** The environment of the process, with what `.env` adds. An edge: everything behind it gets a plain record. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseEnv } from "node:util";
import { explain, PermanentError } from "@gmn/failures";

/**
 * The environment's variables; those of the file `.env` in the working directory count where the environment has none.
 * @throws PermanentError when there is a `.env` that can't be read
 */
export function readEnvironment(): Record<string, string | undefined> {
  let text: string;
  try {
    text = readFileSync(".env", "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return { ...process.env };
    throw new PermanentError(`.env can't be read: ${explain(error)}`, { cause: error });
  }
  return { ...parseEnv(text), ...process.env };
}

/** The same for a command that ends: a person reads its output, and wants to know of nothing but trouble. */
export function readCommandEnvironment(): Record<string, string | undefined> {
  return { LOG_LEVEL: "warning", LOG_FORMAT: "human", ...readEnvironment() };
}
