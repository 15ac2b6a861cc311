/**
 * The single file of the embedded broker: a SQLite database with topics, record batches, group offsets, producer states
 * and (in separate tables) the schema registry.
 *
 * Durability: WAL with `synchronous=FULL` means that a COMMIT returns when its pages are on disk (fsync of the WAL), so
 * committed data survives kill -9 and power loss, as far as the disk honours fsync.
 *
 * One broker at a time: SQLite's own lock on a file beside the database is held until the database is closed. The operating
 * system releases it when the process dies, so there is never a stale lock to remove. The database itself is open to readers:
 * a backup reads it through SQLite while the broker writes (`storage/backup.ts`). Nobody else may write to it, and this process opens it through SQLite only: with POSIX locks, closing
 * any other handle of the file would release the lock.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BrokerRefusal, explain } from "../errors.ts";

/** Name of the database in the broker's directory. */
export const FILE = "broker.sqlite";
/** An empty database whose lock the broker holds. Never removed: a file that is removed while others wait for its lock excludes nobody. */
const LOCK_FILE = "broker.lock";
/** Only for the error message of a second process; SQLite holds the actual lock. */
const OWNER_FILE = "broker.pid";
/** The lock that belongs to an open database. */
const locks = new WeakMap<DatabaseSync, DatabaseSync>();

/**
 * Larger than the default of 4 KiB: batches of up to 1 MiB are read at 3 GB/s instead of 370 MB/s (fewer overflow pages
 * to follow) and written a fifth faster. Even larger pages (32, 64 KiB) make small commits slower.
 */
const PAGE_BYTES = 16_384;
/**
 * The WAL is checkpointed (inside a commit) when it reaches this size. A smaller limit costs throughput, a larger one
 * makes the pause longer: 16 MiB is about 0.1 s on the 2-core machine this is built on, 64 MiB 0.3 s for a tenth more throughput.
 */
const WAL_BYTES = 16 * 1024 * 1024;
/** SQLite's cache for hot pages. The operating system's cache is sufficient for the rest. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** A restart may overlap the end of the previous process. */
const BUSY_TIMEOUT_MS = 1000;
/** Raised when the tables change; a database of a newer broker is refused. */
const FORMAT = 1;

/**
 * - `batch`: a row per record batch, in order of arrival, so all partitions grow at the end of one B-tree. `bytes` comes
 *   last: reading the columns before it never touches its overflow pages. `running_max_timestamp` is the largest
 *   timestamp of the partition up to and including this batch: it never decreases, which allows a binary search by time.
 * - `doomed_partition`: partitions of deleted topics whose batches are still being removed, in small steps.
 */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE topic (
    topic_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, configs TEXT NOT NULL
  );
  CREATE TABLE partition (
    partition_id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER NOT NULL REFERENCES topic, number INTEGER NOT NULL, start_offset INTEGER NOT NULL,
    UNIQUE (topic_id, number)
  );
  CREATE TABLE doomed_partition (partition_id INTEGER PRIMARY KEY);
  CREATE TABLE batch (
    batch_id INTEGER PRIMARY KEY, partition_id INTEGER NOT NULL, base_offset INTEGER NOT NULL,
    last_offset INTEGER NOT NULL, running_max_timestamp INTEGER NOT NULL, bytes BLOB NOT NULL
  );
  CREATE UNIQUE INDEX batch_by_offset ON batch (partition_id, base_offset);
  CREATE TABLE producer (
    partition_id INTEGER NOT NULL, producer_id INTEGER NOT NULL, epoch INTEGER NOT NULL,
    batches TEXT NOT NULL, last_seen_ms INTEGER NOT NULL,
    PRIMARY KEY (partition_id, producer_id)
  ) WITHOUT ROWID;
  CREATE TABLE consumer_group (
    group_id TEXT PRIMARY KEY, protocol_type TEXT NOT NULL, generation INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE group_offset (
    group_id TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT, committed_ms INTEGER NOT NULL,
    PRIMARY KEY (group_id, topic, partition)
  ) WITHOUT ROWID;
`;

/**
 * Opens (or creates) the database in `directory` and locks it for this process.
 * @throws BrokerRefusal when another process uses it, when it has a newer format, or when the directory can't be used
 */
export function openDatabase(directory: string): DatabaseSync {
  let db: DatabaseSync | undefined, lock: DatabaseSync | undefined;
  try {
    mkdirSync(directory, { recursive: true });
    lock = new DatabaseSync(join(directory, LOCK_FILE));
    lock.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}; BEGIN EXCLUSIVE`);
    db = new DatabaseSync(join(directory, FILE));
    locks.set(db, lock);
    db.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
    // The order matters: the first write fixes the page size.
    db.exec(`PRAGMA page_size=${PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL`);
    db.exec(`PRAGMA wal_autocheckpoint=${WAL_BYTES / PAGE_BYTES}`);
    db.exec(`PRAGMA cache_size=-${CACHE_BYTES / 1024}`);
    migrate(db, directory);
    writeFileSync(join(directory, OWNER_FILE), `${process.pid}\n`);
    return db;
  } catch (error) {
    db?.close();
    lock?.close();
    if (error instanceof BrokerRefusal) throw error;
    throw refusal(directory, error);
  }
}

/**
 * Checkpoints the WAL and closes the database. If the checkpoint fails (a full disk), the WAL stays beside the main file, and
 * nothing is lost: the next start reads it.
 */
export function closeDatabase(db: DatabaseSync, directory: string): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // The WAL stays; the stop continues.
  }
  rmSync(join(directory, OWNER_FILE), { force: true });
  db.close();
  locks.get(db)?.close();
}

function migrate(db: DatabaseSync, directory: string): void {
  db.exec("BEGIN IMMEDIATE");
  const { user_version: found } = db.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  if (found > FORMAT) {
    throw new BrokerRefusal(
      `the broker's database in ${directory} has format ${found}; this version knows up to ${FORMAT}`,
      { hint: "Start the version of the service that wrote it, or another data directory." },
    );
  }
  if (found === 0) db.exec(`${TABLES} PRAGMA user_version=${FORMAT}`);
  db.exec("COMMIT");
}

function refusal(directory: string, error: unknown): BrokerRefusal {
  const reason = explain(error);
  if (!/database is locked/.test(reason)) {
    return new BrokerRefusal(`the broker's database in ${directory} can't be opened: ${reason}`, {
      cause: error,
      hint: "See that the directory can be written and its disk is not full.",
    });
  }
  return new BrokerRefusal(
    `the broker's database in ${directory} is in use by another process${owner(directory)}`,
    { hint: "Stop the other process, or give this one another data directory (DATA_DIR)." },
  );
}

function owner(directory: string): string {
  try {
    return ` (process ${readFileSync(join(directory, OWNER_FILE), "utf8").trim()})`;
  } catch {
    return "";
  }
}
