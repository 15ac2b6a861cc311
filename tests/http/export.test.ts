/**
 * Large exports: they follow the client's pace, use bounded memory, and release the database connection whatever the client does.
 */
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveHttp } from "../../src/http/server.ts";
import { streamRows } from "../../src/store/row_stream.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { apiOn } from "./api.ts";

/** 20 MB of CSV; all rows at once in memory would take ten times as much. */
const ROWS = 30_000;

const LF = 0x0a;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql`
    insert into meteor (id, beginning_utc_time, topic_partition, topic_offset, ${
    database.sql.unsafe(COLUMNS.join(", "))
  })
    select 'm' || n, timestamptz '2024-01-01Z' + n * interval '1 s', 0, n, ${
    database.sql.unsafe(COLUMNS.map(() => "random() * 100").join(", "))
  } from generate_series(1, ${ROWS}) n`;
  await database.sql`analyze meteor`;
});
afterAll(() => database?.drop());

const COLUMNS = ["vgeo_km_s", "e", "q_au", "a_au", "peak_absmag", "htbeg_km", "htend_km"]
  .concat(Array.from({ length: 33 }, (_, n) => `sigma_${n + 1}`));

async function openTransactions(): Promise<number> {
  const [row] = await database.sql<{ open: number }[]>`
    select count(*)::int as open from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'`;
  return row!.open;
}

describe("GET /meteors?format=csv", () => {
  test("of everything, over a real connection, in bounded memory", async () => {
    const { app } = apiOn(database.sql);
    const server = serveHttp({ host: "127.0.0.1", port: 0, fetch: (r) => app.fetch(r) });
    try {
      const response = await fetch(`${server.url}/meteors?format=csv`);
      let bytes = 0;
      let lines = 0;
      let most_bytes = 0;
      const before_bytes = process.memoryUsage().rss;
      let sampled_bytes = 0;
      for await (const chunk of response.body!) {
        bytes += chunk.length;
        for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) lines++;
        if (bytes - sampled_bytes < 500_000) continue;
        sampled_bytes = bytes;
        most_bytes = Math.max(most_bytes, process.memoryUsage().rss - before_bytes);
      }
      expect(lines).toBe(ROWS + 1);
      expect(bytes).toBeGreaterThan(20_000_000);
      // Client and server are this process; its growth is mostly garbage not collected yet.
      expect(most_bytes).toBeLessThan(250_000_000);
    } finally {
      await server.stop();
    }
  }, 60_000);

  test("waits for a client that does not read, and ends with one that leaves", async () => {
    const { app } = apiOn(database.sql);
    const response = await app.request("/meteors?format=ndjson");
    const reader = response.body!.getReader();
    await reader.read();
    await until("the cursor waits", async () => await openTransactions() === 1);
    await reader.cancel();
    await until("the transaction has ended", async () => await openTransactions() === 0);
  });

  test("more exports than allowed are refused, until one has ended", async () => {
    const { app } = apiOn(database.sql);
    const get = async () => await app.request("/meteors?format=csv");
    const under = await Promise.all([get(), get(), get(), get()]);
    expect((await get()).status).toBe(429);
    await Promise.all(under.map((response) => response.body!.cancel()));
    const after = await get();
    expect(after.status).toBe(200);
    await after.body!.cancel();
  });

  test("HEAD takes no export slot and opens no transaction", async () => {
    const { app } = apiOn(database.sql);
    for (let n = 0; n < 10; n++) {
      const response = await app.request("/meteors?format=csv", { method: "HEAD" });
      expect(response.status).toBe(200);
    }
    expect(await openTransactions()).toBe(0);
  });

  test("a database failure in the middle aborts the body, so that it does not look complete", async () => {
    const { app } = apiOn(database.sql);
    const response = await app.request("/meteors?format=csv");
    const reader = response.body!.getReader();
    await reader.read();
    await until("the cursor waits", async () => await openTransactions() === 1);
    await database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`.catch(() => {});
    await expect((async () => {
      while (!(await reader.read()).done);
    })()).rejects.toThrow();
  });
});

test("a stream that nobody reads is ended with an error", async () => {
  const rows = streamRows(
    database.sql,
    (transaction) => [transaction`select n from generate_series(1, 100000) n`],
    50,
  );
  const reader = rows.getReader();
  expect((await reader.read()).value?.length).toBeGreaterThan(0);
  await until("the transaction has ended", async () => await openTransactions() === 0);
  await expect((async () => {
    while (!(await reader.read()).done);
  })()).rejects.toThrow(/nothing was read/);
});
