/**
 * Answered writes are on disk: a registry that is reopened on the same file, also after its process was killed, returns
 * the same answers.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRegistry } from "./registry.ts";
import { first, openTestRegistry, sent, withDefault } from "../tests/registry_calls.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "registry-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Opens the database like the broker does. */
function open(): DatabaseSync {
  const db = new DatabaseSync(join(directory, "log.sqlite"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return db;
}

test("a reopened registry returns the same answers", async () => {
  const db = open();
  const before = openTestRegistry(db);
  await before.register("a", first);
  await before.register("a", withDefault);
  await before.register("b", first, {});
  await before.register("c", { type: "array", items: "int" });
  await before.delete("/subjects/a/versions/2");
  await before.put("/config", { compatibility: "FULL" });
  await before.put("/config/a", { compatibility: "NONE" });
  const questions = [
    "/subjects",
    "/subjects?deleted=true",
    "/subjects/a/versions?deleted=true",
    "/subjects/a/versions/latest",
    "/schemas/ids/3",
    "/config",
    "/config/a",
  ];
  const answers = await Promise.all(questions.map(before.get));
  db.close();

  const again = open();
  const after = openTestRegistry(again);
  expect(await Promise.all(questions.map(after.get))).toEqual(answers);
  expect(await after.register("a", "string")).toBe(4);
  again.close();
});

test("a schema in the tables of an earlier release is found by its digest", async () => {
  const db = open();
  const registry = openTestRegistry(db);
  const text =
    '{"type":"record","name":"Walk","namespace":"x","fields":[{"name":"km","type":"double","default":1.0}]}';
  // The rows that the release with references and modes wrote.
  db.exec(`
    CREATE TABLE registry_reference (
      schema_id INTEGER NOT NULL REFERENCES registry_schema (id) ON DELETE CASCADE,
      position INTEGER NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL,
      PRIMARY KEY (schema_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE registry_mode (subject TEXT PRIMARY KEY, mode TEXT NOT NULL) STRICT;
    INSERT INTO registry_mode VALUES ('', 'READONLY');
    INSERT INTO registry_schema VALUES
      (7, x'7db3758e5d848a09a599bd0450a2fb6acc2af6c318a0ba535d9faf4712631002', '${text}');
    INSERT INTO registry_version VALUES ('a', 3, 7, 0);`);
  expect(await registry.get("/schemas/ids/7")).toEqual({ status: 200, body: { schema: text } });
  const spaced = text.replace('"Walk","namespace":"x"', '"x.Walk"').replaceAll(",", ", ");
  expect(await registry.post("/subjects/a/versions", { schema: spaced }))
    .toEqual({ status: 200, body: { id: 7 } });
  expect(await registry.register("a", { ...JSON.parse(text), doc: "new" })).toBe(8);
  expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [3, 4] });
  await registry.delete("/subjects/a");
  expect(await registry.delete("/subjects/a?permanent=true"))
    .toEqual({ status: 200, body: [3, 4] });
  db.close();
});

test("what a killed process had acknowledged is stored", async () => {
  // The child registers one schema after the other and prints each id; it is killed while it does so.
  const script = `
    import { DatabaseSync } from "node:sqlite";
    import { createRegistry } from ${JSON.stringify(new URL("registry.ts", import.meta.url).href)};
    const db = new DatabaseSync(${JSON.stringify(join(directory, "log.sqlite"))});
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    const { fetch } = createRegistry({ db });
    for (let n = 1;; n++) {
      const response = await fetch(new Request("http://r/subjects/s" + n + "/versions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ schema: JSON.stringify({ type: "fixed", name: "F" + n, size: n }) }),
      }));
      console.log((await response.json()).id);
    }`;
  const module = `data:text/typescript,${encodeURIComponent(script)}`;
  // The module is not in a folder, so it needs the configuration that maps names like "hono".
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const child = spawn(Deno.execPath(), ["run", "-A", "--config", config, module], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const answered: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    answered.push(Number(line));
    if (answered.length === 25) child.kill("SIGKILL");
  }
  await exited;

  const db = open();
  const { fetch } = createRegistry({ db });
  expect(answered.length).toBeGreaterThanOrEqual(25);
  for (const id of answered) {
    const response = await fetch(new Request(`http://r/schemas/ids/${id}`));
    expect((await response.json()).schema).toContain(`"size":${id}`);
  }
  db.close();
});

test("a call inside the owner's transaction is refused, not silently made part of it", async () => {
  const db = open();
  const registry = openTestRegistry(db);
  db.exec("BEGIN");
  const answer = await registry.post("/subjects/a/versions", sent(first));
  expect(answer).toMatchObject({
    status: 500,
    body: { message: expect.stringContaining("inside a transaction") },
  });
  db.exec("ROLLBACK");
  expect(await registry.register("a", first)).toBe(1);
  db.close();
});
