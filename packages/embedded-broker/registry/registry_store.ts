/**
 * What the registry remembers, in SQLite: schemas by id, the versions of subjects, levels and modes.
 *
 * The database belongs to the broker, which set it to be durable (WAL, synchronous=FULL): a transaction that has
 * committed survives anything. All tables are named `registry_…`. This file knows SQL and no rules.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { createHash } from "node:crypto";
import { BrokerRefusal } from "../errors.ts";

/** A schema that another one uses by name. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** A schema as it is stored: canonical text and what it refers to. */
export interface StoredSchema {
  readonly text: string;
  readonly references: readonly SchemaReference[];
}

/** A version of a subject. */
export interface StoredVersion {
  readonly version: number;
  readonly id: number;
  readonly deleted: boolean;
}

/** Whose level or mode it is: a subject's, or everyone's who has none. A subject's name is never empty. */
export const wholeRegistry = "";

const tables = `
  -- AUTOINCREMENT: an id is never given twice, even when its schema was deleted for good; clients cache by id.
  CREATE TABLE IF NOT EXISTS registry_schema (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL, -- SHA-256 of text and references: what makes two schemas one
    text TEXT NOT NULL
  ) STRICT;
  -- Not unique: an import may bring the same schema under two ids, as the registry had it that it comes from.
  CREATE INDEX IF NOT EXISTS registry_schema_digest ON registry_schema (digest);
  CREATE TABLE IF NOT EXISTS registry_reference (
    schema_id INTEGER NOT NULL REFERENCES registry_schema (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (schema_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS registry_reference_target ON registry_reference (subject, version);
  CREATE TABLE IF NOT EXISTS registry_version (
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema_id INTEGER NOT NULL REFERENCES registry_schema (id),
    deleted INTEGER NOT NULL DEFAULT 0, -- softly: hidden, yet there
    PRIMARY KEY (subject, version)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS registry_version_schema ON registry_version (schema_id);
  CREATE TABLE IF NOT EXISTS registry_level (subject TEXT PRIMARY KEY, level TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS registry_mode (subject TEXT PRIMARY KEY, mode TEXT NOT NULL) STRICT;
`;

