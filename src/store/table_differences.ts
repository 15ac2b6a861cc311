/**
 * How the tables of a rebuild differ from the live ones, and how the live ones are made equal to them.
 *
 * All of it happens in one transaction, in the caller's hands:
 *
 *     compare ─▶ a temporary table per table: the keys of rows that are missing, added or changed ─▶ delete, update, insert
 *
 * Rows that are equal are not touched, so a rebuild that changes nothing writes nothing, and grants, views, indexes and object ids
 * stay. Only row locks are taken: readers see the old rows until the transaction commits, and all the new ones afterwards.
 * Memory is bounded by the server's `work_mem`, whatever the size of the tables.
 */
import { PermanentError } from "@gmn/failures";
import type { BuildSchema } from "./build_schema.ts";
import type { TransactionSql } from "./connection.ts";
import { quoteIdentifier } from "./meteor_columns.ts";
import { WRITTEN_AT } from "./projections.ts";

/** The differences of one table, in rows. */
export interface TableDifference {
  readonly table: string;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Live rows that the rebuilt table does not have. */
  readonly missing: number;
  /** Rebuilt rows that the live table does not have. */
  readonly added: number;
  /** Rows of both whose values differ; the times at which rows were written do not count. */
  readonly changed: number;
  /** Keys of a few rows of each kind. */
  readonly examples: Readonly<Record<DifferenceKind, readonly string[]>>;
}

/** What a row of the temporary table is. */
export type DifferenceKind = "missing" | "added" | "changed";
const KINDS: readonly DifferenceKind[] = ["missing", "added", "changed"];

/** Examples per table and kind: enough to look them up, few enough to be read. */
const EXAMPLES_MAX = 3;
/** Enough to hash the keys of some hundred thousand rows; a larger comparison spills to disk. */
const WORK_MEM = "64MB";

/** Columns of a live table. Names are quoted. */
interface Shape {
  readonly table: string;
  readonly key: readonly string[];
  /** Compared, and updated. */
  readonly values: readonly string[];
  /** Everything that can be written. */
  readonly writable: readonly string[];
}

async function shapeOf(
  sql: TransactionSql,
  { live }: BuildSchema,
  table: string,
): Promise<Shape> {
  const columns = await sql<{ name: string; is_key: boolean; is_generated: boolean }[]>`
    select a.attname as name, a.attgenerated <> '' as is_generated, coalesce(a.attnum = any(i.indkey), false) as is_key
    from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = ${`${live}.${
    quoteIdentifier(table)
  }`}::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum`;
  const quoted = (of: typeof columns[number][]) => of.map(({ name }) => quoteIdentifier(name));
  const key = quoted(columns.filter(({ is_key }) => is_key));
  if (key.length === 0) throw new PermanentError(`the table ${table} has no primary key`);
  const writable = columns.filter(({ is_generated }) => !is_generated);
  const isWrittenAt = (name: string) => (WRITTEN_AT as readonly string[]).includes(name);
  return {
    table,
    key,
    values: quoted(writable.filter(({ name, is_key }) => !is_key && !isWrittenAt(name))),
    writable: quoted(writable),
  };
}

const diffOf = ({ table }: Shape): string => quoteIdentifier(`difference_of_${table}`);
const same = ({ key }: Shape, a: string, b: string): string =>
  key.map((column) => `${a}.${column} = ${b}.${column}`).join(" AND ");
const listOf = (columns: readonly string[], prefix: string): string =>
  columns.map((column) => `${prefix}.${column}`).join(", ");

/** Compares each table, and keeps the differences in temporary tables of this transaction, for `applyDifferences`. */
export async function compareTables(
  sql: TransactionSql,
  schemas: BuildSchema,
  tables: readonly string[],
): Promise<TableDifference[]> {
  await sql`select set_config('work_mem', ${WORK_MEM}, true), set_config('jit', 'off', true)`;
  const differences: TableDifference[] = [];
  for (const table of tables) differences.push(await compareTable(sql, schemas, table));
  return differences;
}

