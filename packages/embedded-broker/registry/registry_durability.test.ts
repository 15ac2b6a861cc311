/**
 * What was answered is on disk: a registry opened again on the same file, or on what a killed process left of it, says
 * the same as before.
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

/** As the broker opens its database. */
function open(): DatabaseSync {
  const db = new DatabaseSync(join(directory, "log.sqlite"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return db;
}

test("opened again, it says the same", async () => {
  const db = open();
  const before = openTestRegistry(db);
  await before.register("a", first);
  await before.register("a", withDefault);
  await before.register("b", first, {});
  const reference = { name: "Walk", subject: "a", version: 1 };
  await before.register("c", { type: "array", items: "Walk" }, { references: [reference] });
  await before.delete("/subjects/a/versions/2");
  await before.put("/config", { compatibility: "FULL" });
  await before.put("/config/a", { compatibility: "NONE" });
  await before.put("/mode/b", { mode: "READONLY" });
  const questions = [
    "/subjects",
    "/subjects?deleted=true",
    "/subjects/a/versions?deleted=true",
    "/subjects/a/versions/latest",
    "/subjects/a/versions/1/referencedby",
    "/schemas/ids/3",
    "/config",
    "/config/a",
    "/mode/b",
  ];
  const answers = await Promise.all(questions.map(before.get));
  db.close();

  const again = open();
  const after = openTestRegistry(again);
  expect(await Promise.all(questions.map(after.get))).toEqual(answers);
  expect(await after.register("a", "string")).toBe(4);
  again.close();
});

test("what a killed process had answered is there", async () => {
  // The child registers one schema after the other and prints each id it was given; it is killed in the middle.
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
  // The module has no folder, so it is told where names like "hono" are mapped.
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

test("a call inside the owner's transaction is refused, not silently left to it", async () => {
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
