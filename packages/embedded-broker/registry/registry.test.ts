/**
 * The HTTP surface: registering, finding, looking up, and rules for all calls. Answers and refusals are those of Redpanda.
 */
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import {
  error,
  first,
  openTestRegistry,
  sent,
  withDefault,
  withoutDefault,
} from "../tests/registry_calls.ts";
import { createRegistry } from "./registry.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

describe("registering", () => {
  test("returns an id, the same for the same schema in any subject and layout", async () => {
    expect(await registry.get("/subjects")).toEqual({ status: 200, body: [] });
    expect(await registry.post("/subjects/a/versions", sent(first))).toEqual({
      status: 200,
      body: { id: 1 },
    });
    expect(await registry.register("a", first)).toBe(1);
    const spaced = { schema: JSON.stringify(first, null, 2) };
    expect(await registry.post("/subjects/a/versions", spaced)).toMatchObject({ body: { id: 1 } });
    expect(await registry.register("b", first)).toBe(1);
    expect(await registry.register("a", withDefault)).toBe(2);
    expect(await registry.get("/subjects")).toMatchObject({ body: ["a", "b"] });
    expect(await registry.get("/subjects/a/versions")).toMatchObject({ body: [1, 2] });
    expect(await registry.get("/subjects/b/versions")).toMatchObject({ body: [1] });
  });

  test("a different doc makes a different schema", async () => {
    await registry.register("a", first);
    expect(await registry.register("a", { ...first, doc: "of mice" })).toBe(2);
  });

  test("finds a schema by its id, with the versions that use it", async () => {
    await registry.register("a", first);
    await registry.register("b", first);
    const text = JSON.stringify({ ...first, fields: [{ name: "f1", type: "string" }] });
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

  test("finds a version by its number and as the latest", async () => {
    await registry.register("a", first);
    await registry.register("a", withDefault);
    const version = (number: number, schema: unknown) => ({
      status: 200,
      body: { subject: "a", version: number, id: number, schema: JSON.stringify(schema) },
    });
    expect(await registry.get("/subjects/a/versions/1")).toEqual(version(1, first));
    for (const latest of ["2", "latest", "-1"]) {
      expect(await registry.get(`/subjects/a/versions/${latest}`)).toEqual(
        version(2, withDefault),
      );
    }
    expect(await registry.get("/subjects/a/versions/latest/schema")).toEqual({
      status: 200,
      body: withDefault,
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

  test("looks up a schema in a subject", async () => {
    expect(await registry.post("/subjects/a", sent(first))).toEqual(error(404, 40401));
    await registry.register("a", first);
    await registry.register("b", withoutDefault);
    expect(await registry.post("/subjects/a", sent(first))).toEqual({
      status: 200,
      body: { subject: "a", version: 1, id: 1, schema: JSON.stringify(first) },
    });
    expect(await registry.post("/subjects/a", sent(withoutDefault)))
      .toEqual(error(404, 40403, "Schema not found"));
    expect(await registry.post("/subjects/a", sent("strnig"))).toEqual(error(422, 422));
  });

  test("lists subjects by prefix, with any character in their names", async () => {
    const names = ["a/b", "a b", "ä%", "a_b", "__proto__", "constructor"];
    for (const name of names) await registry.register(encodeURIComponent(name), first);
    expect(new Set((await registry.get<string[]>("/subjects")).body)).toEqual(new Set(names));
    expect((await registry.get("/subjects?subjectPrefix=a_")).body).toEqual(["a_b"]);
    expect((await registry.get("/subjects?subjectPrefix=%C3%A4%25")).body).toEqual(["ä%"]);
    expect((await registry.get("/subjects/a%2Fb/versions")).body).toEqual([1]);
    expect(await registry.get("/subjects/a%00b/versions")).toEqual(error(400, 40002));
    expect(await registry.get(`/subjects/${"a".repeat(2000)}/versions`)).toEqual(error(400, 40002));
    expect(await registry.get("/subjects/:.other:a/versions")).toEqual(error(400, 40002));
  });

  test("refuses invalid schemas", async () => {
    const register = (schema: unknown, more = {}) =>
      registry.post("/subjects/a/versions", { schema, ...more });
    expect(await register("")).toEqual(error(422, 42201, "Empty schema"));
    expect(await register("{")).toEqual(error(422, 422, expect.stringContaining("Invalid schema")));
    expect(await register('{"type":"notatype","name":"r","fields":[]}'))
      .toEqual(
        error(
          422,
          422,
          "Invalid schema: undefined type name: notatype (at /)",
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

describe("the wire", () => {
  const post = (headers: Record<string, string>, body: BodyInit = JSON.stringify(sent(first))) =>
    registry.fetch(new Request("http://r/subjects/a/versions", { method: "POST", headers, body }));
  const v1 = "application/vnd.schemaregistry.v1+json";

  test("answers have the registry's type, or a supported type that the client asks for", async () => {
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

  test("a request whose answer type is refused changes nothing", async () => {
    expect((await post({ "content-type": v1, accept: "text/html" })).status).toBe(406);
    expect(await registry.get("/subjects")).toMatchObject({ body: [] });
  });

  test("a body must be declared as JSON", async () => {
    for (const type of [v1, "application/json; charset=utf-8", "application/octet-stream"]) {
      expect((await post({ "content-type": type })).status).toBe(200);
    }
    expect((await post({ "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
    expect((await post({}, new Uint8Array([123, 125]))).status).toBe(415);
  });

  test("bodies have a limit, whether or not their length is announced", async () => {
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

  test("an interrupted body is the client's fault", async () => {
    const stream = new ReadableStream({
      start: (controller) => controller.error(new Error("connection reset")),
    });
    const response = await post({ "content-type": v1 }, stream);
    expect(response.status).toBe(400);
    expect((await response.json()).message).toContain("connection reset");
  });

  test("a body that is not UTF-8 is refused", async () => {
    const response = await post({ "content-type": v1 }, new Uint8Array([34, 0xff, 34]));
    expect(response.status).toBe(422);
    expect((await response.json()).message).toContain("not UTF-8");
  });

  test("bodies are checked strictly", async () => {
    const refused = async (body: unknown, message: string) =>
      expect(await registry.post("/subjects/a/versions", body))
        .toEqual(error(422, 422, expect.stringContaining(message)));
    await refused("", "parse error");
    await refused("{", "parse error");
    await refused("[]", "expected an object, not an array");
    await refused("null", "expected an object, not null");
    await refused({ schema: { type: "string" } }, '"schema" must be a string, not an object');
    await refused({ ...sent(first), ruleSet: {} }, 'unknown key "ruleSet"');
    await refused({ ...sent(first), metadata: null }, 'unknown key "metadata"');
    await refused('{"schema":"\\"int\\"","__proto__":1}', 'unknown key "__proto__"');
    await refused({ ...sent(first), schemaType: "avro" }, '"schemaType" must be "AVRO"');
    await refused({ ...sent(first), id: 7 }, 'unknown key "id"');
    await refused({ ...sent(first), references: {} }, '"references" must be an array');
  });

  test("references are refused", async () => {
    const references = [{ name: "geo.Point", subject: "point", version: 1 }];
    const refused = error(422, 422, expect.stringContaining("references are left out"));
    expect(await registry.post("/subjects/a/versions", sent(first, { references })))
      .toEqual(refused);
    expect(await registry.post("/subjects/a", sent(first, { references }))).toEqual(refused);
    for (const none of [[], null]) {
      expect(await registry.post("/subjects/a/versions", sent(first, { references: none })))
        .toMatchObject({ status: 200 });
    }
  });

  test("the readiness check, and unknown routes", async () => {
    expect(await registry.get("/status/ready")).toEqual({ status: 200, body: undefined });
    expect(await registry.get("/nothing")).toEqual(error(404, 404));
    expect(await registry.call("PATCH", "/subjects")).toEqual(error(404, 404));
  });
});

test("an internal fault is reported to the owner and answered with 500", async () => {
  const db = new DatabaseSync(":memory:");
  const faults: Error[] = [];
  const { fetch } = createRegistry({ db, onFault: (fault) => faults.push(fault) });
  db.close();
  const response = await fetch(new Request("http://r/subjects"));
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ error_code: 500 });
  expect(faults).toHaveLength(1);
});