async function compareTable(
  sql: TransactionSql,
  schemas: BuildSchema,
  table: string,
): Promise<TableDifference> {
  const shape = await shapeOf(sql, schemas, table);
  const [name, [first]] = [quoteIdentifier(table), shape.key as [string]];
  const { live, built } = schemas;
  // `*<>` compares the bytes. The cast keeps PostgreSQL from comparing the rows column by column, which it can't with this operator.
  const differ = shape.values.length === 0
    ? "false"
    : `ROW(${listOf(shape.values, "l")})::record *<> ROW(${listOf(shape.values, "b")})::record`;
  await sql.unsafe(`
    CREATE TEMPORARY TABLE ${diffOf(shape)} ON COMMIT DROP AS
    SELECT ${
    shape.key.map((column) => `coalesce(l.${column}, b.${column}) AS ${column}`).join(", ")
  },
      CASE WHEN b.${first} IS NULL THEN 'missing' WHEN l.${first} IS NULL THEN 'added' ELSE 'changed' END AS kind
    FROM ${live}.${name} AS l FULL JOIN ${built}.${name} AS b ON ${same(shape, "l", "b")}
    WHERE l.${first} IS NULL OR b.${first} IS NULL OR ${differ}`);
  await sql.unsafe(`ANALYZE ${diffOf(shape)}`);
  const counts = await sql.unsafe<{ kind: DifferenceKind; rows: bigint }[]>(
    `SELECT kind, count(*) AS rows FROM ${diffOf(shape)} GROUP BY kind`,
  );
  const countOf = (kind: DifferenceKind) =>
    Number(counts.find((row) => row.kind === kind)?.rows ?? 0n);
  const [rows] = await sql.unsafe<{ before: bigint; after: bigint }[]>(`
    SELECT (SELECT count(*) FROM ${live}.${name}) AS before, (SELECT count(*) FROM ${built}.${name}) AS after`);
  const examples = { missing: [] as string[], added: [] as string[], changed: [] as string[] };
  for (const kind of KINDS) {
    if (countOf(kind) === 0) continue;
    const found = await sql.unsafe<{ key: string }[]>(`
      SELECT concat_ws(' ', ${shape.key.join(", ")}) AS key FROM ${diffOf(shape)}
      WHERE kind = '${kind}' ORDER BY ${shape.key.join(", ")} LIMIT ${EXAMPLES_MAX}`);
    examples[kind].push(...found.map(({ key }) => key));
  }
  return {
    table,
    rowsBefore: Number(rows?.before ?? 0n),
    rowsAfter: Number(rows?.after ?? 0n),
    missing: countOf("missing"),
    added: countOf("added"),
    changed: countOf("changed"),
    examples,
  };
}

/**
 * Makes the live tables equal to the rebuilt ones, by the differences that `compareTables` has found in the same transaction.
 * `tables` are in the order in which rows refer to each other: those that are referred to come first.
 */
export async function applyDifferences(
  sql: TransactionSql,
  schemas: BuildSchema,
  tables: readonly string[],
): Promise<void> {
  const shapes = [];
  for (const table of tables) shapes.push(await shapeOf(sql, schemas, table));
  // A unique value that moves to another row must be free before it is inserted.
  for (const shape of shapes.toReversed()) await sql.unsafe(deleting(schemas, shape));
  for (const shape of shapes) {
    if (shape.values.length > 0) {
      if (shape.table === "meteor") await sql.unsafe(forgettingDigests(schemas, shape));
      await sql.unsafe(updating(schemas, shape));
    }
    await sql.unsafe(inserting(schemas, shape));
  }
}

function deleting({ live }: BuildSchema, shape: Shape): string {
  return `DELETE FROM ${live}.${quoteIdentifier(shape.table)} AS l USING ${diffOf(shape)} AS d
    WHERE d.kind = 'missing' AND ${same(shape, "l", "d")}`;
}

/**
 * The trigger `meteor_forget_digest` takes the digest off a row that is changed without a new one, as it would be from a row that
 * differs in its lineage only. So the digest is removed first; the update then sets it.
 */
