/**
 * The form in which a schema is stored and compared: Redpanda's sanitised text, which is not the specification's
 * Parsing Canonical Form (docs, defaults and aliases stay, because readers need them).
 *
 * White space is removed. A full name is split into name and namespace, and a namespace equal to the enclosing one is
 * removed. Attributes of a type are sorted. Two schemas that differ only in these ways get the same id; two that
 * differ in a doc do not. (Redpanda: `sanitize_avro_schema_definition` in `schema_registry/avro.cc`.)
 */
import {
  type ExactJson,
  type ExactJsonObject,
  isArray,
  isObject,
  parseExactJson,
} from "./exact_json.ts";

const orderOfType = "type name namespace doc fields order symbols items values default size aliases"
  .split(" ");
const orderOfField = ["name", "type", ...orderOfType.slice(2)];

/** Types with names, and all types with parts. */
export const namedTypes: ReadonlySet<string> = new Set(["record", "error", "enum", "fixed"]);
export const complexTypes: ReadonlySet<string> = new Set([...namedTypes, "array", "map"]);

/**
 * The canonical text of a schema. Anything that is not a schema stays unchanged, and the schema reader refuses it.
 * @throws SyntaxError when the text is not JSON
 */
export function canonicalText(text: string): string {
  return JSON.stringify(canonicalAvro(parseExactJson(text), ""));
}

function canonicalAvro(json: ExactJson, namespace: string): ExactJson {
  if (isArray(json)) return json.map((branch) => canonicalAvro(branch, namespace));
  if (isObject(json)) return canonicalType(json, namespace);
  // A leading dot means "no namespace" and is redundant where there is none.
  if (typeof json === "string" && namespace === "" && json.lastIndexOf(".") === 0) {
    return json.slice(1);
  }
  return json;
}

function canonicalType(json: ExactJsonObject, enclosing: string): ExactJsonObject {
  const { type } = json;
  if (typeof type !== "string" || !complexTypes.has(type)) return inOrder(json, orderOfField);
  const members = new Map(Object.entries(json));
  const namespace = namedTypes.has(type) ? splitName(members, enclosing) : enclosing;
  for (const key of ["items", "values"]) {
    const child = members.get(key);
    if (child !== undefined) members.set(key, canonicalAvro(child, namespace));
  }
  const fields = members.get("fields");
  if (isArray(fields)) {
    members.set("fields", fields.map((field) => canonicalField(field, namespace)));
  }
  return inOrder(Object.fromEntries(members), orderOfType);
}

function canonicalField(json: ExactJson, namespace: string): ExactJson {
  if (!isObject(json)) return json;
  const members = new Map(Object.entries(json));
  const type = members.get("type");
  if (type !== undefined) members.set("type", canonicalAvro(type, namespace));
  return inOrder(Object.fromEntries(members), orderOfField);
}

/** Splits a full name, removes a namespace equal to the enclosing one, and returns the namespace that applies inside. */
function splitName(members: Map<string, ExactJson>, enclosing: string): string {
  const name = members.get("name");
  const declared = members.get("namespace");
  if (typeof name !== "string") return enclosing;
  if (declared !== undefined && typeof declared !== "string") return enclosing;
  const dot = name.lastIndexOf(".");
  if (dot !== -1) members.set("name", name.slice(dot + 1));
  const namespace = dot !== -1 ? name.slice(0, dot) : declared ?? enclosing;
  if (namespace === enclosing) members.delete("namespace");
  else members.set("namespace", namespace);
  return namespace;
}

function inOrder(json: ExactJsonObject, order: readonly string[]): ExactJsonObject {
  // Attributes without a fixed position come last, in their original order.
  const rank = (key: string) => order.includes(key) ? order.indexOf(key) : order.length;
  return Object.fromEntries(
    Object.entries(json).sort(([left], [right]) => rank(left) - rank(right)),
  );
}
