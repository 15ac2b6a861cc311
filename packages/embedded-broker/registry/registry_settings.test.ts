/**
 * Levels and modes over HTTP.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { first, openTestRegistry, sent, withDefault } from "../tests/registry_calls.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

const error = (status: number, error_code: number, message: unknown = expect.any(String)) => ({
  status,
  body: { error_code, message },
});

describe("levels", () => {
  test("of all, of one subject, and the one standing in for the other", async () => {
    expect(await registry.get("/config")).toEqual({
      status: 200,
      body: { compatibilityLevel: "BACKWARD" },
    });
    expect(await registry.put("/config", { compatibility: "FULL" })).toEqual({
      status: 200,
      body: { compatibility: "FULL" },
    });
    expect(await registry.get("/config")).toMatchObject({ body: { compatibilityLevel: "FULL" } });
    expect(await registry.get("/config/a")).toEqual(error(
      404,
      40408,
      "Subject 'a' does not have subject-level compatibility configured",
    ));
    await registry.register("a", first);
    expect(await registry.get("/config/a")).toEqual(error(404, 40408));
    expect(await registry.get("/config/a?defaultToGlobal=true"))
      .toEqual({ status: 200, body: { compatibilityLevel: "FULL" } });
    expect(await registry.put("/config/a", { compatibility: "NONE" })).toMatchObject({
      status: 200,
    });
    expect(await registry.get("/config/a")).toMatchObject({ body: { compatibilityLevel: "NONE" } });
    expect(await registry.delete("/config/a"))
      .toEqual({ status: 200, body: { compatibilityLevel: "NONE" } });
    expect(await registry.delete("/config/a")).toEqual(error(404, 40401));
  });

  test("that are none", async () => {
    expect(await registry.put("/config", { compatibility: "SIDEWAYS" }))
      .toEqual(error(422, 42203, expect.stringContaining("FULL_TRANSITIVE")));
    expect(await registry.put("/config", { compatibility: 1 })).toEqual(error(422, 422));
    expect(await registry.put("/config", {})).toEqual(error(422, 422));
    expect(await registry.put("/config", { compatibility: "NONE", alias: "b" }))
      .toEqual(error(422, 422, expect.stringContaining('unknown key "alias"')));
    expect(await registry.get("/config/a?defaultToGlobal=perhaps")).toEqual(error(400, 40002));
  });
});

describe("modes", () => {
  test("READONLY stops what writes, and nothing else", async () => {
    await registry.register("a", first);
    expect(await registry.get("/mode")).toEqual({ status: 200, body: { mode: "READWRITE" } });
    expect(await registry.put("/mode", { mode: "READONLY" }))
      .toEqual({ status: 200, body: { mode: "READONLY" } });
    const refused = error(422, 42205, expect.stringContaining("read-only mode"));
    expect(await registry.post("/subjects/a/versions", sent(withDefault))).toEqual(refused);
    expect(await registry.delete("/subjects/a")).toEqual(refused);
    expect(await registry.delete("/subjects/a/versions/1")).toEqual(refused);
    expect(await registry.put("/config", { compatibility: "NONE" })).toEqual(refused);
    expect(await registry.put("/config/a", { compatibility: "NONE" })).toEqual(refused);
    expect(await registry.delete("/config/a")).toEqual(refused);
    expect(await registry.register("a", first), "what is there is found").toBe(1);
    expect(await registry.put("/mode/a", { mode: "READWRITE" })).toMatchObject({ status: 200 });
    expect(await registry.register("a", withDefault)).toBe(2);
  });

  test("of a subject", async () => {
    expect(await registry.get("/mode/a")).toEqual(error(
      404,
      40409,
      "Subject 'a' does not have subject-level mode configured",
    ));
    expect(await registry.get("/mode/a?defaultToGlobal=true"))
      .toEqual({ status: 200, body: { mode: "READWRITE" } });
    await registry.put("/mode/a", { mode: "READONLY" });
    expect(await registry.get("/mode/a")).toMatchObject({ body: { mode: "READONLY" } });
    expect(await registry.delete("/mode/a")).toEqual({ status: 200, body: { mode: "READONLY" } });
    expect(await registry.delete("/mode/a")).toEqual(error(404, 40401));
    expect(await registry.put("/mode/a", { mode: "SLEEPING" })).toEqual(error(422, 42204));
  });

  test("IMPORT needs room: no version there, softly deleted or not, or force", async () => {
    await registry.register("b", first);
    const refused = error(422, 42205, "Cannot import since found existing subjects");
    expect(await registry.put("/mode", { mode: "IMPORT" })).toEqual(refused);
    expect(await registry.put("/mode/b", { mode: "IMPORT" })).toEqual(refused);
    await registry.delete("/subjects/b");
    expect(await registry.put("/mode", { mode: "IMPORT" })).toEqual(refused);
    expect(await registry.put("/mode/a", { mode: "IMPORT" })).toMatchObject({ status: 200 });
    expect(await registry.put("/mode?force=true", { mode: "IMPORT" }))
      .toMatchObject({ status: 200 });
  });

  test("IMPORT takes ids and versions as they come", async () => {
    await registry.register("b", first);
    await registry.put("/mode/a", { mode: "IMPORT" });
    const register = (schema: unknown, more: Record<string, unknown> = {}) =>
      registry.post("/subjects/a/versions", sent(schema, more));
    expect(await register(withDefault))
      .toEqual(error(422, 42205, "Subject a is not in read-write mode"));
    expect(await register(withDefault, { id: 70, version: 5 })).toMatchObject({ body: { id: 70 } });
    expect(await register(withDefault, { id: 70, version: 5 })).toMatchObject({ body: { id: 70 } });
    expect(await register("string", { id: 71 }), "unchecked").toMatchObject({ body: { id: 71 } });
    expect(await register(first, { id: 72 }), "known by another id, too")
      .toMatchObject({ body: { id: 72 } });
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [5, 6, 7] });
    expect(await registry.post("/subjects/a", sent(first))).toMatchObject({ body: { id: 72 } });
    expect(await registry.post("/subjects/b", sent(first))).toMatchObject({ body: { id: 1 } });
    expect(await register("int", { id: 70 }))
      .toEqual(error(422, 42205, "Overwrite new schema with id 70 is not permitted."));
    expect(await register("int", { id: 73, version: 5 })).toEqual(error(422, 42205));
    await registry.put("/mode/a", { mode: "READWRITE" });
    expect(await registry.register("c", "long"), "new ids follow the highest").toBe(73);
    expect(await registry.register("d", first), "the oldest id of those it has").toBe(1);
  });

  test("READWRITE takes no ids, and the next version only", async () => {
    await registry.register("a", first);
    const register = (schema: unknown, more: Record<string, unknown>) =>
      registry.post("/subjects/a/versions", sent(schema, more));
    const refused = error(422, 42205, "Subject a is not in import mode");
    expect(await register(withDefault, { id: 7 })).toEqual(refused);
    expect(await register(first, { id: 1 })).toEqual(refused);
    expect(await register(withDefault, { version: 3 }))
      .toEqual(error(422, 42201, "Version is not one more than previous version"));
    expect(await register(withDefault, { version: 2 })).toMatchObject({ body: { id: 2 } });
  });
});
