import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../tests/support/postgres.ts";
import { ARRAY_TYPES, parseArray, serializeArray } from "./array_types.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
});
afterAll(() => database.drop());

const element = fc.oneof(
  fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
  fc.constantFrom("", "NULL", "null", '"', "\\", "{}", "a,b", " x ", "\n", "é🌠"),
);

test("texts survive a round trip through our own serializer and parser", () => {
  fc.assert(fc.property(fc.array(fc.option(element)), (values) => {
    expect(parseArray(serializeArray(values, String), (text) => text)).toEqual(values);
  }));
});

test("texts survive a round trip through the server", async () => {
  const { sql } = database;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(element), { maxLength: 5 }), async (values) => {
      const [row] = await sql`
        select ${values}::text[] as list, coalesce(array_length(${values}::text[], 1), 0) as length`;
      expect(row).toEqual({ list: values, length: values.length });
    }),
    { numRuns: 50 },
  );
});

test("other types, as parameters and as results", async () => {
  const { sql } = database;
  const time = new Date("2026-02-03T04:05:06.789Z");
  const [row] = await sql`
    select array[1, -2]::int4[] as ints, array[9007199254740993]::int8[] as bigs, array[true, null] as flags,
      array[0.1::float8, 'NaN', '-Infinity'] as doubles, ${sql.array([time])} as times,
      ${sql.array([9007199254740993n])} as given, 5 = any(${[
    1,
    5,
  ]}::int4[]) as found, '[0:1]={a,b}'::text[] as shifted`;
  expect(row).toEqual({
    ints: [1, -2],
    bigs: [9007199254740993n],
    flags: [true, null],
    doubles: [0.1, NaN, -Infinity],
    times: [time],
    given: [9007199254740993n],
    found: true,
    shifted: ["a", "b"],
  });
});

test("the oids are the server's", async () => {
  const rows = await database.sql<{ array: number; element: number }[]>`
    select oid::int4 as array, typelem::int4 as element from pg_type where oid = any(${
    ARRAY_TYPES.map(({ array }) => array)
  }::int4[]) order by oid`;
  expect([...rows]).toEqual([...ARRAY_TYPES]);
});
