/**
 * Whether a field's default fits its type, by the table of the specification ("Complex Types", field default values):
 * bytes and fixed are strings of code points up to 255, a union's default is one of its first branch.
 *
 * Two points the specification leaves open, or has changed, are as in avro-cpp, which Redpanda uses: a union's default
 * is of the first branch (Avro 1.12 lets it be of any), and a record's default has all its fields (others fill in the
 * fields' own defaults, which has no end where a record is its own field's default).
 */
import { type ExactJson, ExactNumber, isArray, isObject, kindOf, member } from "./exact_json.ts";
import type { AvroSchema, RecordSchema } from "./avro_schema.ts";

/** Why `json` can't be a default of `type`, or `undefined` where it can. */
export function defaultProblem(type: AvroSchema, json: ExactJson): string | undefined {
  switch (type.kind) {
    case "null":
      return json === null ? undefined : wanted("null", json);
    case "boolean":
      return typeof json === "boolean" ? undefined : wanted("a boolean", json);
    case "int":
      return isWhole(json, 31n) ? undefined : wanted("a whole number of 32 bits", json);
    case "long":
      return isWhole(json, 63n) ? undefined : wanted("a whole number of 64 bits", json);
    case "float":
    case "double":
      return json instanceof ExactNumber ? undefined : wanted("a number", json);
    case "string":
      return typeof json === "string" ? undefined : wanted("a string", json);
    case "bytes":
      return isBytes(json) ? undefined : wanted("a string of code points up to 255", json);
    case "fixed":
      return isBytes(json) && json.length === type.size
        ? undefined
        : wanted(`a string of ${type.size} code points up to 255`, json);
    case "enum":
      return typeof json === "string" && type.symbols.has(json)
        ? undefined
        : wanted(`a symbol of '${type.name}'`, json);
    case "union":
      return defaultProblem(type.branches[0], json);
    case "array":
      return isArray(json)
        ? first(json, (item) => defaultProblem(type.items, item))
        : wanted("an array", json);
    case "map":
      return isObject(json)
        ? first(Object.values(json), (value) => defaultProblem(type.values, value))
        : wanted("an object", json);
    case "record":
      return recordProblem(type, json);
  }
}

function recordProblem(type: RecordSchema, json: ExactJson): string | undefined {
  if (!isObject(json)) return wanted(`an object for record '${type.name}'`, json);
  return first(type.fields, (field) => {
    const value = member(json, field.name);
    return value === undefined
      ? `field '${field.name}' of '${type.name}' is missing`
      : defaultProblem(field.type, value);
  });
}

function first<T>(items: readonly T[], problem: (item: T) => string | undefined) {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const wanted = (what: string, json: ExactJson): string => `it must be ${what}, not ${kindOf(json)}`;

/** Digits a 64-bit number can have; it also keeps the conversion to BigInt cheap. */
const MAX_DIGITS = 20;

function isWhole(json: ExactJson, bits: bigint): boolean {
  if (!(json instanceof ExactNumber)) return false;
  if (json.text.length > MAX_DIGITS || !/^-?[0-9]+$/.test(json.text)) return false;
  const value = BigInt(json.text);
  return value >= -(1n << bits) && value < 1n << bits;
}

function isBytes(json: ExactJson): json is string {
  // deno-lint-ignore no-control-regex -- the range is all of ISO-8859-1, control characters included
  return typeof json === "string" && /^[\u0000-\u00ff]*$/.test(json);
}
