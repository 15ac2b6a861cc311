/**
 * Compatibility levels: the direction of the check, and how many earlier versions it covers.
 *
 * BACKWARD: the new schema reads data of the old one (upgrade consumers first). FORWARD: the old schema reads data of the
 * new one (upgrade producers first). FULL: both. TRANSITIVE: against all versions, not only the latest.
 */
import type avro from "avsc";
import { checkAvroCompatibility, describeIncompatibility } from "./avro_compatibility.ts";
import { type PreparedSchema, prepareSchema } from "./prepared_schema.ts";

export const compatibilityLevels = [
  "NONE",
  "BACKWARD",
  "BACKWARD_TRANSITIVE",
  "FORWARD",
  "FORWARD_TRANSITIVE",
  "FULL",
  "FULL_TRANSITIVE",
] as const;

export type CompatibilityLevel = typeof compatibilityLevels[number];

/** The level of a registry in which none was set, as in Redpanda and Confluent. */
export const defaultLevel: CompatibilityLevel = "BACKWARD";

/** Whether a text is the name of a level. */
export function isCompatibilityLevel(text: unknown): text is CompatibilityLevel {
  return (compatibilityLevels as readonly unknown[]).includes(text);
}

/**
 * The messages that explain why `candidate` can't follow the earlier versions of a subject; none if it can. `earlier` has the
 * versions to check, latest first. The first incompatible version is reported in full, as in Redpanda: the
 * reasons, then its number, its schema and the level.
 */
export function checkLevel(
  level: CompatibilityLevel,
  candidate: PreparedSchema,
  earlier: readonly { version: number; text: string }[],
): string[] {
  if (level === "NONE") return [];
  const isBackward = level.startsWith("BACKWARD") || level.startsWith("FULL");
  const isForward = level.startsWith("FORWARD") || level.startsWith("FULL");
  for (const { version, text } of earlier) {
    const { type } = prepareSchema(text);
    const messages = [
      ...(isBackward ? reasonsOf(candidate.type, type, "new", "old") : []),
      ...(isForward ? reasonsOf(type, candidate.type, "old", "new") : []),
    ];
    if (messages.length > 0) {
      return [
        ...messages,
        `{oldSchemaVersion: ${version}}`,
        `{oldSchema: '${text}'}`,
        `{compatibility: '${level}'}`,
      ];
    }
  }
  return [];
}

/** Limit of reasons reported for one version. More would not help, and the answer must stay small. */
const MAX_REASONS = 100;

function reasonsOf(reader: avro.Type, writer: avro.Type, readerName: string, writerName: string) {
  const reasons = checkAvroCompatibility(reader, writer);
  const described = reasons.slice(0, MAX_REASONS)
    .map((reason) => describeIncompatibility(reason, readerName, writerName));
  return reasons.length > MAX_REASONS
    ? [...described, `{and ${reasons.length - MAX_REASONS} more}`]
    : described;
}
