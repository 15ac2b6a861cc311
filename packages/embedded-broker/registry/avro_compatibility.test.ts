/**
 * The rules of schema resolution, one by one: what a reader can read, and the reasons why it can't. Each case is tested
 * in both directions, to detect rules that are too lenient as well as rules that are too strict.
 */
import { describe, expect, test } from "vitest";
import { canonicalText } from "./avro_canonical.ts";
import { checkAvroCompatibility, describeIncompatibility } from "./avro_compatibility.ts";
import { readAvroSchema } from "./avro_schema_reader.ts";

const schemaOf = (json: unknown) => readAvroSchema(canonicalText(JSON.stringify(json)));

/** `TYPE path info`, one per reason. */
function reasons(reader: unknown, writer: unknown): string[] {
  return checkAvroCompatibility(schemaOf(reader), schemaOf(writer))
    .map(({ type, path, info }) => `${type} ${path} ${info}`);
}

const record = (name: string, ...fields: unknown[]) => ({ type: "record", name, fields });
const field = (name: string, type: unknown, rest: Record<string, unknown> = {}) => ({
  name,
  type,
  ...rest,
});
const array = (items: unknown) => ({ type: "array", items });
const map = (values: unknown) => ({ type: "map", values });
const fixed = (name: string, size: number) => ({ type: "fixed", name, size });
const symbols = (name: string, list: string[], rest: Record<string, unknown> = {}) => ({
  type: "enum",
  name,
  symbols: list,
  ...rest,
});

describe("primitives", () => {
  const kinds = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
  /** reader → other writers that it can read. */
  const promoted: Record<string, string[]> = {
    long: ["int"],
    float: ["int", "long"],
    double: ["int", "long", "float"],
    bytes: ["string"],
    string: ["bytes"],
  };
  for (const reader of kinds) {
    for (const writer of kinds) {
      const readable = reader === writer || (promoted[reader] ?? []).includes(writer);
      test(`${reader} ${readable ? "reads" : "does not read"} ${writer}`, () => {
        expect(reasons(reader, writer)).toEqual(
          readable ? [] : [
            `TYPE_MISMATCH  reader type: ${reader.toUpperCase()} not compatible with ` +
            `writer type: ${writer.toUpperCase()}`,
          ],
        );
      });
    }
  }
});

/** Name, schemas A and B, the reasons why A can't read B, the reasons why B can't read A. */
type Case = [name: string, a: unknown, b: unknown, aReadsB: string[], bReadsA: string[]];

const tree = record("Tree", field("left", ["null", "Tree"]), field("value", "int"));
const treeOfLongs = record("Tree", field("left", ["null", "Tree"]), field("value", "long"));

