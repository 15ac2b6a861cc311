/**
 * Copies of the embedded broker's log, for backups: made while the broker runs or not, and checked before they are used. Other
 * brokers have tools of their own (docs/operations.md).
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  backUpLog,
  BrokerRefusal,
  inspectLog,
  type LogBackupOptions,
  type LogContent,
} from "@gmn/embedded-broker";
import { PermanentError } from "@gmn/failures";

export type { LogContent };

/** Name of the log's file in its folder, and in a backup. */
export const LOG_FILE = "broker.sqlite";

/** The folder of a data directory with the embedded broker's log. */
export function logFolder(dataDirectory: string): string {
  return join(dataDirectory, "broker");
}

/** Bytes of the log on the disk, with those that are still in its WAL; null when there is no log. */
export async function logBytes(dataDirectory: string): Promise<number | null> {
  const sizes = await Promise.all(
    [LOG_FILE, `${LOG_FILE}-wal`].map((name) =>
      stat(join(logFolder(dataDirectory), name)).then(({ size }) => size, () => null)
    ),
  );
  return sizes[0] === null ? null : sizes[0]! + (sizes[1] ?? 0);
}

/**
 * Copies the log as it is now to `file`, whether its broker runs or not.
 * @throws PermanentError when the log can't be read or the copy can't be written; the signal's reason when it aborts
 */
export function copyLog(
  dataDirectory: string,
  options: Omit<LogBackupOptions, "directory">,
): Promise<void> {
  return asOurs(backUpLog({ ...options, directory: logFolder(dataDirectory) }), "the backup");
}

/**
 * What a copy holds, after a check of its whole file.
 * @throws PermanentError when it is damaged, or no log; the signal's reason when it aborts
 */
export function inspectCopy(file: string, signal?: AbortSignal): Promise<LogContent> {
  return asOurs(inspectLog(file, signal), "the copy of the log can't be used");
}

async function asOurs<Result>(work: Promise<Result>, what: string): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof BrokerRefusal)) throw error;
    throw new PermanentError(`${what}: ${error.message}`, { cause: error });
  }
}
