/**
 * Reads an Avro schema from JSON and checks it as the specification demands.
 *
 * avsc reads schemas too, but keeps quiet about some mistakes, refuses what only JavaScript can't hold, and hides what
 * compatibility needs (aliases, the difference between no default and a null one). The rules and their section names are
 * those of https://avro.apache.org/docs/1.12.0/specification/ ("Schema Declaration", "Names").
 */
import {
  type AvroSchema,
  type EnumSchema,
  type FixedSchema,
  type NamedSchema,
  type PrimitiveKind,
  primitiveKinds,
  type RecordField,
  type RecordSchema,
  type UnionSchema,
} from "./avro_schema.ts";
import { defaultProblem } from "./avro_default.ts";
import {
  type ExactJson,
  type ExactJsonObject,
  ExactNumber,
  isArray,
  isObject,
  kindOf,
  member,
} from "./exact_json.ts";

/** A schema that is not one. The message says where (a JSON pointer) and why. */
export class InvalidAvroSchema extends Error {
  override readonly name = "InvalidAvroSchema";
  constructor(reason: string, path: string) {
    super(`${reason} (at ${path === "" ? "/" : path})`);
  }
}

/** Named types of one schema with its references: comparing two schemas may recurse once per pair of them. */
const MAX_NAMED_TYPES = 1_000;
/** Branches of one union: comparing two unions costs the product. */
const MAX_UNION_BRANCHES = 256;

/**
 * Reads a schema. `named` holds the types of referenced schemas by full name and gets those of this one.
 * Throws `InvalidAvroSchema`.
 */
export function readAvroSchema(json: ExactJson, named: Map<string, NamedSchema>): AvroSchema {
  const reader = new SchemaReader(named);
  const schema = reader.read(json, { path: "", namespace: "" });
  reader.checkDefaults();
  return schema;
}

/** Where the reader is: JSON pointer and enclosing namespace. */
interface Place {
  readonly path: string;
  readonly namespace: string;
}

const inside = (place: Place, key: string | number, namespace = place.namespace): Place => ({
  path: `${place.path}/${key}`,
  namespace,
});

class SchemaReader {
  readonly #named: Map<string, NamedSchema>;
  /** Defaults can only be judged once the types they belong to are complete (a record may contain itself). */
  readonly #defaults: { field: RecordField; path: string }[] = [];

  constructor(named: Map<string, NamedSchema>) {
    this.#named = named;
  }

  read(json: ExactJson, place: Place): AvroSchema {
    if (typeof json === "string") return this.#byName(json, place);
    if (isArray(json)) return this.#union(json, place);
    if (isObject(json)) return this.#byType(json, place);
    throw new InvalidAvroSchema(
      `a schema is a name, an object or an array, not ${kindOf(json)}`,
      place.path,
    );
  }

  checkDefaults(): void {
    for (const { field, path } of this.#defaults) {
      const problem = field.default === undefined
        ? undefined
        : defaultProblem(field.type, field.default);
      if (problem !== undefined) {
        throw new InvalidAvroSchema(
          `the default of field '${field.name}' does not fit its type: ${problem}`,
          path,
        );
      }
    }
  }

