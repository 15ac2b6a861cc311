/** The Worker that copies a log, or checks a copy (`backup.ts`). It carries out one order. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { explain } from "../errors.ts";
import { FILE } from "./database.ts";

/** What a log holds. */
export interface LogContent {
  /** The id that clients know its cluster by. */
  readonly clusterId: string;
  /** Every partition, with the offsets of its first record and after its last one. */
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly start: number;
    readonly end: number;
  }[];
}

export type ToBackup =
  | {
    readonly kind: "copy";
    readonly directory: string;
    readonly file: string;
    /** One 32-bit integer: 1 ends the copy. The Worker reads no messages while it copies. */
    readonly stop: SharedArrayBuffer;
  }
  | { readonly kind: "inspect"; readonly file: string };

export type FromBackup =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "done"; readonly content: LogContent }
  | { readonly kind: "failed"; readonly message: string };

/** Pages in one step, 4 MiB: milliseconds between two looks at the stop. */
const STEP_PAGES = 256;
/** The broker may hold a lock for a moment while it starts or stops. */
const BUSY_TIMEOUT_MS = 5_000;

const say = (message: FromBackup): void =>
  (globalThis as unknown as { postMessage(message: FromBackup): void }).postMessage(message);

async function copy(
  { directory, file, stop }: Extract<ToBackup, { kind: "copy" }>,
): Promise<LogContent> {
  const source = join(directory, FILE);
  if (!existsSync(source)) throw new Error(`there is no log in ${directory}`);
  const db = new DatabaseSync(source);
  try {
    db.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
    // One read transaction around all steps: SQLite would begin again after each write of the broker.
    db.exec("BEGIN");
    const content = contentOf(db);
    const stopped = new Int32Array(stop);
    await backup(db, file, {
      rate: STEP_PAGES,
      progress: ({ totalPages, remainingPages }) => {
        if (Atomics.load(stopped, 0) === 1) throw new Error("stopped");
        say({ kind: "progress", done: totalPages - remainingPages, total: totalPages });
      },
    });
    db.exec("COMMIT");
    // The WAL grew for as long as the copy took. Moved into the database here, it does not stop the broker.
    db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    return content;
  } catch (error) {
    for (const left of [file, `${file}-journal`]) rmSync(left, { force: true });
    throw error;
  } finally {
    db.close();
  }
}

function inspect(file: string): LogContent {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  // Not readOnly: that would leave an empty WAL beside the file.
  const db = new DatabaseSync(file);
  try {
    const { integrity_check } = db.prepare("PRAGMA integrity_check(1)").get() ?? {};
    if (integrity_check !== "ok") {
      throw new Error(`${file} fails SQLite's integrity check: ${integrity_check}`);
    }
    return contentOf(db);
  } finally {
    db.close();
  }
}

function contentOf(db: DatabaseSync): LogContent {
  const { value } = db.prepare("SELECT value FROM meta WHERE name = 'cluster_id'").get() ?? {};
  const partitions = db.prepare(`
    SELECT name AS topic, number AS partition, start_offset AS start, max(start_offset, coalesce((SELECT last_offset + 1
      FROM batch WHERE partition_id = p.partition_id ORDER BY base_offset DESC LIMIT 1), 0)) AS "end"
    FROM partition AS p JOIN topic USING (topic_id) ORDER BY name, number`).all();
  return {
    clusterId: String(value),
    partitions: partitions.map((row) => ({ ...row })) as unknown as LogContent["partitions"],
  };
}

(globalThis as unknown as { onmessage: (event: MessageEvent<ToBackup>) => void }).onmessage =
  async ({ data: order }) => {
    try {
      const content = order.kind === "copy" ? await copy(order) : inspect(order.file);
      say({ kind: "done", content });
    } catch (error) {
      say({ kind: "failed", message: explain(error) });
    }
  };
