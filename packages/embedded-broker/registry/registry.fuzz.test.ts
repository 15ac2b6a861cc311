/**
 * Sends arbitrary requests: none makes the registry fail, and no sequence of requests breaks its guarantees. Seeds are
 * printed when a run fails.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  first,
  openTestRegistry,
  sent,
  withDefault,
  withoutDefault,
} from "../tests/registry_calls.ts";

const subject = fc.oneof(
  { arbitrary: fc.constantFrom("a", "b", "c"), weight: 4 },
  { arbitrary: fc.string({ unit: "binary", maxLength: 8 }).map(encode), weight: 1 },
);
const version = fc.oneof(
  fc.constantFrom("1", "2", "3", "latest", "-1", "0", "99", "2147483648", "1.5", "x"),
  fc.string({ unit: "binary", maxLength: 6 }).map(encode),
);
const schemaText = fc.oneof(
  fc.constantFrom(first, withDefault, withoutDefault, "int", ["null", "long"])
    .map((schema) => JSON.stringify(schema)),
  fc.json(),
  fc.string({ unit: "binary" }),
  // Objects with an Avro schema's keys and arbitrary values.
  fc.dictionary(
    fc.constantFrom("type", "name", "namespace", "fields", "items", "symbols", "size", "default"),
    fc.oneof(fc.constantFrom("record", "enum", "fixed", "array", "A", []), fc.jsonValue()),
  ).map((json) => JSON.stringify(json)),
);
const reference = fc.record({
  name: fc.constantFrom("Walk", "x.Y", ""),
  subject,
  version: fc.constantFrom(1, 2, 0, -1, 1.5),
});
const body = fc.oneof(
  fc.record(
    {
      schema: schemaText,
      references: fc.array(reference, { maxLength: 2 }),
      id: fc.constantFrom(1, 5, 2147483647, 0, "1"),
      version: fc.constantFrom(1, 5, 2147483647, -1),
    },
    { requiredKeys: ["schema"] },
  ),
  fc.record({ schema: schemaText }),
  fc.record({ compatibility: fc.constantFrom("NONE", "BACKWARD", "FULL_TRANSITIVE", "x", null) }),
  fc.record({ mode: fc.constantFrom("READWRITE", "READONLY", "IMPORT", "x", 1) }),
  fc.jsonValue(),
);
const query = fc.array(
  fc.tuple(
    fc.constantFrom(
      "deleted",
      "permanent",
      "verbose",
      "normalize",
      "force",
      "defaultToGlobal",
      "x",
    ),
    fc.constantFrom("true", "false", "", "maybe", "%ff"),
  ).map((pair) => pair.join("=")),
  { maxLength: 3 },
).map((pairs) => pairs.length === 0 ? "" : `?${pairs.join("&")}`);
const path = fc.oneof(
  subject.map((s) => `/subjects/${s}`),
  subject.map((s) => `/subjects/${s}/versions`),
  fc.tuple(subject, version, fc.constantFrom("", "/schema", "/referencedby"))
    .map(([s, v, tail]) => `/subjects/${s}/versions/${v}${tail}`),
  fc.tuple(subject, version).map(([s, v]) => `/compatibility/subjects/${s}/versions/${v}`),
  fc.tuple(fc.constantFrom("/config", "/mode"), subject).map(([root, s]) => `${root}/${s}`),
  fc.tuple(
    fc.constantFrom("1", "2", "x", "-1", "99999999999999999999"),
    fc.constantFrom("", "/subjects"),
  )
    .map(([id, tail]) => `/schemas/ids/${id}${tail}`),
  fc.constantFrom("/subjects", "/config", "/mode", "/schemas/types", "/status/ready"),
  fc.array(fc.string({ unit: "binary", maxLength: 5 }).map(encode), { maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"),
  path,
  query,
  body,
});

/** URL encoding; a lone surrogate, which a URL can't contain, becomes bytes that are not UTF-8. */
function encode(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : "%ed%a0%80";
}

test("no request gets a 5xx, and every refusal has an error body", async () => {
  const registry = openTestRegistry();
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, body }) => {
      const hasBody = method !== "GET" && method !== "HEAD";
      const response = await registry.fetch(
        new Request(`http://registry${path}${query}`, {
          method,
          ...(hasBody ? { body: JSON.stringify(body) } : {}),
          headers: { "content-type": "application/json" },
        }),
      );
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      expect(response.status).toBeLessThan(500);
      const text = await response.text();
      if (response.status >= 400 && method !== "HEAD") {
        expect(JSON.parse(text)).toEqual({
          error_code: expect.any(Number),
          message: expect.any(String),
        });
      }
    }),
    { numRuns: 4_000 },
  );
  // The test is only meaningful if each of these occurred often.
  for (const status of [200, 404, 422]) expect(statuses.get(status)).toBeGreaterThan(50);
});

