/**
 * The HTTP surface: every endpoint, its answers and its refusals, as Redpanda has them.
 */
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import { FIRST, openTestRegistry, sent, WITH_DEFAULT, WITHOUT_DEFAULT } from "./test_calls.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

const error = (status: number, error_code: number, message: unknown = expect.any(String)) => ({
  status,
  body: { error_code, message },
});

describe("registering", () => {
  test("gives an id, the same for the same schema, in whatever subject and layout", async () => {
    expect(await registry.get("/subjects")).toEqual({ status: 200, body: [] });
    expect(await registry.post("/subjects/a/versions", sent(FIRST))).toEqual({
      status: 200,
      body: { id: 1 },
    });
    expect(await registry.register("a", FIRST)).toBe(1);
    const spaced = { schema: JSON.stringify(FIRST, null, 2) };
    expect(await registry.post("/subjects/a/versions", spaced)).toMatchObject({ body: { id: 1 } });
    expect(await registry.register("b", FIRST)).toBe(1);
    expect(await registry.register("a", WITH_DEFAULT)).toBe(2);
    expect(await registry.get("/subjects")).toMatchObject({ body: ["a", "b"] });
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1, 2] });
    expect(await registry.get("/subjects/b/versions")).toMatchObject({ body: [1] });
  });

  test("a doc makes another schema", async () => {
    await registry.register("a", FIRST);
    expect(await registry.register("a", { ...FIRST, doc: "of mice" })).toBe(2);
  });

  test("a schema by its id, with who has it", async () => {
    await registry.register("a", FIRST);
    await registry.register("b", FIRST);
    const text = JSON.stringify({ ...FIRST, fields: [{ name: "f1", type: "string" }] });
    expect(await registry.get("/schemas/ids/1")).toEqual({ status: 200, body: { schema: text } });
    expect(await registry.get("/schemas/ids/1/schema")).toEqual({
      status: 200,
      body: JSON.parse(text),
    });
    expect(await registry.get("/schemas/ids/1/subjects")).toMatchObject({ body: ["a", "b"] });
    expect(await registry.get("/schemas/ids/1/versions")).toMatchObject({
      body: [{ subject: "a", version: 1 }, { subject: "b", version: 1 }],
    });
    for (const tail of ["", "/schema", "/subjects", "/versions"]) {
      expect(await registry.get(`/schemas/ids/9${tail}`))
        .toEqual(error(404, 40403, "Schema 9 not found"));
    }
    expect(await registry.get("/schemas/ids/4294967296")).toEqual(error(404, 40403));
    expect(await registry.get("/schemas/ids/x")).toEqual(error(400, 40002));
    expect(await registry.get("/schemas/types")).toEqual({ status: 200, body: ["AVRO"] });
  });

  test("a version, by number and as the latest", async () => {
    await registry.register("a", FIRST);
    await registry.register("a", WITH_DEFAULT);
    const version = (number: number, schema: unknown) => ({
      status: 200,
      body: { subject: "a", version: number, id: number, schema: JSON.stringify(schema) },
    });
    expect(await registry.get("/subjects/a/versions/1")).toEqual(version(1, FIRST));
    for (const latest of ["2", "latest", "-1"]) {
      expect(await registry.get(`/subjects/a/versions/${latest}`)).toEqual(
        version(2, WITH_DEFAULT),
      );
    }
    expect(await registry.get("/subjects/a/versions/latest/schema")).toEqual({
      status: 200,
      body: WITH_DEFAULT,
    });
    expect(await registry.get("/subjects/a/versions/3"))
      .toEqual(error(404, 40402, "Version 3 not found."));
    expect(await registry.get("/subjects/x/versions/1"))
      .toEqual(error(404, 40401, "Subject 'x' not found."));
    expect(await registry.get("/subjects/x/versions")).toEqual(error(404, 40401));
    for (const wrong of ["0", "-2", "1.5", "2147483648", "newest", "1e0"]) {
      expect(await registry.get(`/subjects/a/versions/${wrong}`)).toEqual(error(422, 42202));
    }
  });

  test("looking a schema up in a subject", async () => {
    expect(await registry.post("/subjects/a", sent(FIRST))).toEqual(error(404, 40401));
    await registry.register("a", FIRST);
    await registry.register("b", WITHOUT_DEFAULT);
    expect(await registry.post("/subjects/a", sent(FIRST))).toEqual({
      status: 200,
      body: { subject: "a", version: 1, id: 1, schema: JSON.stringify(FIRST) },
    });
    expect(await registry.post("/subjects/a", sent(WITHOUT_DEFAULT)))
      .toEqual(error(404, 40403, "Schema not found"));
    expect(await registry.post("/subjects/a", sent("strnig"))).toEqual(error(422, 422));
  });

  test("subjects by prefix, with any character in their names", async () => {
    const names = ["a/b", "a b", "ä%", "a_b", "__proto__", "constructor"];
    for (const name of names) await registry.register(encodeURIComponent(name), FIRST);
    expect(new Set((await registry.get("/subjects")).body)).toEqual(new Set(names));
    expect((await registry.get("/subjects?subjectPrefix=a_")).body).toEqual(["a_b"]);
    expect((await registry.get("/subjects?subjectPrefix=%C3%A4%25")).body).toEqual(["ä%"]);
    expect((await registry.get("/subjects/a%2Fb/versions")).body).toEqual([1]);
    expect(await registry.get("/subjects/a%00b/versions")).toEqual(error(400, 40002));
    expect(await registry.get(`/subjects/${"a".repeat(2000)}/versions`)).toEqual(error(400, 40002));
    expect(await registry.get("/subjects/:.other:a/versions")).toEqual(error(400, 40002));
  });

  test("schemas that are none", async () => {
    const register = (schema: unknown, more = {}) =>
      registry.post("/subjects/a/versions", { schema, ...more });
    expect(await register("")).toEqual(error(422, 42201, "Empty schema"));
    expect(await register("{")).toEqual(error(422, 422, expect.stringContaining("Invalid schema")));
    expect(await register('{"type":"notatype","name":"r","fields":[]}'))
      .toEqual(
        error(
          422,
          422,
          "Invalid schema: unknown type 'notatype'; define or reference it first (at /)",
        ),
      );
    expect(await register("[".repeat(10_000))).toEqual(error(422, 422));
    expect(await register("message M {}", { schemaType: "PROTOBUF" }))
      .toEqual(error(422, 422, expect.stringContaining("PROTOBUF is left out")));
    expect(await register("{}", { schemaType: "JSON" }))
      .toEqual(error(422, 422, expect.stringContaining("JSON is left out")));
    expect(await registry.get("/subjects")).toMatchObject({ body: [] });
  });
});

