/**
 * Deleting over HTTP, softly and permanently.
 */
import { beforeEach, describe, expect, test } from "vitest";
import {
  error,
  first,
  openTestRegistry,
  sent,
  withDefault,
  withoutDefault,
} from "../tests/registry_calls.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

describe("deleting", () => {
  beforeEach(async () => {
    await registry.put("/config/a", { compatibility: "NONE" });
    await registry.register("a", first);
    await registry.register("a", withDefault);
    await registry.register("a", withoutDefault);
  });

  test("a subject: softly, then permanently", async () => {
    expect(await registry.delete("/subjects/a?permanent=true")).toEqual(error(404, 40405));
    expect(await registry.delete("/subjects/a/versions/2")).toEqual({ status: 200, body: 2 });
    expect(await registry.delete("/subjects/a")).toEqual({ status: 200, body: [1, 3] });
    expect(await registry.delete("/subjects/a")).toEqual(error(404, 40401));
    expect(await registry.get("/subjects")).toMatchObject({ body: [] });
    expect(await registry.get("/subjects?deleted=true")).toMatchObject({ body: ["a"] });
    expect(await registry.get("/subjects/a/versions")).toEqual(error(404, 40401));
    expect(await registry.get("/subjects/a/versions?deleted=true"))
      .toMatchObject({ body: [1, 2, 3] });
    expect(await registry.get("/subjects/a/versions/1?deleted=true"))
      .toMatchObject({ body: { id: 1 } });
    expect(await registry.get("/schemas/ids/1"), "consumers still need it")
      .toMatchObject({ status: 200 });
    expect(await registry.get("/schemas/ids/1/versions")).toMatchObject({ body: [] });
    expect(await registry.delete("/subjects/a?permanent=true"))
      .toEqual({ status: 200, body: [1, 2, 3] });
    expect(await registry.get("/subjects?deleted=true")).toMatchObject({ body: [] });
    expect(await registry.get("/schemas/ids/1")).toEqual(error(404, 40403));
    expect(await registry.delete("/subjects/a?permanent=true")).toEqual(error(404, 40401));
  });

  test("a version: softly, then permanently", async () => {
    expect(await registry.delete("/subjects/a/versions/2?permanent=true"))
      .toEqual(error(404, 40407));
    expect(await registry.delete("/subjects/a/versions/2")).toEqual({ status: 200, body: 2 });
    expect(await registry.delete("/subjects/a/versions/2")).toEqual(error(404, 40406));
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1, 3] });
    expect(await registry.get("/subjects/a/versions/2")).toEqual(error(404, 40402));
    expect(await registry.get("/subjects/a/versions?deleted=true"))
      .toMatchObject({ body: [1, 2, 3] });
    expect(await registry.delete("/subjects/a/versions/2?permanent=true"))
      .toEqual({ status: 200, body: 2 });
    expect(await registry.delete("/subjects/a/versions/2?permanent=true"))
      .toEqual(error(404, 40402));
    expect(await registry.delete("/subjects/x/versions/1")).toEqual(error(404, 40401));
    expect(await registry.delete("/subjects/a/versions/-1")).toEqual(error(422, 42202));
  });

  test("the latest version is the latest that is not deleted, so it can't be deleted permanently", async () => {
    expect(await registry.delete("/subjects/a/versions/latest?permanent=true"))
      .toEqual(error(404, 40407));
    for (const body of [3, 2, 1]) {
      expect(await registry.delete("/subjects/a/versions/latest")).toEqual({ status: 200, body });
    }
    expect(await registry.delete("/subjects/a/versions/latest")).toEqual(error(404, 40401));
    expect(await registry.get("/config/a"), "the level went with the last version")
      .toEqual(error(404, 40408));
  });

  test("a schema registered again is a new version with its old id; a deleted id is never reused", async () => {
    await registry.delete("/subjects/a");
    expect(await registry.register("a", withDefault)).toBe(2);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [4] });
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.register("a", withDefault)).toBe(4);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1] });
  });

  test("a schema that another subject uses stays", async () => {
    await registry.register("b", first);
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.get("/schemas/ids/1")).toMatchObject({ status: 200 });
    expect(await registry.get("/schemas/ids/1/subjects")).toMatchObject({ body: ["b"] });
  });

  test("looking up deleted schemas", async () => {
    await registry.delete("/subjects/a/versions/1");
    expect(await registry.post("/subjects/a", sent(first))).toEqual(error(404, 40403));
    expect(await registry.post("/subjects/a?deleted=true", sent(first)))
      .toMatchObject({ body: { version: 1, id: 1 } });
  });
});
