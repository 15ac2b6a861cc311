/**
 * A database of its own for a test: real PostgreSQL, migrated, empty.
 *
 *     const database = await createTestDatabase();
 *     afterAll(() => database.drop());
 *
 * or `await using database = await createTestDatabase();`. The server is the same for a whole run of the tests (an embedded
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
  /** A small pool on it, closed by `drop`. */
  readonly sql: Sql;
  /** Empties every table but the record of migrations: quicker than another database. */
  empty(): Promise<void>;
  /** Removes the database, cutting what is still connected; ends in any case. Calling it again is harmless. */
  drop(): Promise<void>;
}

/** A removal takes a fifth of a second; `dropDatabase` says what may hold it up for longer. */
const DROP_MS_MAX = 5_000;

/**
 * Makes a database.
 * @param options `empty`: without any table, to test migrations
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
      // What can't be removed in time is removed at the end of the run.
      await dropDatabase(adminUrl, name, DROP_MS_MAX);
    });
  return { url, sql: store.sql, empty, drop, [Symbol.asyncDispose]: drop };
}
