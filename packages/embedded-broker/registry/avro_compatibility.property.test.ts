/**
 * Compares this registry with avsc: when the registry says that a reader can read, avsc builds a reader that works; when
 * it says no, avsc can't build one. The seed is printed when a run fails.
 *
 * Both sides of a pair come from one template, so that they are related like versions of a schema. Every named type
 * occurs once: for shared types, avsc caches a failed attempt as a success.
 */
import avro from "avsc";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText } from "./avro_canonical.ts";
import { checkAvroCompatibility } from "./avro_compatibility.ts";
import { readAvroSchema } from "./avro_schema_reader.ts";

/** Two versions of a part of a schema. */
type Pair = [reader: unknown, writer: unknown];
/** Builds a pair; `path` makes its names unique. */
type Template = (path: string) => Pair;

const both = (pair: Pair, wrap: (schema: unknown, side: 0 | 1) => unknown): Pair => [
  wrap(pair[0], 0),
  wrap(pair[1], 1),
];
const mostly = fc.integer({ min: 0, max: 9 }).map((n) => n > 0);
const eachSide = <T>(of: fc.Arbitrary<T>) => fc.tuple(of, of);

const primitive = eachSide(
  fc.constantFrom("null", "boolean", "int", "long", "float", "double", "bytes", "string"),
).map(([reader, writer]): Template => () => [reader, writer]);

const samePrimitive = fc.constantFrom("null", "boolean", "int", "long", "double", "string")
  .map((kind): Template => () => [kind, kind]);

/** The names of a type's two versions, equal or different. No aliases: avsc resolves them, this registry does not. */
const named = (path: string, isSame: boolean) => [
  { name: isSame ? `T${path}` : `U${path}` },
  { name: `T${path}` },
];

const fixed = fc.tuple(mostly, eachSide(fc.constantFrom(2, 2, 2, 3)))
  .map(([isSame, sizes]): Template => (path) => {
    const [reader, writer] = named(path, isSame);
    return [
      { type: "fixed", ...reader, size: sizes[0] },
      { type: "fixed", ...writer, size: sizes[1] },
    ];
  });

const symbols = fc.tuple(
  mostly,
  eachSide(fc.uniqueArray(fc.constantFrom("A", "B", "C"), { minLength: 1 })),
  fc.boolean(),
).map(([isSame, lists, hasDefault]): Template => (path) => {
  const [reader, writer] = named(path, isSame);
  const fallback = hasDefault ? { default: lists[0][0] } : {};
  return [
    { type: "enum", ...reader, symbols: lists[0], ...fallback },
    { type: "enum", ...writer, symbols: lists[1] },
  ];
});

const template = fc.letrec<{ any: Template; record: Template }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { arbitrary: samePrimitive, weight: 3 },
    { arbitrary: primitive, weight: 2 },
    { arbitrary: fixed, weight: 1 },
    { arbitrary: symbols, weight: 2 },
    {
      arbitrary: tie("any").map((items): Template => (path) =>
        both(items(`${path}i`), (schema) => ({ type: "array", items: schema }))
      ),
      weight: 1,
    },
    {
      arbitrary: tie("any").map((values): Template => (path) =>
        both(values(`${path}v`), (schema) => ({ type: "map", values: schema }))
      ),
      weight: 1,
    },
    {
      arbitrary: fc.tuple(tie("any"), eachSide(fc.boolean())).map(
        ([inner, wraps]): Template => (path) =>
          both(inner(path), (schema, side) => wraps[side] ? nullable(schema) : schema),
      ),
      weight: 2,
    },
    { arbitrary: tie("record"), weight: 3 },
  ),
  record: fc.tuple(
    mostly,
    fc.array(
      fc.record({
        type: tie("any"),
        at: fc.constantFrom("both", "both", "both", "reader", "writer"),
      }),
      { maxLength: 4 },
    ),
  ).map(([isSame, fields]): Template => (path) => {
    const [reader, writer] = named(path, isSame);
    const sides: [unknown[], unknown[]] = [[], []];
    fields.forEach(({ type, at }, index) => {
      const types = type(`${path}_${index}`);
      const name = `f${index}`;
      if (at !== "writer") sides[0].push({ name, type: types[0] });
      if (at !== "reader") sides[1].push({ name, type: types[1] });
    });
    return [
      { type: "record", ...reader, fields: sides[0] },
      { type: "record", ...writer, fields: sides[1] },
    ];
  }),
}));

function nullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema;
  return schema === "null" ? ["null"] : ["null", schema];
}

const toAvsc = (schema: unknown) =>
  avro.Type.forSchema(schema as avro.Schema, { registry: Object.create(null) });
const toOurs = (schema: unknown) => readAvroSchema(canonicalText(JSON.stringify(schema)));

test("the verdict equals that of avsc, and data can be read", () => {
  const seen = { readable: 0, unreadable: 0 };
  fc.assert(
    fc.property(template.any, (build) => {
      const [reader, writer] = build("");
      const reasons = checkAvroCompatibility(toOurs(reader), toOurs(writer));
      const readerType = toAvsc(reader);
      const writerType = toAvsc(writer);
      if (reasons.length > 0) {
        seen.unreadable++;
        expect(() => readerType.createResolver(writerType)).toThrow();
        return;
      }
      seen.readable++;
      const resolver = readerType.createResolver(writerType);
      for (let n = 0; n < 3; n++) {
        const bytes = writerType.toBuffer(writerType.random());
        const value = readerType.fromBuffer(bytes, resolver);
        expect(readerType.isValid(value)).toBe(true);
      }
    }),
    { numRuns: 3_000 },
  );
  // A generator of only one kind would prove nothing.
  expect(seen.readable).toBeGreaterThan(300);
  expect(seen.unreadable).toBeGreaterThan(300);
});

test("every schema reads its own data", () => {
  fc.assert(
    fc.property(template.any, (build) => {
      const [schema] = build("").map(toOurs);
      expect(checkAvroCompatibility(schema, schema)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});
