/**
 * A dead letter as it stands in `schemas/dead_letter.avsc`, and how one gets its id.
 *
 * The id is made of where the letter comes from, not drawn: a failure that is met twice (a line read again after a crash, a
 * record processed again after a lost commit) is one letter.
 */
import type { Buffer } from "node:buffer";

/** Where in the way of the data it happened. */
export type DeadLetterStage = "read" | "fetch" | "decode" | "load";

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

/** The id of a letter about a whole record batch; its first record may have a letter of its own, should it become readable. */
export function batchLetterId(topic: string, partition: number, firstOffset: bigint): string {
  return `batch:${topic}-${partition}@${firstOffset}`;
}

/**
 * Bytes of a letter's value or key that are kept. Brokers take batches of 1,048,576 bytes (Redpanda) or 1,048,588 (Kafka) by
 * default; an unpacked record can be larger than that, and so can a letter about a record that only just fitted.
 */
export const LETTER_VALUE_BYTES_MAX = 1_000_000;
/** A reason may quote what it is about. */
const REASON_CHARACTERS_MAX = 10_000;

/** The letter with its key and value cut to `bytes_max`; the reason says so. One that is small enough stays as it is. */
export function cutLetter(letter: DeadLetter, bytes_max: number): DeadLetter {
  const { key, value } = letter;
  const cuts = [["key", key] as const, ["value", value] as const]
    .flatMap(([what, bytes]) =>
      bytes !== null && bytes.length > bytes_max
        ? [`only the first ${bytes_max} of ${bytes.length} bytes of the ${what} are kept`]
        : []
    );
  const reason = letter.reason.slice(0, REASON_CHARACTERS_MAX);
  if (cuts.length === 0 && reason === letter.reason) return letter;
  return {
    ...letter,
    reason: [reason, ...cuts].join("; "),
    key: key?.subarray(0, bytes_max) ?? null,
    value: value?.subarray(0, bytes_max) ?? null,
  };
}
