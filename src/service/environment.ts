/** The environment of the process, plus the variables of `.env`. Read only at the edge: all other code gets a plain record. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseEnv } from "node:util";
import { explain, PermanentError } from "@gmn/failures";

/**
 * The environment's variables; variables of the file `.env` in the working directory apply where the environment has none.
 * @throws PermanentError when a `.env` exists but can't be read
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

/** The same for a command that ends: a person reads its output and should see only problems. */
export function readCommandEnvironment(): Record<string, string | undefined> {
  return { LOG_LEVEL: "warning", LOG_FORMAT: "human", ...readEnvironment() };
}
