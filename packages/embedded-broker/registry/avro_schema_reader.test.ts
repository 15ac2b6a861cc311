/**
 * What is an Avro schema and what is not, with the place and the reason; and avsc as a second opinion.
 */
import avro from "avsc";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NamedSchema } from "./avro_schema.ts";
import { readAvroSchema } from "./avro_schema_reader.ts";
import { parseExactJson } from "./exact_json.ts";

const read = (json: unknown) =>
  readAvroSchema(
    parseExactJson(typeof json === "string" && json !== "" ? json : JSON.stringify(json)),
    new Map(),
  );
const record = (...fields: unknown[]) => ({ type: "record", name: "R", fields });
const withDefault = (type: unknown, value: unknown) => record({ name: "f", type, default: value });

describe("valid", () => {
  const fixed = { type: "fixed", name: "F", size: 2 };
  const color = { type: "enum", name: "E", symbols: ["A", "B"], default: "A" };
  const cases: Record<string, unknown> = {
    "a primitive": '"int"',
    "a primitive as an object": { type: "int" },
    "a logical type": { type: "bytes", logicalType: "decimal", precision: 4 },
    "an empty record": record(),
    "an error": { type: "error", name: "R", fields: [] },
    "a recursive record": record({ name: "next", type: ["null", "R"], default: null }),
    "a type used before in another namespace": {
      type: "record",
      name: "a.R",
      fields: [{ name: "e", type: { ...color, namespace: "b" } }, { name: "f", type: "b.E" }],
    },
    "a name JavaScript's objects have": {
      type: "enum",
      name: "constructor",
      symbols: ["__proto__"],
    },
    "a union of all kinds": ["null", "int", "string", fixed, color, { type: "map", values: "int" }],
    "two named types in a union": [color, { ...color, name: "E2" }],
    "unknown attributes": { ...record(), connect: { anything: [1] } },
    "default: null": withDefault("null", null),
    "default: boolean": withDefault("boolean", false),
    "default: the largest int": withDefault("int", 2147483647),
    "default: a double without fraction": withDefault("double", 1),
    "default: bytes": withDefault("bytes", "\u00ff\u0000"),
    "default: fixed": withDefault(fixed, "ab"),
    "default: enum": withDefault(color, "B"),
    "default: the union's first branch": withDefault(["string", "null"], "x"),
    "default: array": withDefault({ type: "array", items: "int" }, [1, 2]),
    "default: map": withDefault({ type: "map", values: "int" }, { a: 1 }),
    "default: a record": withDefault(
      { type: "record", name: "P", fields: [{ name: "x", type: "int" }] },
      { x: 1 },
    ),
  };
  for (const [name, json] of Object.entries(cases)) {
    test(name, () => expect(() => read(json)).not.toThrow());
  }

  test("the largest long, which JavaScript can't hold", () => {
    const json = `{"type":"record","name":"R","fields":[
      {"name":"f","type":"long","default":9223372036854775807},
      {"name":"g","type":"long","default":-9223372036854775808}]}`;
    expect(() => read(json)).not.toThrow();
    expect(() => read(json.replace("807}", "808}"))).toThrow("64 bits");
  });
});

