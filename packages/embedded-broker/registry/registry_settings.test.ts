/**
 * Compatibility levels and the mode over HTTP.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { error, first, openTestRegistry } from "../tests/registry_calls.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

describe("levels", () => {
  test("of the registry, of one subject, and the fallback from one to the other", async () => {
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

  test("that are invalid are refused", async () => {
    expect(await registry.put("/config", { compatibility: "SIDEWAYS" }))
      .toEqual(error(422, 42203, expect.stringContaining("FULL_TRANSITIVE")));
    expect(await registry.put("/config", { compatibility: 1 })).toEqual(error(422, 422));
    expect(await registry.put("/config", {})).toEqual(error(422, 422));
    expect(await registry.put("/config", { compatibility: "NONE", alias: "b" }))
      .toEqual(error(422, 422, expect.stringContaining('unknown key "alias"')));
    expect(await registry.get("/config/a?defaultToGlobal=perhaps")).toEqual(error(400, 40002));
  });
});

test("the mode is READWRITE, and can't be set", async () => {
  expect(await registry.get("/mode")).toEqual({ status: 200, body: { mode: "READWRITE" } });
  expect(await registry.put("/mode", { mode: "READONLY" })).toEqual(error(404, 404));
  expect(await registry.get("/mode/a")).toEqual(error(404, 404));
});
