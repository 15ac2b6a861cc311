/**
 * A dead letter as it stands in `schemas/dead_letter.avsc`, and how one gets its id.
 *
 * The id is made of where the letter comes from, not drawn: a failure that is met twice (a line read again after a crash, a
 * record processed again after a lost commit) is one letter.
 */
import type { Buffer } from "node:buffer";

/** Where in the way of the data it happened. */
export type DeadLetterStage = "read" | "decode" | "load";

/** Times in microseconds since 1970, UTC. Fields that a stage does not know are null. */
export interface DeadLetter {
  id: string;
  at: number;
  stage: DeadLetterStage | "unknown";
  reason: string;
  field: string | null;
  run_id: string | null;
  source_file: string | null;
  source_line: number | null;
  source_generated_at: number | null;
  text: string | null;
  /** Field of each column of `text`, null for a column that is none. Letters of earlier versions have none. */
  columns: (string | null)[] | null;
  topic: string | null;
  partition: number | null;
  offset: number | null;
  key: Buffer | null;
  value: Buffer | null;
  schema_id: number | null;
}

/** The id of a letter about a line of a file. The generation stamp is part of it: a regenerated file's line is another line. */
export function lineLetterId(file: string, generatedAt: Date | null, line: number): string {
  return `file:${file}@${generatedAt?.toISOString() ?? "unknown"}#${line}`;
}

/** The id of a letter about a record of a topic. */
export function recordLetterId(topic: string, partition: number, offset: bigint): string {
  return `${topic}-${partition}@${offset}`;
}