describe("invalid", () => {
  const cases: Record<string, [json: unknown, message: string | RegExp]> = {
    "null": [null, "a schema is a name, an object or an array, not null (at /)"],
    "a number": [7, "not the number 7"],
    "no type": [{ name: "R" }, '"type" must name a type, not be nothing'],
    "a type that is an object": [{ type: { type: "int" } }, "not be an object"],
    "an unknown type": ['"strnig"', "unknown type 'strnig'"],
    "a type that only JavaScript knows": ['"constructor"', "unknown type 'constructor'"],
    "a record without a name": [{ type: "record", fields: [] }, '"name" must be a string'],
    "a record without fields": [{ type: "record", name: "R" }, '"fields" must be an array'],
    "a field that is no object": [record("f"), 'a field must be an object, not the string "f"'],
    "a field without a name": [record({ type: "int" }), "a field's name is letters"],
    "a field without a type": [record({ name: "f" }), "field 'f' has no \"type\" (at /fields/0)"],
    "a field's bad name": [record({ name: "2f", type: "int" }), "a field's name is letters"],
    "a field's name with a dot": [
      record({ name: "a.b", type: "int" }),
      "a field's name is letters",
    ],
    "a field twice": [
      record({ name: "f", type: "int" }, { name: "f", type: "int" }),
      "two fields or field aliases named 'f' (at /fields/1)",
    ],
    "a field's alias that is another field": [
      record({ name: "f", type: "int" }, { name: "g", type: "int", aliases: ["f"] }),
      "two fields or field aliases named 'f'",
    ],
    "a field's unknown order": [record({ name: "f", type: "int", order: "up" }), '"order" is'],
    "a field's unknown type": [
      record({ name: "f", type: { type: "array", items: "Foo" } }),
      "unknown type 'Foo'; define or reference it first (at /fields/0/type/items)",
    ],
    "a bad name": [{ type: "fixed", name: "a-b", size: 1 }, "not a valid name"],
    "a bad namespace": [
      { type: "fixed", name: "A", namespace: "a..b", size: 1 },
      "not a valid name",
    ],
    "a namespace that is a number": [
      { type: "fixed", name: "A", namespace: 1, size: 1 },
      '"namespace" must be a string',
    ],
    "a primitive's name in a namespace": [
      { type: "enum", name: "x.int", symbols: ["A"] },
      "'int' is a primitive type, in any namespace",
    ],
    "a primitive's name": [{ type: "fixed", name: "int", size: 1 }, "is a primitive type"],
    "aliases that are no array": [
      { type: "fixed", name: "A", size: 1, aliases: "B" },
      '"aliases" must be an array of strings',
    ],
    "a type defined twice": [
      record(
        { name: "a", type: { type: "fixed", name: "F", size: 1 } },
        { name: "b", type: { type: "fixed", name: "F", size: 1 } },
      ),
      "type 'F' is defined twice (at /fields/1/type)",
    ],
    "an enum without symbols": [{ type: "enum", name: "E", symbols: [] }, "has no symbols"],
    "an enum with a symbol twice": [
      { type: "enum", name: "E", symbols: ["A", "A"] },
      "has symbol 'A' twice",
    ],
    "an enum's bad symbol": [{ type: "enum", name: "E", symbols: ["a b"] }, "a symbol is letters"],
    "an enum's default that is no symbol": [
      { type: "enum", name: "E", symbols: ["A"], default: "B" },
      "the default of enum 'E', the string \"B\", is none of its symbols",
    ],
    "a fixed without size": [{ type: "fixed", name: "F" }, '"size" must be a whole number'],
    "a fixed of size 0": [{ type: "fixed", name: "F", size: 0 }, "not the number 0"],
    "a fixed of size 1.5": [{ type: "fixed", name: "F", size: 1.5 }, "not the number 1.5"],
    "an array without items": [{ type: "array" }, 'missing "items"'],
    "a map without values": [{ type: "map" }, 'missing "values"'],
    "an empty union": [[], "a union has 1 to 256 branches, not 0"],
    "a union in a union": [["null", ["int"]], "may not hold a union directly (at /1)"],
    "a union with a type twice": [["null", "int", "int"], "two branches of type 'int' (at /2)"],
    "a union with two arrays": [
      [{ type: "array", items: "int" }, { type: "array", items: "long" }],
      "two branches of type 'array'",
    ],
    "default: null for a string": [withDefault("string", null), "field 'f' does not fit"],
    "default: of the second branch": [withDefault(["null", "int"], 1), "it must be null"],
    "default: too large an int": [withDefault("int", 2147483648), "32 bits"],
    "default: a fraction for a long": [withDefault("long", 1.5), "64 bits"],
    "default: a string for a double": [withDefault("double", "NaN"), "it must be a number"],
    "default: bytes beyond 255": [withDefault("bytes", "\u0100"), "code points up to 255"],
    "default: a record with a field missing": [
      withDefault({ type: "record", name: "P", fields: [{ name: "x", type: "int" }] }, {}),
      "field 'x' of 'P' is missing",
    ],
    "default: a record with a field left to its own default": [
      withDefault(
        { type: "record", name: "P", fields: [{ name: "x", type: "int", default: 1 }] },
        {},
      ),
      "field 'x' of 'P' is missing",
    ],
    "default: a record in itself, without end": [
      record({ name: "next", type: "R", default: {} }),
      "field 'next' of 'R' is missing",
    ],
    "default: an array's item": [withDefault({ type: "array", items: "int" }, ["x"]), "32 bits"],
  };
  for (const [name, [json, message]] of Object.entries(cases)) {
    test(name, () => expect(() => read(json)).toThrow(message));
  }

  test("nested too deeply", () => {
    const deep = '{"type":"array","items":'.repeat(300) + '"int"' + "}".repeat(300);
    expect(() => read(deep)).toThrow("nested more than 200 levels deep");
    expect(() => read("[".repeat(100_000))).toThrow(SyntaxError);
  });

  test("too many types or branches", () => {
    const types = Array.from(
      { length: 257 },
      (_, n) => ({ type: "fixed", name: `F${n}`, size: 1 }),
    );
    expect(() => read(types)).toThrow("1 to 256 branches, not 257");
    const fields = Array.from({ length: 1001 }, (_, n) => ({
      name: `f${n}`,
      type: { type: "fixed", name: `F${n}`, size: 1 },
    }));
    expect(() => read(record(...fields))).toThrow("more than 1000 named types");
  });
});