describe("compatibility when registering", () => {
  test("a schema that can't read the latest is refused, with the field and the reason", async () => {
    await registry.register("a", FIRST);
    expect(await registry.post("/subjects/a/versions", sent(WITHOUT_DEFAULT))).toEqual(error(
      409,
      409,
      `Schema being registered is incompatible with an earlier schema for subject "a", details: ` +
        `[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'f2' at path ` +
        `'/fields/1' in the new schema has no default value and is missing in the old schema', ` +
        `additionalInfo:'f2', field: 'f2' of 'Walk'}, {oldSchemaVersion: 1}, ` +
        `{oldSchema: '${JSON.stringify(FIRST)}'}, {compatibility: 'BACKWARD'}]`,
    ));
  });

  // WITH_DEFAULT after FIRST and WITHOUT_DEFAULT after it: each step is BACKWARD, both steps at once are not.
  const steps: [level: string, third: unknown, status: number][] = [
    ["NONE", { type: "fixed", name: "Other", size: 1 }, 200],
    ["BACKWARD", WITHOUT_DEFAULT, 200],
    ["BACKWARD_TRANSITIVE", WITHOUT_DEFAULT, 409],
    ["FORWARD", WITHOUT_DEFAULT, 200],
    ["FORWARD_TRANSITIVE", WITHOUT_DEFAULT, 200],
    ["FULL", WITHOUT_DEFAULT, 200],
    ["FULL_TRANSITIVE", WITHOUT_DEFAULT, 409],
    ["FORWARD", { type: "record", name: "Walk", fields: [] }, 409],
    ["BACKWARD", { type: "record", name: "Walk", fields: [] }, 200],
  ];
  for (const [level, third, status] of steps) {
    test(`${level}: ${JSON.stringify(third)} is ${status}`, async () => {
      await registry.put("/config", { compatibility: level });
      await registry.register("a", FIRST);
      await registry.register("a", WITH_DEFAULT);
      expect(await registry.post("/subjects/a/versions", sent(third))).toMatchObject({ status });
    });
  }

  test("FORWARD_TRANSITIVE looks at all versions", async () => {
    // Each reads the next one's data, but the first does not read the third's.
    await registry.put("/config/a", { compatibility: "FORWARD" });
    await registry.register("a", WITHOUT_DEFAULT);
    await registry.register("a", WITH_DEFAULT);
    expect(await registry.post("/compatibility/subjects/a/versions/latest", sent(FIRST)))
      .toMatchObject({ body: { is_compatible: true } });
    await registry.put("/config/a", { compatibility: "FORWARD_TRANSITIVE" });
    expect(await registry.post("/subjects/a/versions", sent(FIRST))).toEqual(error(
      409,
      409,
      expect.stringContaining("in the old schema has no default value and is missing in the new"),
    ));
  });

  test("softly deleted versions do not count", async () => {
    await registry.register("a", FIRST);
    await registry.delete("/subjects/a/versions/1");
    expect(await registry.register("a", { type: "fixed", name: "Other", size: 1 })).toBe(2);
  });
});