test("no body makes the registry fail, JSON or not", async () => {
  const registry = openTestRegistry();
  await registry.register("a", first);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
    schemaText.map((schema) => new TextEncoder().encode(JSON.stringify({ schema }).slice(0, -1))),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom("", "/versions"), async (body, tail) => {
      const headers = { "content-type": "application/json" };
      const response = await registry.fetch(
        // A copy, because fast-check's arrays may be views of a larger buffer.
        new Request(`http://registry/subjects/a${tail}`, {
          method: "POST",
          headers,
          body: body.slice(),
        }),
      );
      expect(response.status).toBeLessThan(500);
      await response.body?.cancel();
    }),
    { numRuns: 1_000 },
  );
});

/**
 * Each takes about a second on an idle machine, linear in its size. A quadratic algorithm would take minutes and exceed
 * this time-out.
 */
const worstTimeout_ms = 60_000;

test("the worst schemas that fit into a body are processed quickly", async () => {
  const registry = openTestRegistry();
  await registry.put("/config", { compatibility: "FULL" });
  const many = <T>(length: number, make: (n: number) => T) =>
    Array.from({ length }, (_, n) => make(n));
  const branches = many(256, (n) => ({ type: "fixed", name: `F${n}`, size: 1 }));
  const worst: Record<string, unknown> = {
    "unions of all types, in every field": {
      type: "record",
      name: "R",
      fields: [
        { name: "f", type: branches },
        ...many(400, (n) => ({ name: `f${n}`, type: branches.map(({ name }) => name) })),
      ],
    },
    "an enum of many symbols": { type: "enum", name: "E", symbols: many(80_000, (n) => `S${n}`) },
    "a record of many fields": {
      type: "record",
      name: "R",
      fields: many(20_000, (n) => ({ name: `f${n}`, type: "int" })),
    },
    "records within records": many(200, (n) => ({
      type: "record",
      name: `R${n}`,
      fields: [{ name: "f", type: n === 0 ? "int" : `R${n - 1}` }],
    })),
    "quotes that never end": `"${'\\"'.repeat(200_000)}`,
    "a long text": { type: "int", doc: "x".repeat(900_000) },
    "a long number": `{"type":"fixed","name":"F","size":${"1".repeat(900_000)}}`,
    "brackets": "[".repeat(900_000),
  };
  for (const [name, schema] of Object.entries(worst)) {
    // They differ in a doc, so that the second is compared with the first.
    for (const doc of ["", "x"]) {
      const text = typeof schema === "string"
        ? schema
        : JSON.stringify({ type: "array", items: schema, doc });
      const answer = await registry.post(`/subjects/${encodeURIComponent(name)}/versions`, {
        schema: text,
      });
      expect([200, 422], name).toContain(answer.status);
    }
  }
}, worstTimeout_ms);

const step = fc.oneof(
  fc.record({
    method: fc.constant("POST"),
    path: fc.constantFrom("/subjects/a/versions", "/subjects/b/versions"),
    body: fc.constantFrom(first, withDefault, withoutDefault, "int").map((s) => sent(s)),
  }),
  fc.record({
    method: fc.constant("DELETE"),
    path: fc.tuple(
      fc.constantFrom("a", "b"),
      fc.constantFrom("", "/versions/1", "/versions/2", "/versions/latest"),
      fc.constantFrom("", "?permanent=true"),
    ).map(([s, v, q]) => `/subjects/${s}${v}${q}`),
  }),
  fc.record({
    method: fc.constant("PUT"),
    path: fc.constantFrom("/config", "/config/a"),
    body: fc.constantFrom("NONE", "BACKWARD", "FULL_TRANSITIVE")
      .map((compatibility) => ({ compatibility })),
  }),
);

test("after any sequence of calls, an id means one schema, and every version has a schema", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const registry = openTestRegistry();
      const schemaOfId = new Map<number, string>();
      for (const { method, path, body } of steps.map((s) => ({ body: undefined, ...s }))) {
        const answer = await registry.call(method, path, body);
        expect(answer.status).toBeLessThan(500);
        if (method === "POST" && answer.status === 200) {
          const again = await registry.call(method, path, body);
          expect(again, "registering again finds the same").toEqual(answer);
        }
        for (const { id, schema } of await allVersions(registry)) {
          const found = await registry.get<{ schema: string }>(`/schemas/ids/${id}`);
          expect(found.body.schema).toBe(schema);
          expect(schemaOfId.get(id) ?? schema).toBe(schema);
          schemaOfId.set(id, schema);
        }
      }
    }),
    { numRuns: 100 },
  );
});

/** Every version of every subject, deleted or not. */
async function allVersions(registry: ReturnType<typeof openTestRegistry>) {
  const all: { id: number; schema: string }[] = [];
  for (const subject of (await registry.get<string[]>("/subjects?deleted=true")).body) {
    const path = `/subjects/${subject}/versions`;
    const versions = (await registry.get<number[]>(`${path}?deleted=true`)).body;
    expect(versions.length).toBeGreaterThan(0);
    for (const version of versions) {
      all.push(
        (await registry.get<typeof all[number]>(`${path}/${version}?deleted=true`)).body,
      );
    }
  }
  return all;
}
