import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../tests/support/postgres.ts";
import { unobserved } from "../observe/observe.ts";
import { CopyBinaryWriter } from "./copy_binary.ts";
import { copyIn } from "./postgresjs/copy_in.ts";
import { openDriver, type Sql } from "./postgresjs/driver.ts";

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
  await database.sql`create table t (
    n int4, d float8, i int8, b int8, f boolean, at timestamptz, s text, list text[]
  )`;
  ({ sql } = openDriver({
    url: database.url,
    max: 1,
    applicationName: "test",
    observe: unobserved,
  }));
});
beforeEach(async () => {
  await database.sql`truncate t`;
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

/** PostgreSQL's `text` can't hold a NUL, and UTF-8 can't hold half a surrogate pair. */
const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
const row = fc.record({
  d: fc.double({ noNaN: true }),
  i: fc.maxSafeInteger(),
  b: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f: fc.boolean(),
  // Years 1 to 9999, in microseconds that a double holds exactly.
  at: fc.integer({ min: -8_000_000_000_000_000, max: 8_000_000_000_000_000 }),
  s: text,
  list: fc.array(text, { maxLength: 4 }),
});

test("the server reads what was written: every type, any value, nulls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(row), { minLength: 1, maxLength: 20 }), async (rows) => {
      await database.sql`truncate t`;
      const writer = new CopyBinaryWriter();
      writer.begin();
      for (const [n, values] of rows.entries()) {
        writer.row(8);
        writer.int4(n - 5);
        if (values === null) {
          for (let column = 1; column < 8; column++) writer.null();
          continue;
        }
        writer.float8(values.d);
        writer.int8(values.i);
        writer.bigint8(values.b);
        writer.boolean(values.f);
        writer.timestamptz(values.at);
        writer.text(values.s);
        writer.textArray(values.list);
      }
      writer.end();
      await copyIn(sql, "copy t from stdin (format binary)", [writer.bytes()]);
      const found = await database.sql`
        select n, d, i, b, f, (extract(epoch from at) * 1000000)::bigint as at, s, list from t order by n`;
      expect([...found]).toEqual(rows.map((values, n) => ({
        n: n - 5,
        ...(values === null
          ? { d: null, i: null, b: null, f: null, at: null, s: null, list: null }
          : { ...values, i: BigInt(values.i), at: BigInt(values.at) }),
      })));
    }),
    { numRuns: 40 },
  );
});

test("doubles keep their bits: zero's sign, the smallest, infinity", async () => {
  const values = [-0, Number.MIN_VALUE, -Infinity, 0.1 + 0.2, Number.MAX_VALUE, NaN];
  const writer = new CopyBinaryWriter();
  writer.begin();
  for (const [n, value] of values.entries()) {
    writer.row(2);
    writer.int4(n);
    writer.float8(value);
  }
  writer.end();
  await copyIn(sql, "copy t (n, d) from stdin (format binary)", [writer.bytes()]);
  const found = await database.sql`select d, encode(float8send(d), 'hex') as hex from t order by n`;
  expect(found.map(({ d }) => d)).toEqual(values);
  expect(found[0]?.hex).toBe("8000000000000000");
});

test("the buffer is reused, and cleared bytes do not reappear", async () => {
  const writer = new CopyBinaryWriter();
  for (const value of ["first ".repeat(50_000), "second"]) {
    writer.clear();
    writer.begin();
    writer.row(1);
    writer.text(value);
    writer.end();
    await copyIn(sql, "copy t (s) from stdin (format binary)", [writer.bytes()]);
  }
  expect(await database.sql`select length(s) as length from t order by 1`).toMatchObject([{
    length: 6,
  }, { length: 300_000 }]);
});
