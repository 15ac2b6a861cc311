import { expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { openDriver } from "../../src/store/postgresjs/driver.ts";
import { until } from "./poll.ts";
import { createTestDatabase } from "./postgres.ts";
import { dropDatabases, urlOfDatabase } from "./test_server.ts";

/** Dropping times out after a while, and on a busy machine sessions end late. */
const TIMEOUT_MS = 60_000;

test("a database can be dropped while another test's client is silent in a COPY", async () => {
  await using other = await createTestDatabase();
  const database = await createTestDatabase();
  const adminUrl = urlOfDatabase(other.url, "postgres");
  const name = new URL(database.url).pathname.slice(1);
  const isThere = async () => {
    const found = await other.sql`select from pg_database where datname = ${name}`;
    return found.length > 0;
  };
  await database.sql`select 1`;

  const silent = openDriver({
    url: other.url,
    max: 1,
    applicationName: "silent",
    observe: unobserved,
  });
  await silent.sql`create table copied (line text)`;
  const copy = await silent.sql`copy copied from stdin`.writable();
  copy.write("a line\n");
  await until("the server waits for the next line", async () => {
    const found = await other.sql`
      select from pg_stat_activity where application_name = 'silent' and wait_event = 'ClientRead'`;
    return found.length > 0;
  });

  await database.drop();
  expect(await isThere()).toBe(true);

  const ended = new Promise((resolve) => copy.once("finish", resolve));
  copy.end();
  await ended;
  await silent.sql.end({ timeout: 1 });
  // As the end of the run does.
  await dropDatabases(adminUrl, name);
  expect(await isThere()).toBe(false);
}, TIMEOUT_MS);
