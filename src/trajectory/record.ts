/**
 * The only in-memory shape of a trajectory summary, generated from the schema.
 *
 * avsc compiles a constructor with the schema's fields in order. Both the file reader and the Avro decoder build summaries with it.
 * So every summary in the process has the same hidden class, and the code that reads its 87 fields by name (encoder, COPY, JSON)
 * stays monomorphic. Assigning the fields in a loop instead costs six times as much and makes dictionary-like objects.
 */
import avro from "avsc";
import { PermanentError } from "@gmn/failures";
import { untrustedType } from "./untrusted_types.ts";
import type { TrajectorySummary } from "./summary.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "./schema.ts";

/** A value of any field. */
export type FieldValue = string | number | boolean | null | (string | null)[];

/** The Avro type of a summary. Logical types are not registered, so a timestamp is a plain integer of microseconds. */
export const TRAJECTORY_TYPE = recordType(TRAJECTORY_SCHEMA_TEXT);

/**
 * Compiles the Avro schema of a record: unions unwrapped (`null | number`, not `{ double: number }`), no methods on records, and
 * types that do not trust the bytes.
 * @throws PermanentError if it is not a record schema; whatever avsc throws if it is not a schema
 */
export function recordType(schemaText: string): avro.types.RecordType {
  const type = avro.Type.forSchema(JSON.parse(schemaText), {
    wrapUnions: "never",
    omitRecordMethods: true,
    typeHook: untrustedType,
  });
  if (!(type instanceof avro.types.RecordType)) {
    throw new PermanentError(`the schema is of a ${type.typeName}, not of a record`);
  }
  return type;
}

/** avsc has no type for its constructors, which take one positional argument per field. */
const Root: new (...values: readonly FieldValue[]) => TrajectorySummary =
  TRAJECTORY_TYPE.recordConstructor;

/** The summary with these values, one for each field, in the schema's order. The array may be reused. */
export function summaryOf(values: readonly FieldValue[]): TrajectorySummary {
  return new Root(...values);
}