  #byName(name: string, place: Place): AvroSchema {
    if (isPrimitive(name)) return { kind: name };
    const full = name.includes(".") || place.namespace === "" ? name : `${place.namespace}.${name}`;
    const found = this.#named.get(full);
    if (found === undefined) {
      throw new InvalidAvroSchema(
        `unknown type '${full}'; define or reference it first`,
        place.path,
      );
    }
    return found;
  }

  #byType(json: ExactJsonObject, place: Place): AvroSchema {
    const type = member(json, "type");
    switch (type) {
      case "record":
      case "error":
        return this.#record(json, place);
      case "enum":
        return this.#enum(json, place);
      case "fixed":
        return this.#fixed(json, place);
      case "array":
        return { kind: "array", items: this.#child(json, "items", place) };
      case "map":
        return { kind: "map", values: this.#child(json, "values", place) };
    }
    if (typeof type !== "string") {
      throw new InvalidAvroSchema(`"type" must name a type, not be ${kindOf(type)}`, place.path);
    }
    return this.#byName(type, place);
  }

  #child(json: ExactJsonObject, key: "items" | "values", place: Place): AvroSchema {
    const child = member(json, key);
    if (child === undefined) throw new InvalidAvroSchema(`missing "${key}"`, place.path);
    return this.read(child, inside(place, key));
  }

  #union(json: readonly ExactJson[], place: Place): UnionSchema {
    if (json.length === 0 || json.length > MAX_UNION_BRANCHES) {
      throw new InvalidAvroSchema(
        `a union has 1 to ${MAX_UNION_BRANCHES} branches, not ${json.length}`,
        place.path,
      );
    }
    const seen = new Set<string>();
    const branches = json.map((branch, index) => {
      const at = inside(place, index);
      const schema = this.read(branch, at);
      if (schema.kind === "union") {
        throw new InvalidAvroSchema("a union may not hold a union directly", at.path);
      }
      const label = "name" in schema ? schema.name : schema.kind;
      if (seen.has(label)) {
        throw new InvalidAvroSchema(`the union has two branches of type '${label}'`, at.path);
      }
      seen.add(label);
      return schema;
    });
    return { kind: "union", branches };
  }

  #record(json: ExactJsonObject, place: Place): RecordSchema {
    const names = this.#names(json, place);
    const fields = member(json, "fields");
    if (!isArray(fields)) {
      throw new InvalidAvroSchema(`"fields" must be an array, not ${kindOf(fields)}`, place.path);
    }
    const schema: RecordSchema = { kind: "record", ...names, fields: [] };
    this.#define(schema, place);
    const seen = new Set<string>();
    const within = inside(place, "fields", namespaceOf(schema.name));
    fields.forEach((field, index) => {
      const read = this.#field(field, { ...within, path: `${within.path}/${index}` });
      for (const name of [read.name, ...read.aliases]) {
        if (seen.has(name)) {
          throw new InvalidAvroSchema(
            `record '${schema.name}' has two fields or field aliases named '${name}'`,
            `${within.path}/${index}`,
          );
        }
        seen.add(name);
      }
      schema.fields.push(read);
    });
    return schema;
  }

  #field(json: ExactJson, place: Place): RecordField {
    if (!isObject(json)) {
      throw new InvalidAvroSchema(`a field must be an object, not ${kindOf(json)}`, place.path);
    }
    const name = simpleName(member(json, "name"), "a field's name", place);
    const type = member(json, "type");
    if (type === undefined) {
      throw new InvalidAvroSchema(`field '${name}' has no "type"`, place.path);
    }
    const order = member(json, "order");
    if (order !== undefined && !["ascending", "descending", "ignore"].includes(String(order))) {
      throw new InvalidAvroSchema(
        `"order" is ascending, descending or ignore, not ${kindOf(order)}`,
        place.path,
      );
    }
    const aliases = names(member(json, "aliases"), "aliases", place)
      .map((alias) => simpleName(alias, "a field's alias", place));
    const field: RecordField = {
      name,
      aliases,
      type: this.read(type, inside(place, "type")),
      default: member(json, "default"),
    };
    this.#defaults.push({ field, path: place.path });
    return field;
  }

  #enum(json: ExactJsonObject, place: Place): EnumSchema {
    const named = this.#names(json, place);
    const symbols = names(member(json, "symbols"), "symbols", place);
    symbols.forEach((symbol) => simpleName(symbol, "a symbol", place));
    if (symbols.length === 0) {
      throw new InvalidAvroSchema(`enum '${named.name}' has no symbols`, place.path);
    }
    const distinct = new Set<string>();
    for (const symbol of symbols) {
      if (distinct.has(symbol)) {
        throw new InvalidAvroSchema(
          `enum '${named.name}' has symbol '${symbol}' twice`,
          place.path,
        );
      }
      distinct.add(symbol);
    }
    const fallback = member(json, "default");
    if (fallback !== undefined && !(typeof fallback === "string" && distinct.has(fallback))) {
      throw new InvalidAvroSchema(
        `the default of enum '${named.name}', ${kindOf(fallback)}, is none of its symbols`,
        place.path,
      );
    }
    const schema: EnumSchema = {
      kind: "enum",
      ...named,
      symbols: distinct,
      default: typeof fallback === "string" ? fallback : undefined,
    };
    this.#define(schema, place);
    return schema;
  }

  #fixed(json: ExactJsonObject, place: Place): FixedSchema {
    const named = this.#names(json, place);
    const size = member(json, "size");
    if (!(size instanceof ExactNumber) || !/^[1-9][0-9]{0,9}$/.test(size.text)) {
      throw new InvalidAvroSchema(
        `"size" must be a whole number from 1, not ${kindOf(size)}`,
        place.path,
      );
    }
    const schema: FixedSchema = { kind: "fixed", ...named, size: size.value };
    this.#define(schema, place);
    return schema;
  }

  /** Name and aliases of a named type, as full names ("Names" of the specification). */
  #names(json: ExactJsonObject, place: Place): { name: string; aliases: string[] } {
    const name = member(json, "name");
    if (typeof name !== "string") {
      throw new InvalidAvroSchema(`"name" must be a string, not ${kindOf(name)}`, place.path);
    }
    const namespace = member(json, "namespace");
    if (namespace !== undefined && typeof namespace !== "string") {
      throw new InvalidAvroSchema(
        `"namespace" must be a string, not ${kindOf(namespace)}`,
        place.path,
      );
    }
    const full = fullName(name, namespace ?? place.namespace, place);
    const aliases = names(member(json, "aliases"), "aliases", place)
      .map((alias) => fullName(alias, namespaceOf(full), place));
    return { name: full, aliases };
  }

  #define(schema: NamedSchema, place: Place): void {
    if (this.#named.has(schema.name)) {
      throw new InvalidAvroSchema(`type '${schema.name}' is defined twice`, place.path);
    }
    if (this.#named.size >= MAX_NAMED_TYPES) {
      throw new InvalidAvroSchema(`more than ${MAX_NAMED_TYPES} named types`, place.path);
    }
    this.#named.set(schema.name, schema);
  }
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

