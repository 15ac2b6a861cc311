/**
 * Reads bodies of requests, with a size limit and strict checks. An unknown key or a value of the wrong type is refused, as in
 * Redpanda: a client that sends `ruleSet` or `metadata` must be told that they have no effect.
 */
import { Buffer } from "node:buffer";
import { explain } from "../errors.ts";
import {
  type CompatibilityLevel,
  compatibilityLevels,
  isCompatibilityLevel,
} from "./compatibility_level.ts";
import {
  type ExactJson,
  type ExactJsonObject,
  isArray,
  isObject,
  kindOf,
  parseExactJson,
} from "./exact_json.ts";
import {
  bodyTooLarge,
  invalidBody,
  invalidCompatibility,
  invalidSchema,
  RegistryError,
  unreadableBody,
} from "./registry_error.ts";

/** Redpanda stores a schema in one record of a topic, and records are limited to 1 MiB; it recommends 128 KB. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Reads a JSON object. Refuses more than `MAX_BODY_BYTES` with 413 before reading all of it, anything else with 422. */
export async function readBody(request: Request): Promise<ExactJsonObject> {
  const json = parseBody(await readBytes(request));
  if (!isObject(json)) throw invalidBody(`expected an object, not ${kindOf(json)}`);
  return json;
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size_bytes = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size_bytes += chunk.byteLength;
      if (size_bytes > MAX_BODY_BYTES) throw bodyTooLarge(MAX_BODY_BYTES);
      chunks.push(chunk);
    }
  } catch (error) {
    // A client that disconnects early is not a fault of the registry.
    throw error instanceof RegistryError ? error : unreadableBody(explain(error));
  }
  return Buffer.concat(chunks);
}

function parseBody(bytes: Uint8Array): ExactJson {
  try {
    return parseExactJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidBody(error.message);
    if (error instanceof TypeError) throw invalidBody("the body is not UTF-8");
    throw error;
  }
}

/** The schema of `{"schema", "schemaType"?}`. Refuses types other than AVRO, and references, with 422. */
export function toSchemaText(body: ExactJsonObject): string {
  allowKeys(body, ["schema", "schemaType", "references"]);
  const type = body.schemaType ?? "AVRO";
  if (type === "PROTOBUF" || type === "JSON") {
    throw invalidSchema(`schemaType ${type} is left out of the embedded registry; use Redpanda`);
  }
  if (type !== "AVRO") throw invalidBody(`"schemaType" must be "AVRO", not ${kindOf(type)}`);
  const references = body.references ?? [];
  if (!isArray(references)) {
    throw invalidBody(`"references" must be an array, not ${kindOf(references)}`);
  }
  if (references.length > 0) {
    throw invalidSchema(
      "references are left out of the embedded registry; define all types in one schema, or use Redpanda",
    );
  }
  const schema = body.schema ?? "";
  if (typeof schema !== "string") {
    throw invalidBody(`"schema" must be a string, not ${kindOf(schema)}`);
  }
  return schema;
}

/** The level of `{"compatibility": LEVEL}`. */
export function toLevel(body: ExactJsonObject): CompatibilityLevel {
  allowKeys(body, ["compatibility"]);
  const level = body.compatibility;
  if (typeof level !== "string") {
    throw invalidBody(
      `"compatibility" must be one of ${compatibilityLevels.join(", ")}, not ${kindOf(level)}`,
    );
  }
  if (!isCompatibilityLevel(level)) throw invalidCompatibility();
  return level;
}

function allowKeys(body: ExactJsonObject, allowed: readonly string[]): void {
  const unknown = Object.keys(body).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw invalidBody(
      `unknown key ${JSON.stringify(unknown)}; the known ones are ${allowed.join(", ")}`,
    );
  }
}
