import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { closeDatabase, openDatabase } from "./database.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-database-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

test("every commit waits for the disk", () => {
  const db = openDatabase(directory);
  const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  expect(pragma("journal_mode")).toBe("wal");
  expect(pragma("synchronous")).toBe(2); // FULL
  expect(pragma("page_size")).toBe(16_384);
  closeDatabase(db, directory);
});

test("a closed database is one file, beside an empty lock", async () => {
  const nested = join(directory, "made", "on", "the", "way");
  const db = openDatabase(nested);
  expect((await readdir(nested)).sort()).toContain("broker.pid");
  closeDatabase(db, nested);
  expect((await readdir(nested)).sort()).toEqual(["broker.lock", "broker.sqlite"]);
  expect((await stat(join(nested, "broker.lock"))).size).toBe(0);
});

test("only one process may open it", () => {
  const db = openDatabase(directory);
  expect(() => openDatabase(directory)).toThrow(
    new RegExp(`${directory} is in use by another process \\(process ${process.pid}\\)`),
  );
  closeDatabase(db, directory);
  closeDatabase(openDatabase(directory), directory);
});

test("a database of a newer version is not changed", () => {
  const db = new DatabaseSync(join(directory, "broker.sqlite"));
  db.exec("PRAGMA user_version=99");
  db.close();
  expect(() => openDatabase(directory)).toThrow(/has format 99; this version knows up to 1/);
});

test("a file that is not a database is refused with that reason", async () => {
  await writeFile(
    join(directory, "broker.sqlite"),
    "not a database, but long enough to be read as one".repeat(100),
  );
  expect(() => openDatabase(directory)).toThrow(/can't be opened: file is not a database/);
});
