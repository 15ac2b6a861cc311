/**
 * An Avro schema as a graph of types: names are full, references are followed, and what is not there is `undefined`.
 */
import type { ExactJson } from "./exact_json.ts";

export const primitiveKinds = [
  "null",
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "bytes",
  "string",
] as const;

export type PrimitiveKind = typeof primitiveKinds[number];

export interface PrimitiveSchema {
  readonly kind: PrimitiveKind;
}

export interface RecordField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroSchema;
  /** `undefined` where the field has no default; a default of null is `null`. */
  readonly default: ExactJson | undefined;
}

export interface RecordSchema {
  readonly kind: "record";
  /** The full name, namespace included; so are aliases. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Filled while the record is read, so that its fields may refer to it. */
  readonly fields: RecordField[];
}

export interface EnumSchema {
  readonly kind: "enum";
  readonly name: string;
  readonly aliases: readonly string[];
  /** In the order in which they are numbered. */
  readonly symbols: ReadonlySet<string>;
  readonly default: string | undefined;
}

export interface FixedSchema {
  readonly kind: "fixed";
  readonly name: string;
  readonly aliases: readonly string[];
  readonly size: number;
}

export interface ArraySchema {
  readonly kind: "array";
  readonly items: AvroSchema;
}

export interface MapSchema {
  readonly kind: "map";
  readonly values: AvroSchema;
}

export interface UnionSchema {
  readonly kind: "union";
  readonly branches: readonly AvroSchema[];
}

export type NamedSchema = RecordSchema | EnumSchema | FixedSchema;
export type AvroSchema = PrimitiveSchema | NamedSchema | ArraySchema | MapSchema | UnionSchema;
