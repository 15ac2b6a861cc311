/**
 * Reads an Avro schema with avsc, which checks names, type references, symbols, unions and defaults.
 *
 * This file adds the location of an error, checks for what the specification (https://avro.apache.org/docs/1.12.0/specification/)
 * forbids but avsc accepts, and limits on the cost of one schema.
 */
import avro from "avsc";
import { complexTypes, namedTypes } from "./avro_canonical.ts";
import { kindOf, shorten } from "./exact_json.ts";
import { invalidSchema, RegistryError } from "./registry_error.ts";

/** Limit of named types in one schema: comparing two schemas may recurse once per pair of them. */
const MAX_NAMED_TYPES = 1_000;
/** Limit of branches in one union: the cost of comparing two unions is the product of their sizes. */
const MAX_UNION_BRANCHES = 256;
/** avsc's messages quote the schema, which may be large. */
const MAX_REASON_CHARACTERS = 300;

const primitives: Record<string, avro.Type> = Object.fromEntries(
  ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
    .map((kind) => [kind, avro.Type.forSchema(kind as avro.Schema)]),
);

/** A node of the schema whose type is being built. */
interface OpenNode {
  readonly json: unknown;
  readonly path: string;
  /** Number of its direct parts whose types were started. */
  parts: number;
}

/**
 * Reads a schema from its canonical text (`canonicalText`), in which names are split in the only way that avsc interprets
 * according to the specification.
 * @throws RegistryError 422 with the reason and the location (a JSON pointer)
 */
export function readAvroSchema(canonicalText: string): avro.Type {
  const open: OpenNode[] = [];
  let namedCount = 0;
  let isNested = false;

  function build(json: unknown, options: Partial<avro.ForSchemaOptions>, path: string): avro.Type {
    const node: OpenNode = { json, path, parts: 0 };
    open.push(node);
    isNested = false;
    try {
      checkNode(json);
      const { type } = json as { type?: string };
      if (type !== undefined && namedTypes.has(type) && ++namedCount > MAX_NAMED_TYPES) {
        throw new Error(`more than ${MAX_NAMED_TYPES} named types`);
      }
      // `{"type": "int"}` and `{"type": "some.Record"}` mean the name itself.
      const schema = type === undefined || complexTypes.has(type) ? json : type;
      return avro.Type.forSchema(schema as avro.Schema, options);
    } catch (error) {
      if (error instanceof RegistryError || !(error instanceof Error)) throw error;
      throw invalidSchema(locate(node, shorten(error.message, MAX_REASON_CHARACTERS)));
    } finally {
      open.pop();
      isNested = true;
    }
  }

  // avsc calls this before it builds a node. The first call calls avsc again with the node's location; avsc then calls this
  // a second time, and builds the node itself.
  const typeHook = (json: unknown, options: avro.ForSchemaOptions): avro.Type | undefined => {
    const parent = open.at(-1);
    if (!isNested || parent === undefined) {
      isNested = true;
      return undefined;
    }
    return build(json, options, parent.path + stepTo(parent, parent.parts++));
  };
  // Has no inherited members, because a type may be named "constructor".
  const registry = Object.assign(Object.create(null), primitives);
  return build(
    JSON.parse(canonicalText, toSafeInteger),
    { registry, typeHook, wrapUnions: "always", noAnonymousTypes: true, omitRecordMethods: true },
    "",
  );
}

/**
 * avsc refuses a default long that a JavaScript number can't represent. It only has to accept the default, so a smaller
 * number replaces it.
 */
function toSafeInteger(_key: string, value: unknown): unknown {
  const isLong = Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63;
  return isLong && !Number.isSafeInteger(value) ? 2 ** 52 : value;
}

/** Refuses nodes that avsc would accept, or would refuse without a reason. */
function checkNode(json: unknown): void {
  if (typeof json === "string") return;
  if (Array.isArray(json)) {
    if (json.length >= 1 && json.length <= MAX_UNION_BRANCHES) return;
    throw new Error(`a union has 1 to ${MAX_UNION_BRANCHES} branches, not ${json.length}`);
  }
  if (typeof json !== "object" || json === null) {
    throw new Error(`a schema is a name, an object or an array, not ${kindOf(json)}`);
  }
  const { type, size, aliases, fields } = json as Record<string, unknown>;
  if (typeof type !== "string") {
    throw new Error(`"type" must name a type, not be ${kindOf(type)}`);
  }
  if (type === "fixed" && !(Number.isInteger(size) && size as number >= 1)) {
    throw new Error(`"size" must be a whole number from 1, not ${kindOf(size)}`);
  }
  const fieldAliases = Array.isArray(fields) ? fields.map((field) => field?.aliases) : [];
  for (const names of [aliases, ...fieldAliases]) {
    const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
    if (names !== undefined && !isList) throw new Error('"aliases" must be an array of strings');
  }
}

function stepTo({ json }: OpenNode, part: number): string {
  if (Array.isArray(json)) return `/${part}`;
  const { type } = json as { type: unknown };
  if (type === "array") return "/items";
  return type === "map" ? "/values" : `/fields/${part}/type`;
}

/**
 * Locates an error in a node itself, not in its parts. In a record, that is a field: avsc checks its name and
 * that it has a type, then builds the type, then checks order and default.
 */
function locate({ json, path, parts }: OpenNode, reason: string): string {
  const { fields } = (json ?? {}) as { fields?: unknown };
  if (!Array.isArray(fields)) return `${reason} (at ${path === "" ? "/" : path})`;
  if (/^invalid (field name|type: null)/.test(reason)) {
    return `${reason} (at ${path}/fields/${parts})`;
  }
  if (parts === 0) return `${reason} (at ${path === "" ? "/" : path})`;
  return `field '${fields[parts - 1].name}': ${reason} (at ${path}/fields/${parts - 1})`;
}