function isPrimitive(name: string): name is PrimitiveKind {
  return (primitiveKinds as readonly string[]).includes(name);
}

function namespaceOf(full: string): string {
  const dot = full.lastIndexOf(".");
  return dot === -1 ? "" : full.slice(0, dot);
}

function fullName(name: string, namespace: string, place: Place): string {
  const full = name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
  if (!full.split(".").every((part) => namePattern.test(part))) {
    throw new InvalidAvroSchema(
      `"${full}" is not a valid name: letters, digits and _, not starting with a digit, parted by dots`,
      place.path,
    );
  }
  // In no namespace at all: a plain "int" always means the primitive.
  const simple = full.slice(full.lastIndexOf(".") + 1);
  if (isPrimitive(simple)) {
    throw new InvalidAvroSchema(
      `'${full}' can't be defined: '${simple}' is a primitive type, in any namespace`,
      place.path,
    );
  }
  return full;
}

function simpleName(name: ExactJson | undefined, what: string, place: Place): string {
  if (typeof name !== "string" || !namePattern.test(name)) {
    throw new InvalidAvroSchema(
      `${what} is letters, digits and _, not starting with a digit, and not ${kindOf(name)}`,
      place.path,
    );
  }
  return name;
}

/** An array of strings; missing is empty. */
function names(json: ExactJson | undefined, key: string, place: Place): string[] {
  if (json === undefined) return [];
  if (!isArray(json) || !json.every((name) => typeof name === "string")) {
    throw new InvalidAvroSchema(`"${key}" must be an array of strings`, place.path);
  }
  return [...json];
}
