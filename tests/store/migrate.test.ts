import { afterEach, describe, expect, test } from "vitest";
import { PermanentError, TransientError } from "@gmn/failures";
import { unobserved } from "../../src/observe/observe.ts";
import type { Observe } from "../../src/observe/observe.ts";
import { connectStore } from "../../src/store/connection.ts";
import { DERIVED_NAME, planDerived } from "../../src/store/derived_tables.ts";
import { METEOR_COLUMNS } from "../../src/store/meteor_columns.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
afterEach(() => database.drop());

const applied = async (): Promise<string[]> =>
  (await database.sql<{ name: string }[]>`select name from schema_migration order by name`)
    .map(({ name }) => name);

const viewColumns = async (): Promise<string[]> =>
  (await database.sql<{ name: string }[]>`
    select attname as name from pg_attribute where attrelid = 'meteor_summary'::regclass and attnum > 0
    order by attnum`).map(({ name }) => name);

describe("migrate", () => {
  test("creates a column of the right type for every field, and a view with exactly the schema's fields", async () => {
    database = await createTestDatabase();
    expect(await viewColumns()).toEqual(TRAJECTORY_FIELDS.map(({ name }) => name));
    const types = await database.sql<{ name: string; type: string }[]>`
      select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'meteor'::regclass and attnum > 0`;
    const byName = new Map(types.map(({ name, type }) => [name, type]));
    for (const { column, catalogType } of METEOR_COLUMNS) {
      expect(byName.get(column), column).toBe(catalogType);
    }
  });

  test("documents every table and every column for psql users", async () => {
    database = await createTestDatabase();
    const silent = await database.sql<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
        and obj_description(oid, 'pg_class') is null
      union all
      select relname || '.' || attname from pg_class join pg_attribute on attrelid = pg_class.oid
      where relname in ('meteor', 'meteor_summary') and attnum > 0 and col_description(attrelid, attnum) is null`;
    expect(silent.map(({ name }) => name)).toEqual([]);
    const [doc] = await database.sql<{ text: string }[]>`
      select col_description('meteor'::regclass, attnum) as text from pg_attribute
      where attrelid = 'meteor'::regclass and attname = 'vgeo_km_s'`;
    expect(doc?.text).toBe(TRAJECTORY_FIELDS.find(({ name }) => name === "vgeo_km_s")?.doc);
  });

  test("applies each file once, even when two processes start together", async () => {
    database = await createTestDatabase({ empty: true });
    const names: string[] = [];
    const observe: Observe = (name, detail) => {
      if (name === "database.migrated" && "name" in detail) names.push(String(detail.name));
    };
    const other = connectStore({
      url: database.url,
      max: 1,
      applicationName: "other",
      observe: unobserved,
    });
    await Promise.all([
      migrate(database.sql, observe),
      migrate(other.sql, observe),
      migrate(database.sql, observe),
    ]);
    await other.close();
    expect(names.sort()).toEqual(await applied());
    await migrate(database.sql, observe);
    expect(names).toHaveLength((await applied()).length);
  });

  test("upgrades a database of an earlier version, with its rows", async () => {
    database = await createTestDatabase({ empty: true });
    const all = await readMigrations();
    await migrate(database.sql, unobserved, all.slice(0, 1));
    await database.sql`insert into meteor (id, topic_partition, topic_offset) values ('old', 0, 0)`;
    expect(await database.sql`select to_regclass('dead_letter') as there`).toMatchObject([{
      there: null,
    }]);
    await migrate(database.sql, unobserved);
    expect(await applied()).toEqual(expect.arrayContaining(all.map(({ name }) => name)));
    expect(await database.sql`select id from meteor`).toMatchObject([{ id: "old" }]);
    expect(await database.sql`select to_regclass('dead_letter')::text as there`).toMatchObject([
      { there: "dead_letter" },
    ]);
  });

  test("adds a column and recreates the view when the schema has a new field", async () => {
    database = await createTestDatabase();
    // A database from before the schema had either field.
    await database.sql.unsafe(`
      drop view meteor_summary;
      alter table meteor drop column qc_deg, drop column schema_version;
      create view meteor_summary as select id as unique_trajectory_identifier from meteor;
      insert into meteor (id, topic_partition, topic_offset) values ('old', 0, 0);`);
    await migrate(database.sql, unobserved);
    expect(await viewColumns()).toEqual(TRAJECTORY_FIELDS.map(({ name }) => name));
    expect(
      await database
        .sql`select unique_trajectory_identifier as id, qc_deg, schema_version from meteor_summary`,
    )
      .toMatchObject([{ id: "old", qc_deg: null, schema_version: null }]);
  });

  test("replaces an earlier version's column comments with this version's", async () => {
    database = await createTestDatabase();
    const earlier = METEOR_COLUMNS.map((column) => ({ ...column, doc: `Once: ${column.doc}` }));
    await database.sql.begin(async (transaction) => {
      const { statements, checksum } = await planDerived(transaction, null, earlier);
      await transaction.unsafe(statements.join(";"));
      await transaction`update schema_migration set checksum = ${checksum} where name = ${DERIVED_NAME}`;
    });
    const said = async () =>
      await database.sql`
        select col_description('meteor'::regclass, (select attnum from pg_attribute
            where attrelid = 'meteor'::regclass and attname = 'iau_shower_id')) as column,
          col_description('meteor_summary'::regclass, (select attnum from pg_attribute
            where attrelid = 'meteor_summary'::regclass and attname = 'iau_no')) as view`;
    const { doc } = METEOR_COLUMNS.find(({ field }) => field === "iau_no")!;
    expect(doc).toContain("null for a sporadic meteor");
    const inTable = `${doc} Refers to iau_shower.number.`;
    expect(await said()).toEqual([{ column: `Once: ${inTable}`, view: `Once: ${doc}` }]);
    await migrate(database.sql, unobserved);
    expect(await said()).toEqual([{ column: inTable, view: doc }]);
  });

  test("refuses a file that was changed after it was applied, and changes nothing", async () => {
    database = await createTestDatabase();
    const all = await readMigrations();
    const changed = all.map((one, at) =>
      at === 0 ? { ...one, text: `${one.text}\n-- later` } : one
    );
    await expect(migrate(database.sql, unobserved, changed)).rejects.toThrow(
      /0001_meteors has been applied .* changed since/,
    );
  });

  test("refuses a database that a newer version has migrated", async () => {
    database = await createTestDatabase();
    await database.sql`insert into schema_migration (name, checksum) values ('0999_future', 'x')`;
    await expect(migrate(database.sql, unobserved)).rejects.toThrow(/0999_future/);
  });

  test("a failing file is rolled back completely and named", async () => {
    database = await createTestDatabase();
    const all = await readMigrations();
    const broken = [...all, {
      name: "0998_broken",
      text: "create table half (a int); select 1/0;",
    }];
    const failure = migrate(database.sql, unobserved, broken);
    await expect(failure).rejects.toThrow(PermanentError);
    await expect(failure).rejects.toThrow(/0998_broken failed: division by zero/);
    expect(await database.sql`select to_regclass('half') as there`).toMatchObject([{
      there: null,
    }]);
    expect(await applied()).not.toContain("0998_broken");
  });

  test("a column whose type differs from its field needs a separate migration", async () => {
    database = await createTestDatabase();
    await database.sql.unsafe(
      "drop view meteor_summary; alter table meteor alter column qc_deg type text",
    );
    await expect(migrate(database.sql, unobserved)).rejects.toThrow(
      /meteor.qc_deg is of type text/,
    );
  });

  test("an unreachable database is a transient failure", async () => {
    database = await createTestDatabase({ empty: true });
    const nobody = connectStore({
      url: "postgres://gmn@127.0.0.1:1/none",
      max: 1,
      applicationName: "test",
      observe: unobserved,
    });
    await expect(migrate(nobody.sql, unobserved)).rejects.toThrow(TransientError);
    // The failure does not use up the connection: it tries, and fails, again.
    await expect(migrate(nobody.sql, unobserved)).rejects.toThrow(TransientError);
    await nobody.close();
  });
});
