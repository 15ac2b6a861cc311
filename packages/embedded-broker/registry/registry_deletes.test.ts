/**
 * Deleting over HTTP, softly and for good, and references, which stand in its way.
 */
import { beforeEach, describe, expect, test } from "vitest";
import {
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

const error = (status: number, error_code: number, message: unknown = expect.any(String)) => ({
  status,
  body: { error_code, message },
});

describe("deleting", () => {
  beforeEach(async () => {
    await registry.put("/config/a", { compatibility: "NONE" });
    await registry.register("a", first);
    await registry.register("a", withDefault);
    await registry.register("a", withoutDefault);
  });

  test("a subject: softly, then for good", async () => {
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

  test("a version: softly, then for good", async () => {
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

  test("the latest is the latest that is there, so it can't be deleted for good", async () => {
    expect(await registry.delete("/subjects/a/versions/latest?permanent=true"))
      .toEqual(error(404, 40407));
    for (const body of [3, 2, 1]) {
      expect(await registry.delete("/subjects/a/versions/latest")).toEqual({ status: 200, body });
    }
    expect(await registry.delete("/subjects/a/versions/latest")).toEqual(error(404, 40401));
    expect(await registry.get("/config/a"), "the level went with the last version")
      .toEqual(error(404, 40408));
  });

  test("a schema registered again is a new version with its old id; a lost id is never given again", async () => {
    await registry.delete("/subjects/a");
    expect(await registry.register("a", withDefault)).toBe(2);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [4] });
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.register("a", withDefault)).toBe(4);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1] });
  });

  test("a schema that another subject has stays", async () => {
    await registry.register("b", first);
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.get("/schemas/ids/1")).toMatchObject({ status: 200 });
    expect(await registry.get("/schemas/ids/1/subjects")).toMatchObject({ body: ["b"] });
  });

  test("looking up what is deleted", async () => {
    await registry.delete("/subjects/a/versions/1");
    expect(await registry.post("/subjects/a", sent(first))).toEqual(error(404, 40403));
    expect(await registry.post("/subjects/a?deleted=true", sent(first)))
      .toMatchObject({ body: { version: 1, id: 1 } });
  });
});

describe("references", () => {
  const point = { type: "record", name: "geo.Point", fields: [{ name: "x", type: "int" }] };
  const line = {
    type: "record",
    name: "Line",
    fields: [{ name: "from", type: "geo.Point" }, { name: "to", type: "geo.Point" }],
  };
  const references = [{ name: "geo.Point", subject: "point", version: 1 }];

  test("are resolved, handed out, and protect what they refer to", async () => {
    await registry.register("point", point);
    const id = await registry.register("line", line, { references });
    expect(await registry.get(`/schemas/ids/${id}`)).toMatchObject({ body: { references } });
    expect(await registry.get("/subjects/line/versions/1")).toMatchObject({ body: { references } });
    expect(await registry.post("/subjects/line", sent(line, { references })))
      .toMatchObject({ body: { id } });
    for (const name of ["referencedby", "referencedBy"]) {
      expect(await registry.get(`/subjects/point/versions/1/${name}`))
        .toEqual({ status: 200, body: [id] });
    }
    expect(await registry.get("/subjects/line/versions/latest/referencedby"))
      .toMatchObject({ body: [] });
    expect(await registry.get("/subjects/point/versions/2/referencedby"))
      .toEqual(error(404, 40402));
    expect(await registry.delete("/subjects/point")).toEqual(error(422, 42206));
    expect(await registry.delete("/subjects/point/versions/1")).toEqual(error(
      422,
      42206,
      "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=point,version=1}",
    ));
    await registry.delete("/subjects/line");
    expect(await registry.delete("/subjects/point")).toMatchObject({ status: 200 });
  });

  test("that lead nowhere, or are missing", async () => {
    const register = (more = {}) => registry.post("/subjects/line/versions", sent(line, more));
    expect(await register({ references })).toEqual(error(
      422,
      42201,
      expect.stringContaining('No schema reference found for subject "point" and version 1'),
    ));
    expect(await register()).toEqual(error(422, 422, expect.stringContaining("'geo.Point'")));
    await registry.register("point", point);
    await registry.delete("/subjects/point");
    expect(await register({ references })).toEqual(error(422, 42201));
  });

  test("of references, and the same one by two ways", async () => {
    await registry.register("point", point);
    await registry.register("line", line, { references });
    const pair = {
      type: "record",
      name: "Pair",
      fields: [{ name: "line", type: "Line" }, { name: "point", type: "geo.Point" }],
    };
    const both = [...references, { name: "Line", subject: "line", version: 1 }];
    const id = await registry.register("pair", pair, { references: both });
    const turned = { references: both.toReversed() };
    expect(await registry.register("pair2", pair, turned)).not.toBe(id);
    expect(await registry.post("/subjects/pair3/versions?normalize=true", sent(pair, turned)))
      .toMatchObject({ status: 200 });
    expect(await registry.post("/subjects/pair3?normalize=true", sent(pair, { references: both })))
      .toMatchObject({ status: 200 });
  });

  test("are looked into when versions are compared", async () => {
    const longer = { ...point, fields: [{ name: "x", type: "long" }] };
    await registry.register("point", point);
    await registry.register("point", longer);
    await registry.put("/config/line", { compatibility: "FORWARD" });
    await registry.register("line", line, { references });
    const second = { references: [{ ...references[0], version: 2 }] };
    expect(await registry.post("/subjects/line/versions", sent(line, second)))
      .toEqual(error(409, 409, expect.stringContaining("field: 'x' of 'geo.Point'")));
  });
});