function forgettingDigests({ live, built }: BuildSchema, shape: Shape): string {
  return `UPDATE ${live}.meteor AS l SET value_digest = NULL
    FROM ${diffOf(shape)} AS d JOIN ${built}.meteor AS b ON ${same(shape, "b", "d")}
    WHERE d.kind = 'changed' AND ${same(shape, "l", "d")} AND l.value_digest = b.value_digest`;
}

function updating({ live, built }: BuildSchema, shape: Shape): string {
  const columns = shape.writable.includes('"updated_at"')
    ? [...shape.values, '"updated_at"']
    : shape.values;
  return `UPDATE ${live}.${quoteIdentifier(shape.table)} AS l
    SET ${columns.map((column) => `${column} = b.${column}`).join(", ")}
    FROM ${diffOf(shape)} AS d JOIN ${built}.${quoteIdentifier(shape.table)} AS b ON ${
    same(shape, "b", "d")
  }
    WHERE d.kind = 'changed' AND ${same(shape, "l", "d")}`;
}

function inserting({ live, built }: BuildSchema, shape: Shape): string {
  const name = quoteIdentifier(shape.table);
  return `INSERT INTO ${live}.${name} (${shape.writable.join(", ")})
    SELECT ${listOf(shape.writable, "b")}
    FROM ${diffOf(shape)} AS d JOIN ${built}.${name} AS b ON ${same(shape, "b", "d")}
    WHERE d.kind = 'added'`;
}

/**
 * Replaces the trajectories of each generation of a file in `source_file_member` where the rebuilt table has others. How they are cut
 * into rows does not matter. Generations that the live table no longer has, because they were compared with a newer one, stay out.
 * @returns the number of generations replaced
 */
export async function replaceFileMembers(
  sql: TransactionSql,
  { live, built }: BuildSchema,
): Promise<number> {
  const generations = (schema: string) => `
    SELECT file, generated_at, count(DISTINCT id) AS ids, sum(DISTINCT hashtextextended(id, 0)::numeric) AS digest
    FROM ${schema}.source_file_member, unnest(ids) AS id GROUP BY file, generated_at`;
  await sql.unsafe(`
    CREATE TEMPORARY TABLE difference_of_members ON COMMIT DROP AS
    WITH l AS MATERIALIZED (${generations(live)}), b AS MATERIALIZED (${generations(built)}),
      known AS (SELECT file, min(generated_at) AS oldest FROM l GROUP BY file)
    SELECT file, generated_at
    FROM l FULL JOIN b USING (file, generated_at) LEFT JOIN known USING (file)
    WHERE (l.ids, l.digest) IS DISTINCT FROM (b.ids, b.digest) AND generated_at >= coalesce(known.oldest, generated_at)`);
  const isIt = "m.file = d.file AND m.generated_at = d.generated_at";
  await sql.unsafe(`
    DELETE FROM ${live}.source_file_member AS m USING difference_of_members AS d WHERE ${isIt}`);
  await sql.unsafe(`
    INSERT INTO ${live}.source_file_member (file, generated_at, ids)
    SELECT m.file, m.generated_at, m.ids
    FROM ${built}.source_file_member AS m JOIN difference_of_members AS d ON ${isIt}`);
  const [row] = await sql<{ rows: number }[]>`
    select count(*)::integer as rows from difference_of_members`;
  return row?.rows ?? 0;
}

/** Takes over who leads, if the rebuilt table knows a later leader; the live one knows it also where the log has lost the record. */
export async function takeRunLeader(
  sql: TransactionSql,
  { live, built }: Pick<BuildSchema, "live" | "built">,
): Promise<void> {
  await sql.unsafe(`
    INSERT INTO ${live}.run_leader AS l (epoch, owner, leads_since)
    SELECT epoch, owner, leads_since FROM ${built}.run_leader
    ON CONFLICT (only_row) DO UPDATE SET
      epoch = excluded.epoch, owner = excluded.owner, leads_since = excluded.leads_since
    WHERE excluded.epoch > l.epoch`);
}
