/**
 * The schema in which a rebuild builds its tables, beside the live ones: copies of the projections, empty at first, that the sinks
 * fill on connections whose search path begins with this schema.
 *
 * The copies are unlogged: they cost no WAL, and a crash of PostgreSQL empties them together with their offsets, so that the build
 * begins again. No object of the live schema depends on them, and they depend on none: what a crashed rebuild leaves behind is in
 * nobody's way until the next rebuild drops it.
 */
import { randomUUID } from "node:crypto";
import { PermanentError } from "@gmn/failures";
import type { Queryable, Sql, TransactionSql } from "./connection.ts";
import { quoteIdentifier, quoteLiteral } from "./meteor_columns.ts";

/** The name of the schema. */
export const BUILD_SCHEMA = "gmn_rebuild";
/** By this comment a rebuild knows that a schema of this name is its own, and may be dropped. */
const COMMENT =
  "Tables of a rebuild (deno task rebuild). Dropped at its end; left over only when it was killed.";

/** Where the two sets of tables are. */
export interface BuildSchema {
  /** Schema of the live tables, quoted. */
  readonly live: string;
  /** Schema of the tables that are built, quoted. */
  readonly built: string;
  /** For connections of the build; see `DriverOptions`. */
  readonly searchPath: string;
  /** Tells this build from one that has replaced it. */
  readonly token: string;
}

/** Partial indexes stay (the codes of showers are settled by one); the other ones serve only queries that nobody makes here. */
const QUERY_INDEXES = `
  select n.nspname as schema, c.relname as name
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname = '${BUILD_SCHEMA}' and t.relname in ('meteor', 'participating_station')
    and not i.indisunique and i.indpred is null`;

/**
 * Creates the schema with empty copies of `tables` and of `consumer_offset`; drops what an earlier rebuild left.
 * @throws PermanentError when the role may not create schemas, or a schema of this name is not a rebuild's
 */
export async function createBuildSchema(
  sql: Sql,
  tables: readonly string[],
): Promise<BuildSchema> {
  const [place] = await sql<
    { live: string; path: string[]; database: string; role: string; may_create: boolean }[]
  >`
    select n.nspname as live, current_schemas(false)::text[] as path, current_database()::text as database,
      current_user::text as role, has_database_privilege(current_database(), 'create') as may_create
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'meteor'::regclass`;
  if (place === undefined) throw new PermanentError("this database has no table meteor");
  if (!place.may_create) {
    const { database, role } = place;
    throw new PermanentError(
      `the role ${role} may not create schemas in the database ${database}`,
      {
        hint: "a rebuild builds its tables beside the live ones: GRANT CREATE ON DATABASE " +
          `${quoteIdentifier(database)} TO ${quoteIdentifier(role)}`,
      },
    );
  }
  const token = randomUUID();
  const live = quoteIdentifier(place.live);
  const built = quoteIdentifier(BUILD_SCHEMA);
  await sql.begin(async (transaction) => {
    await dropOwn(transaction);
    await transaction.unsafe(
      [
        `CREATE SCHEMA ${built}`,
        `COMMENT ON SCHEMA ${built} IS ${quoteLiteral(COMMENT)}`,
        `CREATE TABLE ${built}.build AS SELECT ${quoteLiteral(token)}::text AS token`,
        ...[...tables, "consumer_offset"].map((table) => copyOf(live, table, table)),
        copyOf(live, "dead_letter", COLLECTED),
      ].join(";\n"),
    );
    const indexes = await transaction.unsafe<{ schema: string; name: string }[]>(QUERY_INDEXES);
    for (const { name } of indexes) {
      await transaction.unsafe(`DROP INDEX ${built}.${quoteIdentifier(name)}`);
    }
    if (tables.includes("meteor")) await copyTrigger(transaction, live, built);
  });
  const path = [BUILD_SCHEMA, ...place.path].map(quoteIdentifier).join(", ");
  return { live, built, searchPath: path, token };
}

/** The table of dead letters that wait for the rebuild's verdict (src/store/dead_letters.ts). */
export const COLLECTED = "collected_dead_letter";

function copyOf(live: string, table: string, name: string): string {
  return `CREATE UNLOGGED TABLE ${quoteIdentifier(BUILD_SCHEMA)}.${
    quoteIdentifier(name)
  } (LIKE ${live}.${quoteIdentifier(table)} INCLUDING ALL)`;
}

/** LIKE copies no triggers. The function is copied too, so that a migration may still drop the live one. */
async function copyTrigger(sql: TransactionSql, live: string, built: string): Promise<void> {
  const [trigger] = await sql<{ body: string }[]>`
    select prosrc as body from pg_proc where oid = ${`${live}.meteor_forget_digest`}::regproc`;
  if (trigger === undefined) return;
  await sql.unsafe(`
    CREATE FUNCTION ${built}.meteor_forget_digest() RETURNS trigger LANGUAGE plpgsql AS ${
    quoteLiteral(trigger.body)
  };
    CREATE TRIGGER meteor_forget_digest BEFORE UPDATE ON ${built}.meteor FOR EACH ROW
      WHEN (NEW.value_digest IS NOT DISTINCT FROM OLD.value_digest)
      EXECUTE FUNCTION ${built}.meteor_forget_digest()`);
}

/** Drops the schema, if there is one and it is a rebuild's. @throws PermanentError when it is somebody else's */
export async function dropBuildSchema(sql: Sql): Promise<void> {
  await sql.begin(dropOwn);
}

async function dropOwn(sql: TransactionSql): Promise<void> {
  const [found] = await sql<{ comment: string | null; mine: boolean; owner: string }[]>`
    select obj_description(oid, 'pg_namespace') as comment, pg_has_role(nspowner, 'usage') as mine,
      pg_get_userbyid(nspowner)::text as owner
    from pg_namespace where nspname = ${BUILD_SCHEMA}`;
  if (found === undefined) return;
  if (found.comment !== COMMENT || !found.mine) {
    throw new PermanentError(
      `the database has a schema ${BUILD_SCHEMA} of ${found.owner} that no rebuild of this role has made`,
      { hint: `rename it, or drop it: DROP SCHEMA ${BUILD_SCHEMA} CASCADE` },
    );
  }
  await sql.unsafe(`DROP SCHEMA ${quoteIdentifier(BUILD_SCHEMA)} CASCADE`);
}

/**
 * Checks that the schema is still that of this build, and keeps it from being dropped until the transaction ends.
 * @throws PermanentError when another rebuild has replaced it
 */
export async function assertStillOurs(
  sql: Queryable,
  { built, token }: BuildSchema,
): Promise<void> {
  const [found] = await sql.unsafe<{ token: string }[]>(`SELECT token FROM ${built}.build`);
  if (found?.token === token) return;
  throw new PermanentError("another rebuild has taken the place of this one", {
    hint: "let that one finish",
  });
}

/** Gives the planner the sizes of the built tables. */
export async function analyzeBuilt(
  sql: Queryable,
  { built }: BuildSchema,
  tables: readonly string[],
): Promise<void> {
  await sql.unsafe(
    `ANALYZE ${tables.map((table) => `${built}.${quoteIdentifier(table)}`).join(", ")}`,
  );
}
