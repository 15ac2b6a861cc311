/**
 * The PostgreSQL that tests use: an embedded one in a temporary directory, or the server of `TEST_DATABASE_URL`; with a
 * migrated template database, of which each test gets a copy.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore } from "../../src/store/connection.ts";
import { startEmbeddedPostgres } from "../../src/store/embedded_postgres.ts";
import { migrate } from "../../src/store/migrate.ts";

export interface TestServer {
  /** URL of a database from which others may be created. */
  readonly adminUrl: string;
  /** Name of the migrated, empty database to copy. */
  readonly template: string;
  stop(): Promise<void>;
}

/** The same server, another database. */
export function urlOfDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}

/** A name no other run of the tests has. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

/** Runs one statement on a connection of its own. */
export async function administer(url: string, statement: string): Promise<void> {
  const store = connectStore({ url, max: 1, applicationName: "tests", observe: unobserved });
  try {
    await store.sql.unsafe(statement);
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
  const template = uniqueName("gmn_template");
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
    async stop() {
      if (given !== undefined) await administer(adminUrl, `drop database ${template} with (force)`);
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
    // Nothing here has to survive a power loss.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
  });
  return {
    adminUrl: server.url,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
      // A root process's cluster may have been put elsewhere.
      await rm(server.directory, { recursive: true, force: true });
    },
  };
}
