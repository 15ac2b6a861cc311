/**
 * A separate database for each test: real PostgreSQL, migrated, empty.
 *
 *     const database = await createTestDatabase();
 *     afterAll(() => database.drop());
 *
 * or `await using database = await createTestDatabase();`. The server is the same for the whole test run (an embedded
 * PostgreSQL, or the one `TEST_DATABASE_URL` names) and starts when the first test asks.
 */
import { inject } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore, type Sql, type Store } from "../../src/store/connection.ts";
import "./provided.ts";
import {
  administer,
  dropDatabase,
  type TestServer,
  uniqueName,
  urlOfDatabase,
} from "./test_server.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** A small connection pool, closed by `drop`. */
  readonly sql: Sql;
  /** Empties every table except the record of migrations: faster than creating another database. */
  empty(): Promise<void>;
  /** Drops the database and its open connections; always returns. Calling it again is harmless. */
  drop(): Promise<void>;
}

/** Dropping takes a fifth of a second; `dropDatabase` says what may delay it. */
const DROP_MS_MAX = 5_000;

/**
 * Makes a database.
 * @param options `empty`: without tables, to test migrations
 */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const response = await fetch(inject("postgresLauncher"));
  if (!response.ok) throw new Error(`no PostgreSQL for tests: ${await response.text()}`);
  const { adminUrl, template, prefix } = await response.json() as Omit<TestServer, "stop">;
  const name = uniqueName(prefix);
  await administer(
    adminUrl,
    `create database ${name} template ${options.empty === true ? "template0" : template}`,
  );
  const url = urlOfDatabase(adminUrl, name);
  const store: Store = connectStore({ url, max: 4, applicationName: "test", observe: unobserved });
  async function empty(): Promise<void> {
    const tables = await store.sql<{ name: string }[]>`
      select quote_ident(relname) as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'schema_migration'`;
    await store.sql.unsafe(`truncate ${tables.map(({ name }) => name).join(", ")}`);
  }
  let dropped: Promise<void> | null = null;
  const drop = (): Promise<void> =>
    dropped ??= store.close().then(async () => {
      // What can't be dropped in time is dropped at the end of the run.
      await dropDatabase(adminUrl, name, DROP_MS_MAX);
    });
  return { url, sql: store.sql, empty, drop, [Symbol.asyncDispose]: drop };
}
