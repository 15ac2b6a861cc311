import { createServer } from "node:net";
import { finished } from "node:stream/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TransientError, wait } from "@gmn/failures";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore, type Store } from "../../src/store/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

// A throw in one of the driver's timers is an uncaught exception, which fails the run. Many of these tests check for that.

let database: TestDatabase;
const stores: Store[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
afterAll(() => database.drop());

function connect(max = 2, url = database.url): Store {
  const store = connectStore({ url, max, applicationName: "under test", observe: unobserved });
  stores.push(store);
  return store;
}
const killAll = () =>
  database.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'under test' and datname = current_database()`;
const caught = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then((value) => ({ resolved: value }), (error: unknown) => error);

describe("values", () => {
  test("64-bit integers, times in UTC, year 1, dates, nulls, arrays", async () => {
    const { sql } = connect();
    const [row] = await sql`
      select 9007199254740993::bigint as big, '2026-02-03 04:05:06.123456+01'::timestamptz as time,
        '0001-01-01 00:00:00+00'::timestamptz as first, '2026-02-03'::date as date, null as nothing, '{a,b}'::text[] as list`;
    expect(row).toEqual({
      big: 9007199254740993n,
      time: new Date("2026-02-03T03:05:06.123Z"),
      first: new Date("0001-01-01T00:00:00Z"),
      date: new Date("2026-02-03T00:00:00Z"),
      nothing: null,
      list: ["a", "b"],
    });
    const time = new Date("2026-02-03T04:05:06.789Z");
    expect(
      await sql`select ${time}::timestamptz as time, ${
        sql.json({ a: 1 })
      } as json, ${9007199254740993n}::bigint as big`,
    )
      .toMatchObject([{ time, json: { a: 1 }, big: 9007199254740993n }]);
  });

  test("transactions commit, and roll back on failure; fragments and helpers work", async () => {
    const { sql } = connect();
    await sql`create table if not exists t (a int primary key, b text)`;
    expect(await sql.begin((tx) => [tx`select 1 as one`, tx`select 2 as two`])).toMatchObject([[{
      one: 1,
    }], [{ two: 2 }]]);
    await sql.begin("isolation level serializable", async (tx) => {
      await tx`insert into t ${tx([{ a: 1, b: "x" }, { a: 2, b: "y" }])}`;
    });
    const failure = new Error("of the caller");
    await expect(sql.begin(async (tx) => {
      await tx`delete from t`;
      throw failure;
    })).rejects.toBe(failure);
    await expect(sql.begin((tx) => tx`insert into t values (1, 'again')`)).rejects.toMatchObject({
      name: "DataRefusedError",
      cause: { code: "23505" },
    });
    expect(await sql`select a from t where ${sql`a > ${1}`} order by a`).toMatchObject([{ a: 2 }]);
    expect(await sql`select count(*)::int as n from t`).toMatchObject([{ n: 2 }]);
  });

  test("small statements do not wait for each other's acknowledgements", async () => {
    const { sql } = connect(1);
    await sql`create temp table n (i integer)`;
    const startedAt = performance.now();
    for (let round = 0; round < 20; round++) {
      // Several messages without an answer in between: with Nagle's algorithm each of these takes 80 ms.
      const into = await sql.unsafe("copy n from stdin").writable();
      for (const row of ["1\n", "2\n"]) await new Promise((taken) => into.write(row, taken));
      await finished(into.end());
      const stream = await sql.unsafe("copy (select 1) to stdout").readable();
      for await (const _chunk of stream) { /* discard */ }
      await sql`select 1`;
    }
    expect(performance.now() - startedAt).toBeLessThan(20 * 30);
    expect(await sql`select count(*)::int as n from n`).toMatchObject([{ n: 40 }]);
  });
});

describe("a query that the database refuses", () => {
  const REFUSED = { name: "DataRefusedError", cause: { code: "22012" } };

  test("rejects with our own error type, however it is awaited", async () => {
    const { sql } = connect();
    expect(await caught(sql`select 1 / ${0}::int`)).toMatchObject(REFUSED);
    expect(await caught(sql.unsafe("select 1 / $1::int", [0]))).toMatchObject(REFUSED);
    expect(await caught(sql.unsafe("select 1; select 1 / 0").simple())).toMatchObject(REFUSED);
    expect(await caught(sql`select 1 / ${0}::int`.values())).toMatchObject(REFUSED);
    expect(await caught(sql`select 1 / ${0}::int`.forEach(() => {}))).toMatchObject(REFUSED);
    expect(await caught(sql`select 1 / ${0}::int`.cursor(1, () => {}))).toMatchObject(REFUSED);
    const query = sql`select 1 / ${0}::int`.execute();
    expect(await caught(query.then(() => "never"))).toMatchObject(REFUSED);
    expect(await caught(query.catch((error) => error))).toMatchObject({ resolved: REFUSED });
    expect(await caught(sql.begin((tx) => tx`select 1 / ${0}::int`))).toMatchObject(REFUSED);
    expect(await caught(sql`select ${undefined as unknown as number}`))
      .toMatchObject({ name: "PermanentError", cause: { code: "UNDEFINED_VALUE" } });
  });

  test("fails as a whole: its fragments do not settle, and may be used in other queries", async () => {
    const { sql } = connect();
    const ratio = sql`1 / ${0}::int`;
    const isAbove = (value: number) => sql`n > ${value}::int`;
    expect(await caught(sql`select ${ratio} as n where ${sql`true`}`)).toMatchObject(REFUSED);
    expect(await sql`select 7 as n where ${true} or ${ratio} = 1`).toMatchObject([{ n: 7 }]);
    expect(
      await sql`select ${sql("n")} from (${sql`select ${2}::int as n`}) as t where ${[
        isAbove(0),
        sql`and ${isAbove(1)}`,
      ]}`,
    ).toMatchObject([{ n: 2 }]);
    // An unhandled rejection of a fragment would fail the run.
    await wait(20);
  });

  test("can be repeated after it was cancelled", async () => {
    const { sql } = connect();
    const sleeping = sql`select pg_sleep(60)`.execute();
    await sql`select 1`;
    sleeping.cancel();
    expect(await caught(sleeping)).toMatchObject({
      name: "TransientError",
      cause: { code: "57014" },
    });
  });
});

describe("a backend that dies", () => {
  test("between two statements of a transaction: the transaction fails, the pool keeps working", async () => {
    const { sql } = connect();
    const failure = await caught(sql.begin(async (tx) => {
      await tx`select 1`;
      await killAll();
      // Loops until this process notices the loss: then `begin` itself rejects, although this function is not told.
      for (;;) await tx`select 1`;
    }));
    expect(failure).toBeInstanceOf(TransientError);
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
  });

  test("during a statement in a transaction", async () => {
    const { sql } = connect();
    const failure = await caught(sql.begin(async (tx) => {
      const sleeping = tx`select pg_sleep(60)`.execute();
      await killAll();
      await sleeping;
    }));
    expect(failure).toBeInstanceOf(TransientError);
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
  });

  test("while code that catches its errors continues in the transaction", async () => {
    const { sql } = connect();
    const failure = await caught(sql.begin(async (tx) => {
      const sleeping = tx`select pg_sleep(60)`.execute();
      await killAll();
      await caught(sleeping);
      await caught(Promise.resolve().then(() => tx`select 1`));
      return "all well";
    }));
    expect(failure).toBeInstanceOf(TransientError);
  });

  test("under load, repeatedly: every query ends, and the pool keeps working", async () => {
    const { sql } = connect(4);
    let done = 0;
    let failed = 0;
    const work = async (): Promise<void> => {
      for (let round = 0; round < 40; round++) {
        const end = await caught(
          round % 3 === 0
            ? sql.begin(async (tx) => {
              await tx`select ${round}::int`;
              await tx`select pg_sleep(0.001)`;
            })
            : sql`select ${"x".repeat(2000)}::text, ${round}::int`,
        );
        if (end instanceof Error) {
          expect(end).toBeInstanceOf(TransientError);
          failed++;
        } else done++;
      }
    };
    let working = true;
    const killer = async (): Promise<void> => {
      while (working) await killAll();
    };
    const killing = killer();
    await Promise.all(Array.from({ length: 8 }, work));
    working = false;
    await killing;
    expect(done + failed).toBe(320);
    expect(failed).toBeGreaterThan(0);
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
  });
});

describe("no server", () => {
  test("nobody listens: transient, each time", async () => {
    const { sql } = connect(1, "postgres://gmn@127.0.0.1:1/none");
    for (let round = 0; round < 3; round++) {
      expect(await caught(sql`select 1`)).toBeInstanceOf(TransientError);
    }
  });

  test("the server accepts and disconnects: transient, and retries are limited", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.resume().end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { sql } = connect(1, `postgres://gmn@127.0.0.1:${port}/none`);
    expect(await caught(sql`select 1`)).toBeInstanceOf(TransientError);
    expect(connections).toBeLessThan(5);
    await new Promise((resolve) => server.close(resolve));
  });

  test("wrong password or no such database: permanent, with a hint", async () => {
    const url = Object.assign(new URL(database.url), { pathname: "/no_such_database" }).href;
    const failure = await caught(connect(1, url).sql`select 1`);
    expect(failure).toMatchObject({
      name: "PermanentError",
      hint: expect.stringContaining("DATABASE_URL"),
    });
  });

  test("closing an unused pool, or closing twice, is harmless", async () => {
    const store = connect();
    await store.close();
    await store.close();
    expect(await caught(store.sql`select 1`)).toBeInstanceOf(TransientError);
  });
});
