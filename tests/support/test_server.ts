/**
 * The PostgreSQL that tests use: an embedded one in a temporary directory, or the server of `TEST_DATABASE_URL`. It has a
 * migrated template database; each test gets a copy.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore } from "../../src/store/connection.ts";
import { databaseCodeOf } from "../../src/store/database_errors.ts";
import { startEmbeddedPostgres } from "../../src/service/embedded_postgres.ts";
import { migrate } from "../../src/store/migrate.ts";

export interface TestServer {
  /** URL of a database that other databases can be created from. */
  readonly adminUrl: string;
  /** Name of the migrated, empty database to copy. */
  readonly template: string;
  /** Prefix of the names of all databases of this test run. */
  readonly prefix: string;
  stop(): Promise<void>;
}

/** The same server, another database. */
export function urlOfDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}

/** A name that no other test run uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

/** Runs one statement on a separate connection; with `limit_ms` the server cancels it after that time. */
export async function administer(url: string, statement: string, limit_ms = 0): Promise<void> {
  const store = connectStore({ url, max: 1, applicationName: "tests", observe: unobserved });
  try {
    await store.sql`select set_config('statement_timeout', ${String(limit_ms)}, false)`;
    await store.sql.unsafe(statement);
  } finally {
    await store.close();
  }
}

/** SQLSTATE of a statement that took longer than its limit. */
const QUERY_CANCELED = "57014";

/**
 * Drops a database and its open connections.
 *
 * The server closes the database's files once every session of the server has acknowledged it (a "ProcSignalBarrier"). A session in
 * the middle of a COPY whose client is silent does not acknowledge, whatever database it is in. Dropping would then wait for
 * another test's frozen process, for as long as that is frozen.
 * @returns false when that took longer than `limit_ms`: nobody can connect to it, and `dropDatabases` drops it later
 */
export async function dropDatabase(
  adminUrl: string,
  name: string,
  limit_ms: number,
): Promise<boolean> {
  try {
    await administer(adminUrl, `drop database if exists ${name} with (force)`, limit_ms);
    return true;
  } catch (error) {
    if (databaseCodeOf(error) === QUERY_CANCELED) return false;
    throw error;
  }
}

/** Drops every database whose name begins with `prefix`. */
export async function dropDatabases(adminUrl: string, prefix: string): Promise<void> {
  const store = connectStore({
    url: adminUrl,
    max: 1,
    applicationName: "tests",
    observe: unobserved,
  });
  try {
    const found = await store.sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${prefix})`;
    for (const { name } of found) await store.sql.unsafe(`drop database ${name} with (force)`);
  } finally {
    await store.close();
  }
}

/** Starts the server and makes the template. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL;
  const { adminUrl, stop } = given === undefined ? await startTemporary() : {
    adminUrl: given,
    stop: () => Promise.resolve(),
  };
  const prefix = uniqueName("gmn_test");
  const template = `${prefix}_template`;
  await administer(adminUrl, `create database ${template}`);
  const url = urlOfDatabase(adminUrl, template);
  const store = connectStore({ url, max: 1, applicationName: "tests", observe: unobserved });
  try {
    await migrate(store.sql, unobserved);
  } finally {
    await store.close();
  }
  return {
    adminUrl,
    template,
    prefix,
    async stop() {
      // The template, and databases that could not be dropped after their test.
      if (given !== undefined) await dropDatabases(adminUrl, prefix);
      await stop();
    },
  };
}

async function startTemporary(): Promise<{ adminUrl: string; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "gmn-test-postgres-"));
  const server = await startEmbeddedPostgres({
    directory,
    port: 0,
    observe: unobserved,
    // Nothing here needs to survive a power loss.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
  });
  return {
    adminUrl: server.url,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
      // The cluster of a root process may be in another folder.
      await rm(server.directory, { recursive: true, force: true });
    },
  };
}