const cases: Case[] = [
  [
    "a field with a default may be missing in the writer; fields that only the writer has are skipped",
    record("R", field("a", "int"), field("b", "string", { default: "" })),
    record("R", field("a", "int")),
    [],
    [],
  ],
  [
    "a field without a default must exist in the writer",
    record("R", field("a", "int"), field("b", "string")),
    record("R", field("a", "int")),
    ["READER_FIELD_MISSING_DEFAULT_VALUE /fields/1 b"],
    [],
  ],
  [
    "a default of null is a default; a nullable type without one is not",
    record("R", field("b", ["null", "string"], { default: null })),
    record("R", field("c", ["null", "string"])),
    [],
    ["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 c"],
  ],
  [
    "fields match by name, whatever their order",
    record("R", field("a", "int"), field("b", "string")),
    record("R", field("b", "string"), field("a", "int")),
    [],
    [],
  ],
  [
    "a field's type is resolved, with promotion, in one direction",
    record("R", field("a", "long")),
    record("R", field("a", "int")),
    [],
    ["TYPE_MISMATCH /fields/0/type reader type: INT not compatible with writer type: LONG"],
  ],
  [
    "all errors are reported",
    record("R", field("a", "int"), field("b", "string"), field("c", "boolean")),
    record("S", field("a", "string"), field("c", "boolean")),
    [
      "NAME_MISMATCH /name expected: S",
      "TYPE_MISMATCH /fields/0/type reader type: INT not compatible with writer type: STRING",
      "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1 b",
    ],
    [
      "NAME_MISMATCH /name expected: R",
      "TYPE_MISMATCH /fields/0/type reader type: STRING not compatible with writer type: INT",
    ],
  ],
  [
    "names are compared with their namespace",
    { ...record("R", field("a", "int")), namespace: "x" },
    { ...record("R", field("a", "int")), namespace: "y" },
    ["NAME_MISMATCH /name expected: y.R"],
    ["NAME_MISMATCH /name expected: x.R"],
  ],
  [
    "a full name and a namespace with a name are the same",
    record("x.R", field("a", "int")),
    { ...record("R", field("a", "int")), namespace: "x" },
    [],
    [],
  ],
  [
    "an enum may gain symbols; it may lose them only with a default",
    symbols("E", ["A", "B"]),
    symbols("E", ["A"]),
    [],
    ["MISSING_ENUM_SYMBOLS /symbols [B]"],
  ],
  [
    "an enum's default replaces unknown symbols",
    symbols("E", ["A"], { default: "A" }),
    symbols("E", ["A", "B", "C"]),
    [],
    [],
  ],
  [
    "the writer's enum default does not help",
    symbols("E", ["A"]),
    symbols("E", ["A", "B"], { default: "A" }),
    ["MISSING_ENUM_SYMBOLS /symbols [B]"],
    [],
  ],
  [
    "an enum's name must match",
    symbols("E", ["A"]),
    symbols("F", ["A"]),
    ["NAME_MISMATCH /name expected: F"],
    ["NAME_MISMATCH /name expected: E"],
  ],
  ["fixed: the same name and size", fixed("F", 4), fixed("F", 4), [], []],
  [
    "fixed: a different size",
    fixed("F", 4),
    fixed("F", 8),
    ["FIXED_SIZE_MISMATCH /size expected: 8, found: 4"],
    ["FIXED_SIZE_MISMATCH /size expected: 4, found: 8"],
  ],
  [
    "fixed: a different name",
    fixed("F", 4),
    fixed("G", 4),
    ["NAME_MISMATCH /name expected: G"],
    ["NAME_MISMATCH /name expected: F"],
  ],
  [
    "fixed is not bytes",
    fixed("F", 4),
    "bytes",
    ["TYPE_MISMATCH  reader type: FIXED F not compatible with writer type: BYTES"],
    ["TYPE_MISMATCH  reader type: BYTES not compatible with writer type: FIXED F"],
  ],
  [
    "an array's items are resolved",
    array("double"),
    array("float"),
    [],
    ["TYPE_MISMATCH /items reader type: FLOAT not compatible with writer type: DOUBLE"],
  ],
  [
    "a map's values are resolved",
    map(record("R", field("a", "int"), field("b", "int"))),
    map(record("R", field("a", "int"))),
    ["READER_FIELD_MISSING_DEFAULT_VALUE /values/fields/1 b"],
    [],
  ],
  [
    "an array is not a map",
    array("int"),
    map("int"),
    ["TYPE_MISMATCH  reader type: ARRAY not compatible with writer type: MAP"],
    ["TYPE_MISMATCH  reader type: MAP not compatible with writer type: ARRAY"],
  ],
  [
    "a type may become a union that contains it; the reverse requires every branch to be readable",
    ["null", "string"],
    "string",
    [],
    ["TYPE_MISMATCH  reader type: STRING not compatible with writer type: NULL"],
  ],
  [
    "a union may gain branches; it may lose none",
    ["null", "string", "int"],
    ["null", "string"],
    [],
    ["MISSING_UNION_BRANCH /2 reader union lacking writer type: INT"],
  ],
  [
    "branches may be reordered",
    ["string", "null"],
    ["null", "string"],
    [],
    [],
  ],
  [
    "a branch is read with promotion",
    ["null", "double"],
    ["null", "int", "long", "float"],
    [],
    ["MISSING_UNION_BRANCH /1 reader union lacking writer type: DOUBLE"],
  ],
  [
    "a union whose branches one reader type can read",
    "double",
    ["int", "long", "float"],
    [],
    ["MISSING_UNION_BRANCH  reader union lacking writer type: DOUBLE"],
  ],
  [
    "a branch that is a record must be completely readable",
    ["null", record("R", field("a", "int"), field("b", "int"))],
    ["null", record("R", field("a", "int"))],
    ["MISSING_UNION_BRANCH /1 reader union lacking writer type: RECORD R"],
    [],
  ],
  [
    "any branch that can read it is enough",
    [record("R", field("b", "int")), map("int")],
    map("int"),
    [],
    [
      "TYPE_MISMATCH  reader type: MAP not compatible with writer type: RECORD R",
    ],
  ],
  [
    "a recursive type, promoted",
    treeOfLongs,
    tree,
    [],
    [
      "TYPE_MISMATCH /fields/1/type reader type: INT not compatible with writer type: LONG",
    ],
  ],
  [
    "a record that is used twice is reported twice, briefly the second time",
    record("O", field("x", record("P", field("a", "int"), field("b", "int"))), field("y", "P")),
    record("O", field("x", record("P")), field("y", "P")),
    [
      "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0/type/fields/0 a",
      "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0/type/fields/1 b",
      "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0/type/fields/0 a",
    ],
    [],
  ],
  [
    "docs, orders and logical types change nothing",
    record("R", field("t", { type: "long", logicalType: "timestamp-micros" }, { doc: "when" })),
    { ...record("R", field("t", "long", { order: "ignore" })), doc: "other" },
    [],
    [],
  ],
];