describe("asking for compatibility", () => {
  const ask = (version: string | number, schema: unknown, query = "") =>
    registry.post(`/compatibility/subjects/a/versions/${version}${query}`, sent(schema));

  test("with and without reasons", async () => {
    await registry.register("a", FIRST);
    expect(await ask(1, WITH_DEFAULT)).toEqual({ status: 200, body: { is_compatible: true } });
    expect(await ask(1, WITHOUT_DEFAULT)).toEqual({ status: 200, body: { is_compatible: false } });
    expect(await ask("latest", WITH_DEFAULT, "?verbose=true"))
      .toEqual({ status: 200, body: { is_compatible: true, messages: [] } });
    const { body } = await ask("latest", WITHOUT_DEFAULT, "?verbose=true");
    expect(body).toEqual({
      is_compatible: false,
      messages: [
        expect.stringContaining("READER_FIELD_MISSING_DEFAULT_VALUE"),
        "{oldSchemaVersion: 1}",
        `{oldSchema: '${JSON.stringify(FIRST)}'}`,
        "{compatibility: 'BACKWARD'}",
      ],
    });
    expect(await registry.get("/subjects/a/versions"), "nothing was registered")
      .toMatchObject({ body: [1] });
  });

  test("of what is not there, or no schema", async () => {
    expect(await ask("latest", FIRST)).toEqual(error(404, 40401));
    await registry.register("a", FIRST);
    expect(await ask(2, FIRST)).toEqual(error(404, 40402));
    expect(await ask("-1", FIRST)).toEqual(error(422, 42202));
    expect(await ask(1, "strnig")).toEqual(error(422, 422));
    expect(await ask(1, "strnig", "?verbose=true")).toEqual({
      status: 200,
      body: { is_compatible: false, messages: [expect.stringContaining("unknown type 'strnig'")] },
    });
  });

  test("an older version is asked for together with all that follow it", async () => {
    await registry.put("/config/a", { compatibility: "NONE" });
    await registry.register("a", WITHOUT_DEFAULT);
    await registry.register("a", FIRST);
    await registry.put("/config/a", { compatibility: "BACKWARD" });
    const other = { ...WITHOUT_DEFAULT, doc: "the first again" };
    expect((await ask(1, other)).body).toEqual({ is_compatible: false });
  });
});

