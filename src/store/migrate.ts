/**
 * Brings a database to the state this version of the service needs.
 *
 * Each of the numbered SQL files under `migrations/` is applied once, in order, in its own transaction and under an advisory
 * lock, so that two processes may start together. An applied file must not change: its checksum is recorded. The parts that
 * derive from the Avro schema come last (`derived_tables.ts`).
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { explain, PermanentError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import type { Sql, TransactionSql } from "./connection.ts";
import { DERIVED_NAME, planDerived } from "./derived_tables.ts";

/** A numbered SQL file. */
export interface Migration {
  /** File name without `.sql`; the number in front gives the order. */
  readonly name: string;
  readonly text: string;
}

const DIRECTORY = new URL("./migrations/", import.meta.url);
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;
/** Key of the advisory lock: "gmn" and "mig" in hexadecimal. */
const MIGRATION_LOCK = [0x676d6e, 0x6d6967] as const;
/** A start that is blocked by a long query on a table to alter reports it instead of waiting forever. */
const LOCK_TIMEOUT = "30s";
/** The oldest server version that this is tested with. */
const SERVER_VERSION_MIN = 150_000;

/** The migrations of this version, in order. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(DIRECTORY)).filter((name) => FILE_NAME.test(name)).sort();
  return await Promise.all(files.map(async (file) => ({
    name: file.slice(0, -".sql".length),
    text: await readFile(new URL(file, DIRECTORY), "utf8"),
  })));
}

/**
 * Applies missing migrations. Running it again, or twice at once, is harmless.
 * @throws PermanentError when an applied file was changed, the database is newer than this version, or a statement fails
 * @throws TransientError when the database can't be reached or a table stays locked
 */
export async function migrate(
  sql: Sql,
  observe: Observe,
  migrations?: readonly Migration[],
): Promise<void> {
  const wanted = migrations ?? await readMigrations();
  await sql.begin(async (transaction) => {
    await lock(transaction);
    await assertServerVersion(transaction);
    await createHistory(transaction);
    await assertKnown(transaction, wanted);
  });
  for (const migration of wanted) await step(sql, migration.name, applying(migration), observe);
  await step(sql, DERIVED_NAME, derive, observe);
}

async function lock(sql: TransactionSql): Promise<void> {
  const [a, b] = MIGRATION_LOCK;
  // Before the time-out is set: waiting for another process to migrate is right, however long it takes.
  await sql`select pg_advisory_xact_lock(${a}, ${b})`;
  await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
}

async function assertServerVersion(sql: TransactionSql): Promise<void> {
  const [row] = await sql<{ number: number; text: string }[]>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as text`;
  if (row !== undefined && row.number < SERVER_VERSION_MIN) {
    throw new PermanentError(`PostgreSQL ${row.text} is too old`, {
      hint: "set DATABASE_URL to a PostgreSQL 15 or newer",
    });
  }
}

async function createHistory(sql: TransactionSql): Promise<void> {
  const [there] = await sql`select from pg_class where oid = to_regclass('schema_migration')`;
  if (there !== undefined) return;
  await sql`
    create table schema_migration (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`;
  await sql`comment on table schema_migration is 'Migrations applied to this database, with the checksums of their files.'`;
}

async function assertKnown(sql: TransactionSql, wanted: readonly Migration[]): Promise<void> {
  const rows = await sql<{ name: string }[]>`select name from schema_migration`;
  const known = new Set([DERIVED_NAME, ...wanted.map(({ name }) => name)]);
  const unknown = rows.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new PermanentError(
      `this database has migrations that this version does not know: ${unknown.sort().join(", ")}`,
      { hint: "a newer version of the service has used this database: start that version" },
    );
  }
}

/**
 * A migration step, run in its transaction. Returns the checksum to record, or null when there was nothing to do.
 * `recorded` is the checksum recorded last time, or null.
 */
type Change = (transaction: TransactionSql, recorded: string | null) => Promise<string | null>;

async function step(sql: Sql, name: string, change: Change, observe: Observe): Promise<void> {
  const startedAt = performance.now();
  const isChanged = await sql.begin(async (transaction) => {
    await lock(transaction);
    const [row] = await transaction<{ checksum: string }[]>`
      select checksum from schema_migration where name = ${name}`;
    const checksum = await change(transaction, row?.checksum ?? null);
    if (checksum === null) return false;
    await transaction`
      insert into schema_migration (name, checksum) values (${name}, ${checksum})
      on conflict (name) do update set checksum = excluded.checksum, applied_at = now()`;
    return true;
  });
  if (isChanged) observe("database.migrated", { name, took_ms: performance.now() - startedAt });
}

function applying({ name, text }: Migration): Change {
  const checksum = createHash("sha256").update(text).digest("hex");
  return async (transaction, recorded) => {
    if (recorded === checksum) return null;
    if (recorded !== null) {
      throw new PermanentError(
        `migration ${name} has been applied to this database, and its file has changed since`,
        { hint: "restore the file, and make the change in a new file with the next number" },
      );
    }
    await transaction.unsafe(text).catch((cause: unknown) => {
      throw new PermanentError(`migration ${name} failed: ${explain(cause)}`, { cause });
    });
    return checksum;
  };
}

const derive: Change = async (transaction, recorded) => {
  const { statements, checksum } = await planDerived(transaction, recorded);
  if (statements.length === 0) return null;
  await transaction.unsafe(statements.join(";\n"));
  return checksum;
};
