/**
 * A copy of the log, made while the broker writes, by SQLite's online backup.
 *
 * Any process may make one: it opens a connection of its own and reads the state of one moment, while the broker's writes go
 * to the WAL. So a copy holds everything that was acknowledged before it began, and delays no request. Deno's `backup` makes all
 * its steps without a pause in between, so it runs in a Worker (`backup_worker.ts`), and the caller can still be interrupted.
 */
import { BrokerRefusal } from "../errors.ts";
import type { FromBackup, LogContent, ToBackup } from "./backup_worker.ts";

export type { LogContent };

export interface LogBackupOptions {
  /** Directory of the broker, running or not. */
  readonly directory: string;
  /** The copy: a file that does not exist yet. It is whole, and on disk, when the call resolves. */
  readonly file: string;
  readonly signal?: AbortSignal;
  /** Called often while pages are copied. */
  readonly onProgress?: (pages: { readonly done: number; readonly total: number }) => void;
}

/**
 * Copies the log of `directory` to a file. Nothing is left of a copy that fails.
 * @throws BrokerRefusal when there is no log, it can't be read, or the copy can't be written; the signal's reason when it aborts
 */
export async function backUpLog(options: LogBackupOptions): Promise<void> {
  const { directory, file, signal, onProgress } = options;
  const stop = new SharedArrayBuffer(4);
  await inWorker({ kind: "copy", directory, file, stop }, signal, onProgress);
}

/**
 * Reads what a copy holds, after SQLite's integrity check of the whole file. Its bytes are not changed.
 * @throws BrokerRefusal when the file is damaged or no log; the signal's reason when it aborts
 */
export function inspectLog(file: string, signal?: AbortSignal): Promise<LogContent> {
  return inWorker({ kind: "inspect", file }, signal);
}

async function inWorker(
  order: ToBackup,
  signal?: AbortSignal,
  onProgress?: LogBackupOptions["onProgress"],
): Promise<LogContent> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./backup_worker.ts", import.meta.url), { type: "module" });
  const ended = Promise.withResolvers<LogContent>();
  // The copy ends itself at its next step, and removes what it has written.
  const abort = () =>
    order.kind === "copy"
      ? Atomics.store(new Int32Array(order.stop), 0, 1)
      : ended.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  worker.onmessage = ({ data }: MessageEvent<FromBackup>) => {
    if (data.kind === "progress") return onProgress?.(data);
    if (data.kind === "done") return ended.resolve(data.content);
    ended.reject(signal?.aborted ? signal.reason : new BrokerRefusal(data.message));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    ended.reject(new Error(event.message));
  };
  worker.postMessage(order);
  try {
    return await ended.promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
  }
}