test("names are made full, in the namespace that encloses them", () => {
  const named = new Map<string, NamedSchema>();
  const inner = { type: "enum", name: "E", symbols: ["A"], aliases: ["Old", "c.Older"] };
  const json = { ...record({ name: "e", type: inner }), namespace: "a.b" };
  readAvroSchema(parseExactJson(JSON.stringify(json)), named);
  expect([...named.keys()]).toEqual(["a.b.R", "a.b.E"]);
  expect(named.get("a.b.E")?.aliases).toEqual(["a.b.Old", "c.Older"]);
});

// Schemas that are nearly right: every part may be wrong in the ways people get them wrong.
const name = fc.constantFrom("A", "B", "C", "x.A", "int", "1st", "");
const { schema } = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, depthSize: "medium", withCrossShrink: true },
    fc.constantFrom(
      "null",
      "boolean",
      "int",
      "long",
      "float",
      "double",
      "bytes",
      "string",
      "A",
      "C",
    ),
    fc.record({ type: fc.constant("array"), items: tie("schema") }),
    fc.record({ type: fc.constant("map"), values: tie("schema") }),
    fc.array(tie("schema"), { maxLength: 3 }),
    fc.record({ type: fc.constant("fixed"), name, size: fc.constantFrom(0, 1, 2, 1.5) }),
    fc.record(
      {
        type: fc.constant("enum"),
        name,
        symbols: fc.array(fc.constantFrom("X", "Y", "Z", "1"), { maxLength: 3 }),
        default: fc.constantFrom("X", "W"),
      },
      { requiredKeys: ["type", "name", "symbols"] },
    ),
    fc.record({
      type: fc.constant("record"),
      name,
      fields: fc.array(
        fc.record(
          {
            name: fc.constantFrom("f", "g", "h", "2h"),
            type: tie("schema"),
            default: fc.constantFrom<unknown>(null, 0, 1.5, "", "XY", true, [], {}, { f: 1 }),
          },
          { requiredKeys: ["name", "type"] },
        ),
        { maxLength: 3 },
      ),
    }),
  ),
}));

test("what is accepted here, avsc accepts", () => {
  fc.assert(
    fc.property(schema, (json) => {
      let accepted = true;
      try {
        read(JSON.stringify(json));
      } catch {
        accepted = false;
      }
      fc.pre(accepted);
      // A registry without Object's own members, or a type named like one of them would be taken for defined.
      avro.Type.forSchema(json as avro.Schema, { registry: Object.create(null) });
    }),
    { numRuns: 3_000 },
  );
});