/** Opens the tables in `db`, creating what is missing. */
export class RegistryStore {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    db.exec(tables);
  }

  /**
   * Runs `work` in one transaction and commits it, or undoes it and throws what `work` threw. It must be called outside
   * any other transaction on the same handle: a commit is the promise that the answer may go out.
   */
  transact<T>(work: () => T): T {
    if (this.#db.isTransaction) {
      throw new BrokerRefusal("the registry was called inside a transaction of the broker", {
        hint: "commit the broker's transaction before it waits for anything",
      });
    }
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  // Schemas.

  schemaById(id: number): StoredSchema | undefined {
    const row = this.#one("SELECT text FROM registry_schema WHERE id = ?", id);
    return row && { text: text(row.text), references: this.#references(id) };
  }

  /** The ids of a schema, ascending: one, unless an import brought more; none where it is not there. */
  idsOfSchema(schema: StoredSchema): number[] {
    return this.#all(
      "SELECT id FROM registry_schema WHERE digest = ? ORDER BY id",
      digestOf(schema),
    ).map((row) => number(row.id));
  }

  /** Stores a schema under the next id or a given one that is free. */
  insertSchema(schema: StoredSchema, id: number | null): number {
    const { lastInsertRowid } = this.#run(
      "INSERT INTO registry_schema (id, digest, text) VALUES (?, ?, ?)",
      id,
      digestOf(schema),
      schema.text,
    );
    schema.references.forEach(({ name, subject, version }, position) =>
      this.#run(
        "INSERT INTO registry_reference (schema_id, position, name, subject, version) VALUES (?, ?, ?, ?, ?)",
        Number(lastInsertRowid),
        position,
        name,
        subject,
        version,
      )
    );
    return Number(lastInsertRowid);
  }

  /** Removes the schema if no version has it any more. */
  removeUnusedSchema(id: number): void {
    this.#run(
      `DELETE FROM registry_reference WHERE schema_id = ?1
         AND NOT EXISTS (SELECT 1 FROM registry_version WHERE schema_id = ?1)`,
      id,
    );
    this.#run(
      `DELETE FROM registry_schema WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM registry_version WHERE schema_id = ?1)`,
      id,
    );
  }

  /** Ids of schemas that refer to this version and are themselves a version that is not deleted. */
  referencedBy(subject: string, version: number): number[] {
    return this.#all(
      `SELECT DISTINCT r.schema_id AS id FROM registry_reference r
         JOIN registry_version v ON v.schema_id = r.schema_id AND v.deleted = 0
        WHERE r.subject = ? AND r.version = ? ORDER BY id`,
      subject,
      version,
    ).map((row) => number(row.id));
  }

  // Versions.

  subjects(prefix: string, deleted: boolean): string[] {
    return this.#all(
      `SELECT DISTINCT subject FROM registry_version
        WHERE (deleted = 0 OR ?1) AND substr(subject, 1, length(?2)) = ?2 ORDER BY subject`,
      deleted ? 1 : 0,
      prefix,
    ).map((row) => text(row.subject));
  }

  /** All versions of a subject, deleted ones too, ascending. */
  versions(subject: string): StoredVersion[] {
    return this.#all(
      "SELECT version, schema_id, deleted FROM registry_version WHERE subject = ? ORDER BY version",
      subject,
    ).map((row) => ({
      version: number(row.version),
      id: number(row.schema_id),
      deleted: row.deleted === 1,
    }));
  }

  /** Where a schema is used: subject and version, in that order. */
  usesOf(id: number, deleted: boolean): { subject: string; version: number }[] {
    return this.#all(
      `SELECT subject, version FROM registry_version
        WHERE schema_id = ? AND (deleted = 0 OR ?) ORDER BY subject, version`,
      id,
      deleted ? 1 : 0,
    ).map((row) => ({ subject: text(row.subject), version: number(row.version) }));
  }

  insertVersion(subject: string, version: number, id: number): void {
    this.#run(
      "INSERT INTO registry_version (subject, version, schema_id) VALUES (?, ?, ?)",
      subject,
      version,
      id,
    );
  }

  markDeleted(subject: string, version: number): void {
    this.#run(
      "UPDATE registry_version SET deleted = 1 WHERE subject = ? AND version = ?",
      subject,
      version,
    );
  }

  removeVersion(subject: string, version: number): void {
    this.#run("DELETE FROM registry_version WHERE subject = ? AND version = ?", subject, version);
  }

  // Levels and modes.

  level(subject: string): string | undefined {
    const row = this.#one("SELECT level FROM registry_level WHERE subject = ?", subject);
    return row && text(row.level);
  }

  setLevel(subject: string, level: string): void {
    this.#run(
      "INSERT OR REPLACE INTO registry_level (subject, level) VALUES (?, ?)",
      subject,
      level,
    );
  }

  removeLevel(subject: string): void {
    this.#run("DELETE FROM registry_level WHERE subject = ?", subject);
  }

  mode(subject: string): string | undefined {
    const row = this.#one("SELECT mode FROM registry_mode WHERE subject = ?", subject);
    return row && text(row.mode);
  }

  setMode(subject: string, mode: string): void {
    this.#run("INSERT OR REPLACE INTO registry_mode (subject, mode) VALUES (?, ?)", subject, mode);
  }

  removeMode(subject: string): void {
    this.#run("DELETE FROM registry_mode WHERE subject = ?", subject);
  }

  #references(id: number): SchemaReference[] {
    return this.#all(
      "SELECT name, subject, version FROM registry_reference WHERE schema_id = ? ORDER BY position",
      id,
    ).map((row) => ({
      name: text(row.name),
      subject: text(row.subject),
      version: number(row.version),
    }));
  }

  #one(sql: string, ...values: SqlValue[]) {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: SqlValue[]) {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: SqlValue[]) {
    return this.#statement(sql).run(...values);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }
}

type SqlValue = string | number | null | Uint8Array;

function digestOf(schema: StoredSchema): Uint8Array {
  const references = schema.references.map((
    { name, subject, version },
  ) => [name, subject, version]);
  return createHash("sha256").update(JSON.stringify([schema.text, references])).digest();
}

// The tables are STRICT, so these hold for every row; a failure means someone else wrote to the tables.
function text(value: unknown): string {
  if (typeof value !== "string") throw new BrokerRefusal(`expected text in SQLite, got ${value}`);
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") {
    throw new BrokerRefusal(`expected a number in SQLite, got ${value}`);
  }
  return value;
}
