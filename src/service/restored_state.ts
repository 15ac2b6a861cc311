/**
 * The tables that no topic has, on their way from a backup into the data store: a restore leaves them beside the log, and the first
 * start puts them in, once the database has its tables.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { logFolder } from "../broker/log_backup.ts";
import type { Sql } from "../store/connection.ts";
import { writeKeptState } from "../store/kept_state.ts";
import { type Kept, keptSchema } from "./backup_manifest.ts";

const FILE = "restored.json";

/** The file with the tables, in the folder of a log. */
export const pendingFile = (logFolder: string): string => join(logFolder, FILE);

/** The tables that a restore left; null when there are none. @throws SyntaxError, ZodError when somebody has changed the file */
export async function readPending(dataDirectory: string): Promise<Kept | null> {
  let text: string;
  try {
    text = await readFile(pendingFile(logFolder(dataDirectory)), "utf8");
  } catch {
    return null;
  }
  return keptSchema.parse(JSON.parse(text));
}

/** Puts what a restore left into the data store. Rows that are there already win, so a start that is killed can repeat it. */
export async function applyPending(dataDirectory: string, sql: Sql): Promise<void> {
  const pending = await readPending(dataDirectory);
  if (pending === null) return;
  await writeKeptState(sql, pending);
  await rm(pendingFile(logFolder(dataDirectory)), { force: true });
}
