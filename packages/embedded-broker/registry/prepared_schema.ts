/**
 * Turns the text that a client sends into a schema that can be stored and compared.
 */
import type avro from "avsc";
import { canonicalText } from "./avro_canonical.ts";
import { readAvroSchema } from "./avro_schema_reader.ts";
import { emptySchema, invalidSchema } from "./registry_error.ts";

/** A schema ready to be stored or compared. */
export interface PreparedSchema {
  /** Canonical text, which is stored and defines whether two schemas are equal. */
  readonly text: string;
  readonly type: avro.Type;
}

/**
 * Makes a schema's text canonical and reads it. Canonical text stays unchanged, so this also works for stored schemas.
 * @throws RegistryError 42201 for an empty text, 422 for one that is not Avro
 */
export function prepareSchema(sent: string): PreparedSchema {
  if (sent === "") throw emptySchema();
  try {
    const text = canonicalText(sent);
    return { text, type: readAvroSchema(text) };
  } catch (error) {
    throw error instanceof SyntaxError ? invalidSchema(error.message) : error;
  }
}
