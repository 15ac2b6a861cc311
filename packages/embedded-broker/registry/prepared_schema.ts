/**
 * From the text a client sends to a schema that can be stored, compared and judged: parsed, made canonical, its
 * references found, and checked to be Avro.
 */
import { canonicalAvro } from "./avro_canonical.ts";
import type { AvroSchema, NamedSchema } from "./avro_schema.ts";
import { InvalidAvroSchema, readAvroSchema } from "./avro_schema_reader.ts";
import { parseExactJson, writeExactJson } from "./exact_json.ts";
import { emptySchema, invalidSchema, referenceNotFound } from "./registry_error.ts";
import type { RegistryStore, SchemaReference, StoredSchema } from "./registry_store.ts";

/** A schema ready to be stored or compared. */
export interface PreparedSchema {
  readonly stored: StoredSchema;
  readonly schema: AvroSchema;
}

/** Schemas that one may pull in, by references of references: each is read again whenever one is compared. */
const MAX_REFERENCED_SCHEMAS = 200;

/**
 * Prepares a schema as a client sent it. With `normalize`, the order of references does not matter (Redpanda's meaning
 * for Avro). Throws `RegistryError`: 42201 for an empty text or a reference to nothing, 422 for what is not Avro.
 */
export function prepareSchema(
  store: RegistryStore,
  text: string,
  references: readonly SchemaReference[],
  normalize: boolean,
): PreparedSchema {
  if (text === "") throw emptySchema();
  return orInvalid(() => {
    const json = canonicalAvro(parseExactJson(text));
    const stored = {
      text: writeExactJson(json),
      references: normalize ? inOrder(references) : references,
    };
    return { stored, schema: readWithReferences(store, stored) };
  });
}

/** The type graph of a schema that is stored already. */
export function readStoredSchema(store: RegistryStore, stored: StoredSchema): AvroSchema {
  return orInvalid(() => readWithReferences(store, stored));
}

function readWithReferences(store: RegistryStore, stored: StoredSchema): AvroSchema {
  const named = new Map<string, NamedSchema>();
  const read = new Set<number>();
  const readReferences = ({ references }: StoredSchema): void => {
    for (const { name, subject, version } of references) {
      const id = store.versions(subject)
        .find((candidate) => candidate.version === version && !candidate.deleted)?.id;
      const schema = id === undefined ? undefined : store.schemaById(id);
      if (id === undefined || schema === undefined) {
        throw referenceNotFound(name, subject, version);
      }
      // Reached by two ways, its types are still defined once.
      if (read.has(id)) continue;
      if (read.size >= MAX_REFERENCED_SCHEMAS) {
        throw invalidSchema(`more than ${MAX_REFERENCED_SCHEMAS} schemas are referenced`);
      }
      read.add(id);
      readReferences(schema);
      readAvroSchema(parseExactJson(schema.text), named);
    }
  };
  readReferences(stored);
  return readAvroSchema(parseExactJson(stored.text), named);
}

function orInvalid<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InvalidAvroSchema || error instanceof SyntaxError) {
      throw invalidSchema(error.message);
    }
    throw error;
  }
}

function inOrder(references: readonly SchemaReference[]): SchemaReference[] {
  const key = ({ name, subject, version }: SchemaReference) =>
    JSON.stringify([name, subject, version]);
  const sorted = [...references].sort((left, right) => key(left) < key(right) ? -1 : 1);
  return sorted.filter((one, index) => index === 0 || key(one) !== key(sorted[index - 1]));
}