describe("complex types", () => {
  for (const [name, a, b, aReadsB, bReadsA] of cases) {
    test(name, () => {
      expect(reasons(a, b)).toEqual(aReadsB);
      expect(reasons(b, a)).toEqual(bReadsA);
    });
  }
});

describe("aliases", () => {
  const unused = "(an alias would match, but aliases are not resolved)";

  test("of the reader's record do not match the writer's name, and the reason says so", () => {
    const renamed = { ...record("New", field("a", "int")), aliases: ["Old"] };
    const old = record("Old", field("a", "int"));
    expect(reasons(renamed, old)).toEqual([`NAME_MISMATCH /name expected: Old ${unused}`]);
    expect(reasons(old, renamed)).toEqual(["NAME_MISMATCH /name expected: New"]);
  });

  test("are in the type's namespace unless they name another", () => {
    const inside = {
      ...record("New", field("a", "int")),
      namespace: "x",
      aliases: ["Old", "y.Older"],
    };
    expect(reasons(inside, record("x.Old", field("a", "int")))[0]).toContain(unused);
    expect(reasons(inside, record("y.Older", field("a", "int")))[0]).toContain(unused);
    expect(reasons(inside, record("Old", field("a", "int")))[0]).not.toContain(unused);
  });

  test("of the reader's field do not match the writer's field", () => {
    const renamed = record("R", field("b", "int", { aliases: ["a"] }));
    expect(reasons(renamed, record("R", field("a", "int"))))
      .toEqual([`READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 b ${unused}`]);
  });
});

describe("recursion", () => {
  test("a pair whose verdict relied on an unreadable pair is compared again", () => {
    // B is readable if A is. A is not (because of field x). The first branch compares A, and B inside it. The second field
    // compares only B, and must not reuse a verdict that assumed A to be readable.
    const schema = (x: string, y: unknown) =>
      record(
        "Root",
        field("first", [
          "null",
          record("A", field("b", record("B", field("a", ["null", "A"]))), field("x", x)),
          "string",
        ]),
        field("second", y),
      );
    const found = reasons(schema("int", "B"), schema("string", "B"));
    expect(found.map((reason) => reason.split(" ").slice(0, 2).join(" "))).toEqual([
      "MISSING_UNION_BRANCH /fields/0/type/1",
      "MISSING_UNION_BRANCH /fields/1/type/fields/0/type/1",
    ]);
  });

  test("records shared many times over are compared once", () => {
    // 2^30 paths lead to the innermost record.
    const nested = (innermost: string): unknown => {
      let json: unknown = record("R0", field("value", innermost));
      for (let depth = 1; depth <= 30; depth++) {
        json = record(`R${depth}`, field("a", json), field("b", `R${depth - 1}`));
      }
      return json;
    };
    expect(reasons(nested("long"), nested("int"))).toEqual([]);
    expect(reasons(nested("int"), nested("long")).length).toBeLessThan(100);
  });
});

test("a reason names path, field and record", () => {
  const [reason] = checkAvroCompatibility(
    schemaOf(record("x.R", field("n", array("int")))),
    schemaOf(record("x.R", field("n", array("string")))),
  );
  expect(describeIncompatibility(reason, "new", "old")).toBe(
    "{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/0/type/items') of a field in " +
      "the new schema does not match with the old schema', additionalInfo:'reader type: INT not " +
      "compatible with writer type: STRING', field: 'n' of 'x.R'}",
  );
});