describe("deleting", () => {
  beforeEach(async () => {
    await registry.put("/config/a", { compatibility: "NONE" });
    await registry.register("a", FIRST);
    await registry.register("a", WITH_DEFAULT);
    await registry.register("a", WITHOUT_DEFAULT);
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
    expect(await registry.register("a", WITH_DEFAULT)).toBe(2);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [4] });
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.register("a", WITH_DEFAULT)).toBe(4);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1] });
  });

  test("a schema that another subject has stays", async () => {
    await registry.register("b", FIRST);
    await registry.delete("/subjects/a");
    await registry.delete("/subjects/a?permanent=true");
    expect(await registry.get("/schemas/ids/1")).toMatchObject({ status: 200 });
    expect(await registry.get("/schemas/ids/1/subjects")).toMatchObject({ body: ["b"] });
  });

  test("looking up what is deleted", async () => {
    await registry.delete("/subjects/a/versions/1");
    expect(await registry.post("/subjects/a", sent(FIRST))).toEqual(error(404, 40403));
    expect(await registry.post("/subjects/a?deleted=true", sent(FIRST)))
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
    await registry.register("a", FIRST);
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
    await registry.register("a", FIRST);
    expect(await registry.get("/mode")).toEqual({ status: 200, body: { mode: "READWRITE" } });
    expect(await registry.put("/mode", { mode: "READONLY" }))
      .toEqual({ status: 200, body: { mode: "READONLY" } });
    const refused = error(422, 42205, expect.stringContaining("read-only mode"));
    expect(await registry.post("/subjects/a/versions", sent(WITH_DEFAULT))).toEqual(refused);
    expect(await registry.delete("/subjects/a")).toEqual(refused);
    expect(await registry.delete("/subjects/a/versions/1")).toEqual(refused);
    expect(await registry.put("/config", { compatibility: "NONE" })).toEqual(refused);
    expect(await registry.put("/config/a", { compatibility: "NONE" })).toEqual(refused);
    expect(await registry.delete("/config/a")).toEqual(refused);
    expect(await registry.register("a", FIRST), "what is there is found").toBe(1);
    expect(await registry.put("/mode/a", { mode: "READWRITE" })).toMatchObject({ status: 200 });
    expect(await registry.register("a", WITH_DEFAULT)).toBe(2);
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

  test("IMPORT takes ids and versions as they come, and needs room for them", async () => {
    expect(await registry.post("/subjects/a/versions", sent(FIRST, { id: 7 })))
      .toEqual(error(422, 42205, "Subject a is not in import mode"));
    await registry.register("b", FIRST);
    expect(await registry.put("/mode", { mode: "IMPORT" }))
      .toEqual(error(422, 42205, "Cannot import since found existing subjects"));
    expect(await registry.put("/mode?force=true", { mode: "IMPORT" })).toMatchObject({
      status: 200,
    });
    await registry.put("/mode", { mode: "READWRITE" });
    expect(await registry.put("/mode/a", { mode: "IMPORT" })).toMatchObject({ status: 200 });
    expect(await registry.post("/subjects/a/versions", sent(WITH_DEFAULT)))
      .toEqual(error(422, 42205));
    expect(await registry.register("a", WITH_DEFAULT, { id: 70, version: 5 })).toBe(70);
    expect(await registry.register("a", "string", { id: 71, version: 6 }), "unchecked").toBe(71);
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [5, 6] });
    const clash = (schema: unknown, more: Record<string, unknown>) =>
      registry.post("/subjects/a/versions", sent(schema, more));
    expect(await clash(FIRST, { id: 8 })).toEqual(error(
      422,
      42207,
      "Schema already registered with id 1 instead of input id 8",
    ));
    expect(await clash("int", { id: 70 })).toEqual(error(
      422,
      42207,
      "Overwrite new schema with id 70 is not permitted.",
    ));
    expect(await clash("int", { id: 72, version: 5 })).toEqual(error(422, 42205));
    await registry.put("/mode/a", { mode: "READWRITE" });
    expect(await registry.register("c", "long"), "new ids follow the highest").toBe(72);
  });
});

