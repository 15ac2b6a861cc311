/**
 * The schema of a trajectory summary, read once from `schemas/trajectory_summary.avsc`, the only place that defines the fields,
 * their order, types and units. SQL columns, their comments, the file reader's columns and the JSON output all derive from it. To
 * add a field, add it there (and to `summary.ts`, for the compiler).
 *
 * Fields have `"default": null`, unlike in the topic's reference schema. A default changes nothing for a reader without one, nor
 * for data already written, and the two schemas have the same Parsing Canonical Form (which leaves out defaults and docs). But it
 * lets our reader accept records of a writer that lacks a field, and Avro's rules require it for any field that is added later. So
 * the schemas are compatible both ways today, and ours can grow.
 */
import { readFileSync } from "node:fs";
import { PermanentError } from "@gmn/failures";
import type { TrajectorySummary } from "./summary.ts";

/** Name of a field. A test keeps the interface and the schema equal. */
export type TrajectoryFieldName = keyof TrajectorySummary;

/** What a field holds. `timestamp_micros` is an integer: microseconds since 1970-01-01T00:00:00Z. */
export type FieldKind =
  | "string"
  | "double"
  | "long"
  | "boolean"
  | "timestamp_micros"
  | "string_array";

/** One field, as the other modules use it. Every field may be null. */
export interface TrajectoryField {
  readonly name: TrajectoryFieldName;
  readonly kind: FieldKind;
  /** Meaning and unit, for astronomers. */
  readonly doc: string;
  /** For `sigma`, `sigma_1` …: the field whose one-sigma uncertainty it is; null for every other field. */
  readonly sigmaOf: TrajectoryFieldName | null;
}

/** The part of an Avro record schema that this module reads. */
export interface TrajectorySchema {
  readonly type: "record";
  readonly name: string;
  readonly doc: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: readonly unknown[];
    readonly default: null;
    readonly doc: string;
  }[];
}

const SCHEMA_FILE = new URL("../../schemas/trajectory_summary.avsc", import.meta.url);

/** The parsed schema. */
export const TRAJECTORY_SCHEMA: TrajectorySchema = JSON.parse(readFileSync(SCHEMA_FILE, "utf8"));

/** The schema as it is registered: without the white space of the file, so that a change of layout makes no new version. */
export const TRAJECTORY_SCHEMA_TEXT: string = JSON.stringify(TRAJECTORY_SCHEMA);

/** Value of `schema_version` in rows read from summary files: what the reference producer of this schema writes. */
export const SCHEMA_VERSION = "2.0";

/** The Avro types that a field may have, by their JSON text without the null branch. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  '"string"': "string",
  '"double"': "double",
  '"long"': "long",
  '"boolean"': "boolean",
  '{"type":"long","logicalType":"timestamp-micros"}': "timestamp_micros",
  '{"type":"array","items":["null","string"]}': "string_array",
};

/**
 * The fields of a record schema, in order.
 * @throws PermanentError for a type that this service does not know how to read and store
 */
export function fieldsOf(schema: TrajectorySchema): readonly TrajectoryField[] {
  let measured: TrajectoryFieldName | null = null;
  return schema.fields.map((field) => {
    // Checked against the interface by schema.test.ts. A field that is new in the .avsc still works everywhere by its name.
    const name = field.name as TrajectoryFieldName;
    const [first, second, ...rest] = field.type;
    const kind = first === "null" && rest.length === 0 ? KINDS[JSON.stringify(second)] : undefined;
    if (kind === undefined) {
      throw new PermanentError(
        `${SCHEMA_FILE.pathname}: field ${name} has the type ${JSON.stringify(field.type)}`,
        { hint: `Use ["null", T] with T one of ${Object.keys(KINDS).join(", ")}.` },
      );
    }
    const isSigma = /^sigma(_\d+)?$/.test(name);
    if (!isSigma) measured = name;
    return { name, kind, doc: field.doc, sigmaOf: isSigma ? measured : null };
  });
}

/** The fields in the schema's order. */
export const TRAJECTORY_FIELDS: readonly TrajectoryField[] = fieldsOf(TRAJECTORY_SCHEMA);
