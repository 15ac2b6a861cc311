/**
 * Compatibility levels: which direction is checked, and against how many earlier versions.
 *
 * BACKWARD: the new schema reads what the old one wrote (upgrade consumers first). FORWARD: the old reads what the new
 * one writes (upgrade producers first). FULL: both. TRANSITIVE: against all versions and not the latest alone.
 */
import {
  type AliasRule,
  checkAvroCompatibility,
  tellIncompatibility,
} from "./avro_compatibility.ts";
import type { AvroSchema } from "./avro_schema.ts";

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

/** The level of a registry in which none was set; Redpanda's and Confluent's too. */
export const defaultLevel: CompatibilityLevel = "BACKWARD";

/** Redpanda's Avro library does not resolve aliases: what passes here must pass there. */
const aliasRule: AliasRule = "ignore";

export function isCompatibilityLevel(text: string): text is CompatibilityLevel {
  return (compatibilityLevels as readonly string[]).includes(text);
}

export function isTransitive(level: CompatibilityLevel): boolean {
  return level.endsWith("_TRANSITIVE");
}

/** An earlier version of a subject. */
export interface EarlierVersion {
  readonly version: number;
  readonly schema: AvroSchema;
  /** Its text, as stored. */
  readonly text: string;
}

/**
 * Why `candidate` does not go with the earlier versions; no messages where it does. The versions come latest first and
 * are as many as the level and the caller want checked; the first that does not fit is told in full, as in Redpanda:
 * its reasons, then its number, its schema and the level.
 */
export function checkLevel(
  level: CompatibilityLevel,
  candidate: AvroSchema,
  earlier: Iterable<EarlierVersion>,
): string[] {
  if (level === "NONE") return [];
  const backward = level.startsWith("BACKWARD") || level.startsWith("FULL");
  const forward = level.startsWith("FORWARD") || level.startsWith("FULL");
  for (const { version, schema, text } of earlier) {
    const messages = [
      ...(backward ? tell(candidate, schema, "new", "old") : []),
      ...(forward ? tell(schema, candidate, "old", "new") : []),
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

/** Reasons told of one version. More of them help nobody, and the answer must stay small. */
const MAX_REASONS = 100;

function tell(reader: AvroSchema, writer: AvroSchema, readerName: string, writerName: string) {
  const reasons = checkAvroCompatibility(reader, writer, aliasRule);
  const told = reasons.slice(0, MAX_REASONS)
    .map((reason) => tellIncompatibility(reason, readerName, writerName));
  return reasons.length > MAX_REASONS
    ? [...told, `{and ${reasons.length - MAX_REASONS} more}`]
    : told;
}