describe("the wire", () => {
  const post = (headers: Record<string, string>, body: BodyInit = JSON.stringify(sent(FIRST))) =>
    registry.fetch(new Request("http://r/subjects/a/versions", { method: "POST", headers, body }));
  const v1 = "application/vnd.schemaregistry.v1+json";

  test("answers are in the registry's type, or the one asked for that it has", async () => {
    const get = async (accept?: string) =>
      await registry.fetch(new Request("http://r/subjects", accept ? { headers: { accept } } : {}));
    const typeOf = async (accept?: string) => (await get(accept)).headers.get("content-type");
    expect(await typeOf()).toBe(v1);
    expect(await typeOf("*/*")).toBe(v1);
    expect(await typeOf("application/json")).toBe("application/json");
    expect(await typeOf("text/html, application/vnd.schemaregistry+json; q=0.9"))
      .toBe("application/vnd.schemaregistry+json");
    const refused = await get("text/html");
    expect(refused.status).toBe(406);
    expect(refused.headers.get("content-type")).toBe(v1);
    expect(await refused.json()).toMatchObject({ error_code: 406 });
  });

  test("a refused answer leaves nothing behind", async () => {
    expect((await post({ "content-type": v1, accept: "text/html" })).status).toBe(406);
    expect(await registry.get("/subjects")).toMatchObject({ body: [] });
  });

  test("a body must say that it is JSON", async () => {
    for (const type of [v1, "application/json; charset=utf-8", "application/octet-stream"]) {
      expect((await post({ "content-type": type })).status).toBe(200);
    }
    expect((await post({ "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
    expect((await post({}, new Uint8Array([123, 125]))).status).toBe(415);
  });

  test("bodies have a limit, told or found out", async () => {
    const large = JSON.stringify({ schema: " ".repeat(1024 * 1024) });
    expect((await post({ "content-type": v1 }, large)).status).toBe(413);
    const stream = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 20; n++) controller.enqueue(new Uint8Array(100_000).fill(32));
        controller.close();
      },
    });
    expect((await post({ "content-type": v1 }, stream)).status).toBe(413);
  });

  test("bodies are strict", async () => {
    const refused = async (body: unknown, message: string) =>
      expect(await registry.post("/subjects/a/versions", body))
        .toEqual(error(422, 422, expect.stringContaining(message)));
    await refused("", "parse error");
    await refused("{", "parse error");
    await refused("[]", "expected an object, not an array");
    await refused("null", "expected an object, not null");
    await refused({ schema: { type: "string" } }, '"schema" must be a string, not an object');
    await refused({ ...sent(FIRST), ruleSet: {} }, 'unknown key "ruleSet"');
    await refused({ ...sent(FIRST), metadata: null }, 'unknown key "metadata"');
    await refused('{"schema":"\\"int\\"","__proto__":1}', 'unknown key "__proto__"');
    await refused({ ...sent(FIRST), schemaType: "avro" }, '"schemaType" must be "AVRO"');
    await refused({ ...sent(FIRST), id: "7" }, '"id" must be a whole number');
    await refused({ ...sent(FIRST), id: 0 }, '"id" must be a whole number');
    await refused({ ...sent(FIRST), version: 1.5 }, '"version" must be a whole number');
    await refused({ ...sent(FIRST), references: {} }, '"references" must be an array');
    await refused({ ...sent(FIRST), references: [1] }, "a reference must be an object");
    await refused(
      { ...sent(FIRST), references: [{ name: "a" }] },
      "a name, a subject and a version",
    );
    await refused(
      { ...sent(FIRST), references: [{ name: "a", subject: "b", version: 1, x: 1 }] },
      'unknown key "x"',
    );
    await refused(
      { ...sent(FIRST), references: Array(101).fill({ name: "a", subject: "b", version: 1 }) },
      "more than 100 references",
    );
  });

  test("ready, and what is not there", async () => {
    expect(await registry.get("/status/ready")).toEqual({ status: 200, body: undefined });
    expect(await registry.get("/nothing")).toEqual(error(404, 404));
    expect(await registry.call("PATCH", "/subjects")).toEqual(error(404, 404));
  });
});

test("a fault of its own is told to the owner and answered with 500", async () => {
  const db = new DatabaseSync(":memory:");
  const { createRegistry } = await import("./registry.ts");
  const faults: Error[] = [];
  const { fetch } = createRegistry({ db, onFault: (fault) => faults.push(fault) });
  db.close();
  const response = await fetch(new Request("http://r/subjects"));
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ error_code: 500 });
  expect(faults).toHaveLength(1);
});
