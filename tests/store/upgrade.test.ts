/**
 * A database of the first version, with rows in every table, upgraded to this version by two processes at once.
 */
import { expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore, type Sql } from "../../src/store/connection.ts";
import { readDeadLetter } from "../../src/store/dead_letters.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";
import { createTestDatabase } from "../support/postgres.ts";

/** The last migration of the first version. */
const FIRST_VERSION = 3;

/** The whole schema: columns with types and defaults, indexes, constraints and comments. */
async function shapeOf(sql: Sql): Promise<unknown> {
  return {
    // Ordered by name, because a column that was added later comes after the others.
    columns: await sql`
      select relname, attname, format_type(atttypid, atttypmod) as type, attnotnull,
        pg_get_expr(adbin, adrelid) as fallback, col_description(attrelid, attnum) as comment
      from pg_attribute join pg_class on pg_class.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped order by 1, 2`,
    indexes:
      await sql`select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`,
    constraints: await sql`
      select conrelid::regclass::text as relation, conname, pg_get_constraintdef(oid) as definition from pg_constraint
      where connamespace = 'public'::regnamespace order by 1, 2`,
    comments: await sql`
      select relname, obj_description(oid, 'pg_class') as comment from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') order by 1`,
  };
}

async function fill(sql: Sql): Promise<void> {
  await sql.unsafe(`
    insert into iau_shower (number, code) values (4, 'GEM');
    insert into station (code) values ('UK000H');
    insert into meteor (id, iau_shower_id, iau_code, vgeo_km_s, participating_stations, topic_partition, topic_offset)
      values ('20260101000000_first', 4, 'GEM', 33.5, '{UK000H}', 1, 7);
    insert into participating_station (meteor_id, station_code) values ('20260101000000_first', 'UK000H');
    insert into meteor_generation (meteor_id, generated_at) values ('20260101000000_first', '2026-02-02');
    insert into consumer_offset (topic, partition, next_offset) values ('trajectory_summary_raw', 1, 8);
    insert into run_loaded (run_id, topic, partition, rows_loaded, rows_dead) values ('r', 'trajectory_summary_raw', 1, 8, 1);
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
      values ('r', 'daily', '{"days":10}', 'completed', 'schedule', '2026-01-01', 3);
    insert into ingestion_run_file (run_id, file, state, updated_at) values ('r', 'a.txt', 'extracted', '2026-01-01');
    insert into ingestion_file (file, rows_read, rows_published, rows_rejected, run_id, extracted_at)
      values ('a.txt', 9, 8, 1, 'r', '2026-01-01');
    insert into dead_letter (id, at, stage, reason, text) values ('file:a.txt@x#7', '2026-01-01', 'read', 'no row', 'garbage');
  `);
}

const CONTENT = [
  "meteor",
  "participating_station",
  "station",
  "meteor_generation",
  "consumer_offset",
  "run_loaded",
  "ingestion_run",
  "ingestion_run_file",
  "ingestion_file",
];

test("an upgraded database of the first version has its rows, and the schema of a new one", async () => {
  await using database = await createTestDatabase({ empty: true });
  await using fresh = await createTestDatabase();
  const all = await readMigrations();
  await migrate(database.sql, unobserved, all.slice(0, FIRST_VERSION));
  await fill(database.sql);
  const contentOf = async () =>
    Object.fromEntries(
      await Promise.all(CONTENT.map(async (table) =>
        [
          table,
          (await database.sql`select to_jsonb(t) as row from ${database.sql(table)} as t`)
            .map(({ row }) => row),
        ] as const
      )),
    );
  const before = await contentOf();

  const other = connectStore({
    url: database.url,
    max: 1,
    applicationName: "other",
    observe: unobserved,
  });
  await Promise.all([migrate(database.sql, unobserved), migrate(other.sql, unobserved)]);
  await other.close();

  // The old content is unchanged, whatever columns were added.
  expect(await contentOf()).toMatchObject(before);
  expect(await readDeadLetter(database.sql, "file:a.txt@x#7")).toMatchObject({
    text: "garbage",
    columns: null,
    replayed_at: null,
  });
  expect(await shapeOf(database.sql)).toEqual(await shapeOf(fresh.sql));
});

/** The last migration that believed every stamp. */
const BEFORE_STAMPS = "0020_stamps_and_counts";

test("stamps ahead of the clock are forgotten: the next file may change such rows", async () => {
  await using database = await createTestDatabase({ empty: true });
  const { sql } = database;
  const all = await readMigrations();
  await migrate(sql, unobserved, all.slice(0, all.findIndex(({ name }) => name === BEFORE_STAMPS)));
  await fill(sql);
  await sql.unsafe(`
    insert into meteor (id, source_generated_at, topic_partition, topic_offset, value_digest, line_digest)
      values ('ahead', '2206-01-01', 1, 7, 1, 1), ('right', '2026-01-01', 1, 8, 2, 2);
    insert into meteor_generation (meteor_id, generated_at) values ('ahead', '2206-01-02'), ('right', '2026-01-02');
    insert into source_file_member (file, generated_at, ids) values ('f', '2206-01-01', '{ahead}'), ('f', '2026-01-01', '{right}');
    update ingestion_run_file set generated_at = '2206-01-01';
    update ingestion_file set generated_at = '2206-01-01';
  `);
  await migrate(sql, unobserved, all);
  expect(
    await sql`select id, source_generated_at as at, line_digest from meteor where id in ('ahead', 'right') order by id`,
  )
    .toEqual([
      { id: "ahead", at: null, line_digest: null },
      { id: "right", at: new Date("2026-01-01"), line_digest: 2n },
    ]);
  expect(await sql`select meteor_id from meteor_generation order by 1`).toEqual([
    { meteor_id: "20260101000000_first" },
    { meteor_id: "right" },
  ]);
  expect(await sql`select ids from source_file_member`).toEqual([{ ids: ["right"] }]);
  expect(await sql`select generated_at, stamp_ahead from ingestion_run_file`).toEqual([
    { generated_at: null, stamp_ahead: new Date("2206-01-01") },
  ]);
  expect(await sql`select generated_at from ingestion_file`).toEqual([{ generated_at: null }]);
});

/** The last migration that did not store the data's codes of listed showers. */
const WITHOUT_CODES_OF_LISTED = 12;

test("listed showers get the meteors' codes, those that are not listed keep theirs", async () => {
  await using database = await createTestDatabase({ empty: true });
  const { sql } = database;
  const all = await readMigrations();
  await migrate(sql, unobserved, all.slice(0, WITHOUT_CODES_OF_LISTED));
  await sql.unsafe(`
    insert into iau_shower_list (number, code, name, source) values (4, 'GEM', 'Geminids', 'x'), (7, 'PER', 'Perseids', 'x');
    insert into iau_shower (number, code, name, codes)
      values (4, 'GEM', 'Geminids', '{GEN}'), (7, 'PER', 'Perseids', '{}'), (9001, 'M25A1', null, '{M25A1}');
    insert into meteor (id, iau_shower_id, iau_code, topic_partition, topic_offset)
      values ('a', 4, 'GEM', 1, 7), ('b', 4, 'GEM', 1, 8), ('c', 9001, 'M25A2', 1, 9), ('d', null, null, 1, 10);
  `);
  await migrate(sql, unobserved, all);
  expect(await sql`select number, codes from iau_shower order by number`).toEqual([
    { number: 4, codes: ["GEM", "GEN"] },
    { number: 7, codes: [] },
    { number: 9001, codes: ["M25A1"] },
  ]);
});
