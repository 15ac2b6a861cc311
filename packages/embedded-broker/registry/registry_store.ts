/**
 * The registry's state, in SQLite: schemas by id, the versions of subjects, and compatibility levels.
 *
 * The database belongs to the broker, which makes it durable (WAL, synchronous=FULL): a committed transaction
 * survives crashes. All tables are named `registry_…`. This file contains SQL and no rules.
 */
import type { DatabaseSync } from "node:sqlite";
import { createHash } from "node:crypto";
import { BrokerRefusal } from "../errors.ts";
import type { CompatibilityLevel } from "./compatibility_level.ts";

/** A version of a subject. */
export interface StoredVersion {
  readonly version: number;
  readonly id: number;
  readonly deleted: boolean;
}

/** The subject under which the registry's own level is stored. A real subject's name is never empty. */
export const wholeRegistry = "";

const tables = `
  -- AUTOINCREMENT: an id is never given twice, even when its schema was deleted for good; clients cache by id.
  CREATE TABLE IF NOT EXISTS registry_schema (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL, -- of the text: what makes two schemas one
    text TEXT NOT NULL
  ) STRICT;
  -- Not unique: earlier releases could import one schema under several ids.
  CREATE INDEX IF NOT EXISTS registry_schema_digest ON registry_schema (digest);
  CREATE TABLE IF NOT EXISTS registry_version (
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema_id INTEGER NOT NULL REFERENCES registry_schema (id),
    deleted INTEGER NOT NULL DEFAULT 0, -- softly: hidden, yet there
    PRIMARY KEY (subject, version)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS registry_version_schema ON registry_version (schema_id);
  CREATE TABLE IF NOT EXISTS registry_level (subject TEXT PRIMARY KEY, level TEXT NOT NULL) STRICT;
`;

/** Opens the tables in `db`, creating what is missing. */
export class RegistryStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    db.exec(tables);
  }

  /**
   * Runs `work` in one transaction and commits it, or rolls it back and throws what `work` threw. It must be called outside
   * any other transaction on the same handle, because the answer may only be sent after a commit.
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

  /** The text of a schema. */
  schemaById(id: number): string | undefined {
    return this.#all<{ text: string }>("SELECT text FROM registry_schema WHERE id = ?", id)[0]
      ?.text;
  }

  /** The ids of a schema, ascending: one, unless it was imported under several; none if it is not stored. */
  idsOfSchema(schema: string): number[] {
    const sql = "SELECT id FROM registry_schema WHERE digest = ? ORDER BY id";
    return this.#all<{ id: number }>(sql, digestOf(schema)).map(({ id }) => id);
  }

  /** Stores a schema and returns its new id. */
  insertSchema(schema: string): number {
    const sql = "INSERT INTO registry_schema (digest, text) VALUES (?, ?)";
    return Number(this.#run(sql, digestOf(schema), schema).lastInsertRowid);
  }

  // Versions.

  /** Names of subjects that begin with `prefix`, ascending. */
  subjects(prefix: string, deleted: boolean): string[] {
    return this.#all<{ subject: string }>(
      `SELECT DISTINCT subject FROM registry_version
        WHERE (deleted = 0 OR ?1) AND substr(subject, 1, length(?2)) = ?2 ORDER BY subject`,
      deleted ? 1 : 0,
      prefix,
    ).map(({ subject }) => subject);
  }

  /** All versions of a subject, deleted ones too, ascending. */
  versions(subject: string): StoredVersion[] {
    return this.#all<{ version: number; id: number; deleted: number }>(
      `SELECT version, schema_id AS id, deleted FROM registry_version
        WHERE subject = ? ORDER BY version`,
      subject,
    ).map(({ version, id, deleted }) => ({ version, id, deleted: deleted === 1 }));
  }

  /** The subjects and versions that use a schema, sorted by subject, then version. */
  usesOf(id: number, deleted: boolean): { subject: string; version: number }[] {
    return this.#all(
      `SELECT subject, version FROM registry_version
        WHERE schema_id = ? AND (deleted = 0 OR ?) ORDER BY subject, version`,
      id,
      deleted ? 1 : 0,
    );
  }

  insertVersion(subject: string, version: number, id: number): void {
    const sql = "INSERT INTO registry_version (subject, version, schema_id) VALUES (?, ?, ?)";
    this.#run(sql, subject, version, id);
  }

  markDeleted(subject: string, version: number): void {
    const sql = "UPDATE registry_version SET deleted = 1 WHERE subject = ? AND version = ?";
    this.#run(sql, subject, version);
  }

  /** Removes a version, and its schema if no other version uses it. */
  removeVersion(subject: string, { version, id }: StoredVersion): void {
    this.#run("DELETE FROM registry_version WHERE subject = ? AND version = ?", subject, version);
    this.#run(
      `DELETE FROM registry_schema WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM registry_version WHERE schema_id = ?1)`,
      id,
    );
  }

  // Levels.

  level(subject: string): CompatibilityLevel | undefined {
    const sql = "SELECT level FROM registry_level WHERE subject = ?";
    return this.#all<{ level: CompatibilityLevel }>(sql, subject)[0]?.level;
  }

  setLevel(subject: string, level: CompatibilityLevel): void {
    const sql = "INSERT OR REPLACE INTO registry_level (subject, level) VALUES (?, ?)";
    this.#run(sql, subject, level);
  }

  removeLevel(subject: string): void {
    this.#run("DELETE FROM registry_level WHERE subject = ?", subject);
  }

  /** The caller states the type of a row: the tables are STRICT, so the column types are reliable. */
  #all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#db.prepare(sql).all(...values) as Row[];
  }

  #run(sql: string, ...values: SqlValue[]) {
    return this.#db.prepare(sql).run(...values);
  }
}

type SqlValue = string | number | Uint8Array;

/** SHA-256. The empty list replaces the former references, so that stored schemas keep their ids. */
function digestOf(schema: string): Uint8Array {
  return createHash("sha256").update(JSON.stringify([schema, []])).digest();
}
