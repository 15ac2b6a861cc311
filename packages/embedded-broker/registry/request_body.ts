/**
 * Bodies of requests: read with a limit, and strict. A key that is not known or a value of the wrong type is refused,
 * as Redpanda refuses it: a client that sends `rulesets` or `metadata` must learn that nobody will heed them.
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
  ExactNumber,
  isArray,
  isObject,
  kindOf,
  member,
  parseExactJson,
} from "./exact_json.ts";
import { isMode, type Mode } from "./mode.ts";
import {
  bodyTooLarge,
  invalidBody,
  invalidCompatibility,
  invalidMode,
  invalidSchema,
  RegistryError,
  unreadableBody,
} from "./registry_error.ts";
import type { SchemaReference } from "./registry_store.ts";
import { MAX_ID, type SentSchema } from "./subjects.ts";

/** Redpanda keeps a schema in one record of a topic and records are limited to 1 MiB; it advises 128 KB. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** References one schema may name. Real ones name a handful; each costs a look-up. */
const MAX_REFERENCES = 100;

/** Reads a JSON object. Refuses more than `MAX_BODY_BYTES` with 413 before it is all read, other text with 422. */
export async function readBody(request: Request): Promise<ExactJsonObject> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > MAX_BODY_BYTES) throw bodyTooLarge(MAX_BODY_BYTES);
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
    // A client that went away in the middle is no fault of the registry's.
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

/** `{"schema", "schemaType"?, "references"?, "id"?, "version"?}`. Throws 422 for types other than AVRO. */
export function toSentSchema(body: ExactJsonObject): SentSchema {
  allowKeys(body, ["schema", "schemaType", "references", "id", "version"]);
  const type = member(body, "schemaType") ?? "AVRO";
  if (type === "PROTOBUF" || type === "JSON") {
    throw invalidSchema(
      `schemaType ${type} is left out of the embedded registry, which knows AVRO alone; use Redpanda`,
    );
  }
  if (type !== "AVRO") throw invalidBody(`"schemaType" must be "AVRO", not ${kindOf(type)}`);
  return {
    schema: stringOf(body, "schema", ""),
    references: toReferences(member(body, "references")),
    id: idOf(body, "id"),
    version: idOf(body, "version"),
  };
}

function toReferences(json: ExactJson | undefined): SchemaReference[] {
  if (json === undefined || json === null) return [];
  if (!isArray(json)) throw invalidBody(`"references" must be an array, not ${kindOf(json)}`);
  if (json.length > MAX_REFERENCES) {
    throw invalidBody(`more than ${MAX_REFERENCES} references`);
  }
  return json.map((reference) => {
    if (!isObject(reference)) {
      throw invalidBody(`a reference must be an object, not ${kindOf(reference)}`);
    }
    allowKeys(reference, ["name", "subject", "version"]);
    const name = stringOf(reference, "name");
    const version = idOf(reference, "version");
    if (name === "" || version === undefined) {
      throw invalidBody("a reference needs a name, a subject and a version");
    }
    return { name, subject: stringOf(reference, "subject"), version };
  });
}

/** `{"compatibility": LEVEL}`. */
export function toLevel(body: ExactJsonObject): CompatibilityLevel {
  allowKeys(body, ["compatibility"]);
  const level = member(body, "compatibility");
  if (typeof level !== "string") {
    throw invalidBody(
      `"compatibility" must be one of ${compatibilityLevels.join(", ")}, not ${kindOf(level)}`,
    );
  }
  if (!isCompatibilityLevel(level)) throw invalidCompatibility();
  return level;
}

/** `{"mode": MODE}`. */
export function toMode(body: ExactJsonObject): Mode {
  allowKeys(body, ["mode"]);
  const mode = member(body, "mode");
  if (typeof mode !== "string") throw invalidBody(`"mode" must be a string, not ${kindOf(mode)}`);
  if (!isMode(mode)) throw invalidMode();
  return mode;
}

function allowKeys(body: ExactJsonObject, allowed: readonly string[]): void {
  const unknown = Object.keys(body).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw invalidBody(`unknown key ${JSON.stringify(unknown)}; known are ${allowed.join(", ")}`);
  }
}

function stringOf(body: ExactJsonObject, key: string, fallback?: string): string {
  const value = member(body, key) ?? fallback;
  if (typeof value !== "string") {
    throw invalidBody(`"${key}" must be a string, not ${kindOf(value)}`);
  }
  return value;
}

function idOf(body: ExactJsonObject, key: string): number | undefined {
  const value = member(body, key);
  if (value === undefined) return undefined;
  if (
    !(value instanceof ExactNumber) || !/^[0-9]{1,10}$/.test(value.text) ||
    value.value < 1 || value.value > MAX_ID
  ) {
    throw invalidBody(`"${key}" must be a whole number from 1 to ${MAX_ID}, not ${kindOf(value)}`);
  }
  return value.value;
}
