/**
 * Which schemas are valid Avro, and for invalid ones the reason and the location.
 */
import type avro from "avsc";
import { describe, expect, test } from "vitest";
import { canonicalText } from "./avro_canonical.ts";
import { readAvroSchema } from "./avro_schema_reader.ts";

const read = (json: unknown) =>
  readAvroSchema(
    canonicalText(typeof json === "string" && json !== "" ? json : JSON.stringify(json)),
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
    "a name that JavaScript objects have": {
      type: "enum",
      name: "constructor",
      symbols: ["A"],
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

  test("the largest long, which JavaScript can't represent", () => {
    const json = `{"type":"record","name":"R","fields":[
      {"name":"f","type":"long","default":9223372036854775807},
      {"name":"g","type":"long","default":-9223372036854775808}]}`;
    expect(() => read(json)).not.toThrow();
    expect(() => read(json.replace("807}", "8070}"))).toThrow("field 'f': incompatible");
  });
});

describe("invalid", () => {
  const cases: Record<string, [json: unknown, message: string | RegExp]> = {
    "null": [null, "a schema is a name, an object or an array, not null (at /)"],
    "a number": [7, "not the number 7"],
    "no type": [{ name: "R" }, '"type" must name a type, not be nothing'],
    "a type that is an object": [{ type: { type: "int" } }, "not be an object"],
    "an unknown type": ['"strnig"', "undefined type name: strnig (at /)"],
    "a type that exists only in JavaScript": ['"constructor"', "undefined type name: constructor"],
    "a record without a name": [{ type: "record", fields: [] }, "missing name property"],
    "a record without fields": [
      { type: "record", name: "R" },
      "non-array record fields: undefined",
    ],
    "a field that is not an object": [record("f"), "invalid field name: undefined (at /fields/0)"],
    "a field without a name": [
      record({ type: "int" }),
      "invalid field name: undefined (at /fields/0)",
    ],
    "a field without a type": [record({ name: "f" }), "not nothing (at /fields/0/type)"],
    "a field whose type is null": [
      record({ name: "e", type: "int" }, { name: "f", type: null }),
      'invalid type: null (did you mean "null"?) (at /fields/1)',
    ],
    "a field's bad name": [
      record({ name: "2f", type: "int" }),
      "invalid field name: 2f (at /fields/0)",
    ],
    "a field's name with a dot": [
      record({ name: "a.b", type: "int" }),
      "invalid field name: a.b (at /fields/0)",
    ],
    "a duplicate field": [
      record({ name: "f", type: "int" }, { name: "f", type: "int" }),
      'duplicate field name: [{"name":"f",',
    ],
    "a field's unknown order": [
      record({ name: "f", type: "int", order: "up" }),
      "field 'f': invalid order: \"up\" (at /fields/0)",
    ],
    "a field's unknown type": [
      record({ name: "f", type: { type: "array", items: "Foo" } }),
      "undefined type name: Foo (at /fields/0/type/items)",
    ],
    "a bad name": [{ type: "fixed", name: "a-b", size: 1 }, 'invalid name: "a-b"'],
    "a bad namespace": [
      { type: "fixed", name: "A", namespace: "a..b", size: 1 },
      'invalid name: "a..b.A"',
    ],
    "a namespace that is a number": [
      { type: "fixed", name: "A", namespace: 1, size: 1 },
      'invalid name: "1.A"',
    ],
    "a primitive's name in a namespace": [
      { type: "enum", name: "x.int", symbols: ["A"] },
      'cannot rename primitive type: "int"',
    ],
    "a primitive's name": [
      { type: "fixed", name: "int", size: 1 },
      'cannot rename primitive type: "int"',
    ],
    "aliases that are not an array": [
      { type: "fixed", name: "A", size: 1, aliases: "B" },
      '"aliases" must be an array of strings',
    ],
    "a type defined twice": [
      record(
        { name: "a", type: { type: "fixed", name: "F", size: 1 } },
        { name: "b", type: { type: "fixed", name: "F", size: 1 } },
      ),
      "duplicate type name: F (at /fields/1/type)",
    ],
    "an enum without symbols": [
      { type: "enum", name: "E", symbols: [] },
      "invalid enum symbols: []",
    ],
    "an enum with a duplicate symbol": [
      { type: "enum", name: "E", symbols: ["A", "A"] },
      'duplicate "E" symbol: "A"',
    ],
    "an enum's bad symbol": [
      { type: "enum", name: "E", symbols: ["a b"] },
      'invalid "E" symbol: "a b"',
    ],
    "an enum's default that is not a symbol": [
      { type: "enum", name: "E", symbols: ["A"], default: "B" },
      'invalid "E" default: "B"',
    ],
    "a fixed without size": [{ type: "fixed", name: "F" }, '"size" must be a whole number'],
    "a fixed of size 0": [{ type: "fixed", name: "F", size: 0 }, "not the number 0"],
    "a fixed of size 1.5": [{ type: "fixed", name: "F", size: 1.5 }, "not the number 1.5"],
    "an array without items": [{ type: "array" }, "missing array items"],
    "a map without values": [{ type: "map" }, "missing map values"],
    "an empty union": [[], "a union has 1 to 256 branches, not 0"],
    "a union in a union": [["null", ["int"]], "unions cannot be directly nested"],
    "a union with a duplicate type": [["null", "int", "int"], 'duplicate union branch name: "int"'],
    "a union with two arrays": [
      [{ type: "array", items: "int" }, { type: "array", items: "long" }],
      'duplicate union branch name: "array"',
    ],
    "default: null for a string": [
      withDefault("string", null),
      "field 'f': incompatible field default null",
    ],
    "default: of the second branch": [
      withDefault(["null", "int"], 1),
      'must match the first branch\'s type ("null") (at /fields/0)',
    ],
    "default: an int that is too large": [withDefault("int", 2147483648), 'invalid "int"'],
    "default: a fraction for a long": [withDefault("long", 1.5), 'invalid "long"'],
    "default: a string for a double": [withDefault("double", "NaN"), 'invalid "double": "NaN"'],
    "default: a record with a field missing": [
      withDefault({ type: "record", name: "P", fields: [{ name: "x", type: "int" }] }, {}),
      "field 'f': incompatible field default {} (invalid \"int\": undefined)",
    ],
    "default: an infinitely nested record": [
      record({ name: "next", type: "R", default: {} }),
      "field 'next': incompatible field default {}",
    ],
    "default: an array's item": [
      withDefault({ type: "array", items: "int" }, ["x"]),
      'invalid "int": "x"',
    ],
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

test("names are completed with the enclosing namespace", () => {
  const inner = { type: "enum", name: "E", symbols: ["A"], aliases: ["Old", "c.Older"] };
  const type = read({ ...record({ name: "e", type: inner }), namespace: "a.b" });
  expect(type.name).toBe("a.b.R");
  expect((type as avro.types.RecordType).field("e").type)
    .toMatchObject({ name: "a.b.E", aliases: ["a.b.Old", "c.Older"] });
});

test("a full name ignores the namespace attribute", () => {
  const json = { type: "record", name: "a.R", namespace: "z", fields: [] };
  expect(read(json).name).toBe("a.R");
});

test("a long reason is truncated", () => {
  const fields = Array(2).fill({ name: "f", type: "int", doc: "x".repeat(10_000) });
  const refused = () => read(record(...fields));
  expect(refused).toThrow("duplicate field name");
  expect(refused).not.toThrow(/x{1000}/);
});
